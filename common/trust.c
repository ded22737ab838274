/* Loading anchors and intermediates. It trusts what the operator put into the folder, after looking
 * that it is what it must be; everything else is judged in trust_path.c, trust_crl.c and
 * trust_judge.c. */
#include "common/trust_private.h"

#include <dirent.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cms.h"

#define MAX_FILES 1024

void trust_sha256(X509 *certificate, uint8_t ret_sha256[32])
{
    memset(ret_sha256, 0, 32);
    X509_digest(certificate, EVP_sha256(), ret_sha256, NULL);
}

void trust_authority(X509 *certificate, uint8_t ret_authority[32])
{
    uint8_t both[64] = {0};
    unsigned char *spki = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &spki);

    X509_NAME_digest(X509_get_subject_name(certificate), EVP_sha256(), both, NULL);
    if (size > 0)
        bytes_sha256(bytes_of(spki, (size_t)size), both + 32);
    OPENSSL_free(spki);
    bytes_sha256(bytes_of(both, sizeof(both)), ret_authority);
}

const char *trust_name_text(struct arena *arena, const X509_NAME *name)
{
    autoptr(BIO) out = BIO_new(BIO_s_mem());
    char *text = NULL;
    long size;

    if (!out || X509_NAME_print_ex(out, name, 0,
                                   XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) < 0)
        return "";
    size = BIO_get_mem_data(out, &text);
    return arena_strndup(arena, text, (size_t)size);
}

/* --- reading files --- */

static int is_certificate_file(const struct dirent *entry)
{
    static const char *const endings[] = {".pem", ".crt", ".cer", ".der"};
    const char *dot = strrchr(entry->d_name, '.');

    for (size_t i = 0; dot && dot != entry->d_name && i < COUNT_OF(endings); i++)
        if (strcmp(dot, endings[i]) == 0)
            return 1;
    return 0;
}

/* Every PEM certificate of the file, or the one DER certificate it is. */
static bool read_certificates(const char *path, X509_stack *into)
{
    autoptr(BIO) in = BIO_new_file(path, "rb");
    int before = sk_X509_num(into);
    X509 *certificate;

    while (in && (certificate = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL)
        if (!sk_X509_push(into, certificate)) {
            X509_free(certificate);
            return false;
        }
    if (in && sk_X509_num(into) == before && BIO_seek(in, 0) == 0) {
        certificate = d2i_X509_bio(in, NULL);
        if (certificate && !sk_X509_push(into, certificate))
            X509_free(certificate);
    }
    ERR_clear_error();
    return sk_X509_num(into) > before;
}

static enum rc read_folder(const char *folder, bool required, X509_stack *into, struct err *err)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_certificate_file, alphasort);
    enum rc rc = RC_OK;

    if (count < 0 && !required)
        return RC_OK;
    CHECK(count >= 0, err, TRIEN__ERROR__KEY_FILE, "%s: cannot be read", folder);
    for (int i = 0; i < count; i++) {
        char path[4096];

        snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        if (rc == RC_OK && (count > MAX_FILES || !read_certificates(path, into)))
            rc = err_set(err, TRIEN__ERROR__KEY_FILE, __FILE__, __LINE__, "%s: no certificate",
                         path);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

/* --- what they must be --- */

static enum rc check_authority(X509 *certificate, bool anchor, struct err *err)
{
    char name[160] = "";

    X509_NAME_oneline(X509_get_subject_name(certificate), name, sizeof(name));
    CHECK(X509_check_ca(certificate) == 1, err, TRIEN__ERROR__KEY_FILE, "not a CA certificate: %s",
          name);
    CHECK(!anchor || X509_check_issued(certificate, certificate) == X509_V_OK, err,
          TRIEN__ERROR__KEY_FILE, "an anchor must be self-signed: %s", name);
    return RC_OK;
}

static enum rc check_all(const struct trust *trust, struct err *err)
{
    CHECK(sk_X509_num(trust->anchors) > 0, err, TRIEN__ERROR__KEY_FILE, "there is no trust anchor");
    for (int i = 0; i < sk_X509_num(trust->anchors); i++) {
        TRY(check_authority(sk_X509_value(trust->anchors, i), true, err));
        CHECK(X509_STORE_add_cert(trust->store, sk_X509_value(trust->anchors, i)) == 1, err,
              TRIEN__ERROR__INTERNAL, "X509_STORE_add_cert");
    }
    for (int i = 0; i < sk_X509_num(trust->intermediates); i++)
        TRY(check_authority(sk_X509_value(trust->intermediates, i), false, err));
    return RC_OK;
}

static enum rc fill(struct trust *trust, const char *directory, struct err *err)
{
    char folder[4000];

    snprintf(folder, sizeof(folder), "%s/anchors", directory);
    TRY(read_folder(folder, true, trust->anchors, err));
    snprintf(folder, sizeof(folder), "%s/intermediates", directory);
    TRY(read_folder(folder, false, trust->intermediates, err));
    return check_all(trust, err);
}

enum rc trust_new(const char *directory, struct err *err, struct trust **ret_trust)
{
    struct trust *trust = calloc(1, sizeof(*trust));
    enum rc rc;

    CHECK(trust, err, TRIEN__ERROR__INTERNAL, "out of memory");
    pthread_rwlock_init(&trust->lock, NULL);
    trust->anchors = sk_X509_new_null();
    trust->intermediates = sk_X509_new_null();
    trust->store = X509_STORE_new();
    trust->seen = calloc(TRUST_DIGESTS_KEPT, sizeof(*trust->seen));
    if (trust->anchors && trust->intermediates && trust->store && trust->seen)
        rc = fill(trust, directory, err);
    else
        rc = err_set(err, TRIEN__ERROR__INTERNAL, __FILE__, __LINE__, "out of memory");
    if (rc != RC_OK) {
        trust_free(&trust);
        return rc;
    }
    *ret_trust = trust;
    return RC_OK;
}

void trust_free(struct trust **trust)
{
    struct trust *t = *trust;

    if (!t)
        return;
    ossl_stack_free(t->anchors);
    ossl_stack_free(t->intermediates);
    X509_STORE_free(t->store);
    for (size_t i = 0; i < t->list_count; i++)
        X509_CRL_free(t->lists[i].crl);
    for (size_t i = 0; i < TRUST_PATH_SLOTS; i++)
        ossl_stack_free(t->paths[i].chain);
    free(t->lists);
    free(t->seen);
    pthread_rwlock_destroy(&t->lock);
    free(t);
    *trust = NULL;
}

void trust_count(const struct trust *trust, size_t *ret_anchors, size_t *ret_intermediates)
{
    *ret_anchors = (size_t)sk_X509_num(trust->anchors);
    *ret_intermediates = (size_t)sk_X509_num(trust->intermediates);
}
