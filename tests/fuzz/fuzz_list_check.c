/* A revocation list as it passes through status before it is given out: its beginning is parsed
 * before its signature is looked at. The first byte says into what parts the rest is cut. No list
 * may ever be believed: the authority's key is gone. */
// links: services/status
#include <openssl/ec.h>
#include <stdlib.h>

#include "services/status/list_check.h"

static struct arena *arena;
static struct authority authority = {.id = "issuing1"};

static void make_authority(void)
{
    X509 *certificate = X509_new();
    EVP_PKEY *key = EVP_EC_gen("P-256");

    arena = arena_new((size_t)1 << 20);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                               (const uint8_t *)"A", -1, -1, 0);
    X509_set_pubkey(certificate, key);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_sign(certificate, key, EVP_sha256());
    authority.der = x509_der(arena, certificate, i2d_X509);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static enum rc pass(struct list_check *check, struct bytes list, size_t step, struct err *err)
{
    uint8_t digest[32];

    for (size_t at = 0; at < list.n; at += step)
        TRY(list_check_add(check, bytes_of(list.p + at, step < list.n - at ? step : list.n - at),
                           err));
    bytes_sha256(list, digest);
    return list_check_end(check, bytes_of(digest, 32), err);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    struct list_check check;
    struct err err = {0};

    if (!arena)
        make_authority();
    if (size < 2)
        return 0;
    list_check_init(&check, &authority, size - 1);
    if (pass(&check, bytes_of(input + 1, size - 1), 1 + (size_t)input[0] * 4, &err) != RC_REJECT)
        abort();
    list_check_done(&check);
    return 0;
}
