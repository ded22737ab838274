/* A public key for fuzz targets: nobody has its private half, so nothing is signed by it. */
#pragma once

#include <openssl/ec.h>

#include "common/ossl.h"
#include "common/x509.h"

static const struct x509_key *fuzz_key(void)
{
    static struct x509_key *key;
    struct err err = {0};
    uint8_t *spki = NULL;
    int n;

    if (!key) {
        autoptr(EVP_PKEY) made = EVP_EC_gen("P-256");

        n = i2d_PUBKEY(made, &spki);
        if (x509_key_from_spki(bytes_of(spki, (size_t)n), &err, &key) != RC_OK)
            __builtin_trap();
        OPENSSL_free(spki);
    }
    return key;
}
