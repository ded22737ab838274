/* Fetching revocation lists. Believes nothing of what it brings, and lets no URL in somebody's
 * certificate read a file or end the process. */
#include "common/crl_fetch.h"

#include <openssl/pem.h>
#include <string.h>

#include "common/fetch.h"
#include "common/trust.h"
#include "common/x509.h"

/* PEM is decoded, DER passes. */
static struct bytes der_of(struct arena *arena, struct bytes body)
{
    static const char begin[] = "-----BEGIN X509 CRL-----";
    struct bytes der = body;

    if (body.n > sizeof begin && memcmp(body.p, begin, sizeof begin - 1) == 0) {
        autoptr(BIO) in = BIO_new_mem_buf(body.p, (int)body.n);
        autoptr(X509_CRL) crl = in ? PEM_read_bio_X509_CRL(in, NULL, NULL, NULL) : NULL;

        ERR_clear_error();
        if (crl)
            der = x509_der(arena, crl, i2d_X509_CRL);
    }
    return der;
}

static bool is_configured(const struct crl_places *places, const char *url)
{
    const struct conf_node *node = places->configured ? places->configured->child : NULL;

    while (node && strcmp(node->value, url) != 0)
        node = node->next;
    return node;
}

enum rc crl_fetch(const struct crl_places *places, const char *url, struct arena *arena,
                  struct err *err, struct bytes *ret_der)
{
    const struct fetch_request request = {.method = "GET",
                                          .url = url,
                                          .allow_file = is_configured(places, url),
                                          .timeout_ms = places->timeout_ms,
                                          .max_bytes = TRUST_MAX_CRL_BYTES};
    struct bytes body = {0};
    int status = 0;
    enum rc rc = fetch_http(&request, arena, err, &status, &body);

    /* an unusable URL in somebody's certificate is no reason for this process to end */
    if (rc == RC_FATAL)
        FAIL(err, TRIEN__ERROR__UNSUPPORTED_TYPE, "this URL cannot be used");
    TRY(rc);
    CHECK(status == 200, err, TRIEN__ERROR__NOT_FOUND, "status %d", status);
    *ret_der = der_of(arena, body);
    return RC_OK;
}
