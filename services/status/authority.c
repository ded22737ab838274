/* Authorities' certificates and the CRLs that lie beside them. Serves what the ceremony wrote;
 * makes and checks nothing but that a file is what its name says. */
#include "services/status/authority.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "common/ossl.h"
#include "common/x509.h"
#include "services/status/rules.h"

static struct bytes to_pem(struct arena *arena, X509 *certificate)
{
    autoptr(BIO) memory = BIO_new(BIO_s_mem());
    char *text;
    long size;

    if (!memory || !PEM_write_bio_X509(memory, certificate))
        return bytes_of(NULL, 0);
    size = BIO_get_mem_data(memory, &text);
    return arena_bytes(arena, bytes_of(text, (size_t)size));
}

static bool hash_names(X509 *certificate, struct authority *authority)
{
    const EVP_MD *const digests[] = {[OCSP_SHA1] = EVP_sha1(), [OCSP_SHA256] = EVP_sha256()};

    for (size_t i = 0; i < COUNT_OF(digests); i++)
        if (!X509_NAME_digest(X509_get_subject_name(certificate), digests[i],
                              authority->name_hash[i], NULL) ||
            !X509_pubkey_digest(certificate, digests[i], authority->key_hash[i], NULL))
            return false;
    return true;
}

static bool read_authority(struct arena *arena, X509 *certificate, const char *id,
                           struct authority *into)
{
    uint8_t digest[32];

    if (X509_check_ca(certificate) < 1)
        return false;
    *into = (struct authority){.id = arena_strdup(arena, id)};
    into->der = x509_der(arena, certificate, i2d_X509);
    into->pem = to_pem(arena, certificate);
    into->not_before = x509_time_us(X509_get0_notBefore(certificate));
    into->not_after = x509_time_us(X509_get0_notAfter(certificate));
    bytes_sha256(into->der, digest);
    snprintf(into->etag, sizeof(into->etag), "\"%s\"", bytes_to_hex(arena, bytes_of(digest, 8)));
    return into->pem.n && hash_names(certificate, into);
}

static enum rc add_file(struct arena *arena, const char *directory, const char *name,
                        struct err *err, struct authorities *all)
{
    autoptr(X509_stack) chain = NULL;
    const char *suffix;
    char id[33];

    if (!rule_file_name(name, id, &suffix) || strcmp(suffix, ".pem") != 0)
        return RC_OK;
    if (x509_certificates_load(arena_printf(arena, "%s/%s", directory, name), err, &chain) !=
        RC_OK) {
        err_clear(err);
        return RC_OK; /* a public key or a bundle of something else */
    }
    CHECK(all->count < AUTHORITY_MAX, err, TRIEN__ERROR__CONFIG_INVALID,
          "ca/directory: more than %d authorities", AUTHORITY_MAX);
    if (read_authority(arena, sk_X509_value(chain, 0), id, &all->list[all->count]))
        all->count++;
    return RC_OK;
}

static void close_directory(DIR **directory)
{
    if (*directory)
        closedir(*directory);
}

enum rc authorities_load(struct arena *arena, const char *directory, const char *root,
                         const char *issuing, struct err *err, struct authorities *ret_authorities)
{
    __attribute__((cleanup(close_directory))) DIR *folder = opendir(directory);
    struct authorities all = {.directory = directory, .root = root, .issuing = issuing};
    struct dirent *entry;

    CHECK(folder, err, TRIEN__ERROR__CONFIG_INVALID, "ca/directory: %s: %s", directory,
          strerror(errno));
    while ((entry = readdir(folder)))
        TRY(add_file(arena, directory, entry->d_name, err, &all));
    CHECK(all.count, err, TRIEN__ERROR__CONFIG_INVALID,
          "ca/directory: %s holds no authority's certificate (<id>.pem)", directory);
    CHECK(authorities_find(&all, root), err, TRIEN__ERROR__CONFIG_INVALID,
          "ca/root: %s/%s.pem is no authority's certificate", directory, root);
    CHECK(authorities_find(&all, issuing), err, TRIEN__ERROR__CONFIG_INVALID,
          "ca/issuing: %s/%s.pem is no authority's certificate", directory, issuing);
    *ret_authorities = all;
    return RC_OK;
}

const struct authority *authorities_find(const struct authorities *authorities, const char *id)
{
    if (strcmp(id, "root") == 0)
        id = authorities->root;
    else if (strcmp(id, "issuing") == 0)
        id = authorities->issuing;
    for (size_t i = 0; i < authorities->count; i++)
        if (strcmp(authorities->list[i].id, id) == 0)
            return &authorities->list[i];
    return NULL;
}

bool authority_is_issuer(const struct authority *authority, const struct ocsp_certid *id)
{
    size_t size = id->hash == OCSP_SHA1 ? 20 : 32;

    return memcmp(authority->key_hash[id->hash], id->key_hash.p, size) == 0 &&
           memcmp(authority->name_hash[id->hash], id->name_hash.p, size) == 0;
}

enum rc authority_crl(const struct authorities *authorities, const struct authority *authority,
                      struct arena *arena, struct err *err, struct bytes *ret_der,
                      usec *ret_this_update, usec *ret_next_update)
{
    const char *path = arena_printf(arena, "%s/%s.crl", authorities->directory, authority->id);
    autoptr(X509_CRL) crl = NULL;
    struct bytes der;
    const uint8_t *p;

    TRY(file_read(path, AUTHORITY_MAX_FILE_BYTES, arena, err, &der));
    *ret_der = der;
    if (der.n == 0)
        return RC_OK;
    p = der.p;
    crl = d2i_X509_CRL(NULL, &p, (long)der.n);
    ERR_clear_error();
    CHECK(crl && p == der.p + der.n && X509_CRL_get0_nextUpdate(crl), err, TRIEN__ERROR__INTERNAL,
          "%s is no CRL in DER", path);
    *ret_this_update = x509_time_us(X509_CRL_get0_lastUpdate(crl));
    *ret_next_update = x509_time_us(X509_CRL_get0_nextUpdate(crl));
    return RC_OK;
}
