/* Cleanup attributes of the OpenSSL objects that several files hold: `autoptr(X509) cert = NULL;`.
 */
#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "common/guard.h"

static inline void ossl_stack_free(STACK_OF(X509) * certificates)
{
    sk_X509_pop_free(certificates, X509_free);
}
typedef STACK_OF(X509) X509_stack;

DEFINE_AUTOPTR(X509, X509_free)
DEFINE_AUTOPTR(X509_stack, ossl_stack_free)
DEFINE_AUTOPTR(X509_CRL, X509_CRL_free)
DEFINE_AUTOPTR(X509_REQ, X509_REQ_free)
DEFINE_AUTOPTR(X509_NAME, X509_NAME_free)
DEFINE_AUTOPTR(X509_ALGOR, X509_ALGOR_free)
DEFINE_AUTOPTR(X509_PUBKEY, X509_PUBKEY_free)
DEFINE_AUTOPTR(X509_EXTENSION, X509_EXTENSION_free)
DEFINE_AUTOPTR(X509_STORE, X509_STORE_free)
DEFINE_AUTOPTR(X509_STORE_CTX, X509_STORE_CTX_free)
DEFINE_AUTOPTR(EVP_PKEY, EVP_PKEY_free)
DEFINE_AUTOPTR(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
DEFINE_AUTOPTR(EVP_MD_CTX, EVP_MD_CTX_free)
DEFINE_AUTOPTR(BIO, BIO_free_all)
DEFINE_AUTOPTR(BIGNUM, BN_free)
DEFINE_AUTOPTR(BN_CTX, BN_CTX_free)
DEFINE_AUTOPTR(ASN1_OCTET_STRING, ASN1_OCTET_STRING_free)
DEFINE_AUTOPTR(CMS_ContentInfo, CMS_ContentInfo_free)
DEFINE_AUTOPTR(GENERAL_NAMES, GENERAL_NAMES_free)
