/* Gathers what the criteria are judged by. It judges nothing: what cannot be had leaves its error
 * beside it. */
#include "services/trienctl/evidence.h"

#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "common/fetch.h"
#include "common/x509.h"
#include "proto/signing.pb-c.h"

#define HTTP_MS 10000
#define PAGE_ROWS 500

enum rc evidence_http(const char *url, struct bytes body, const char *content_type, struct err *err,
                      int *ret_status, struct bytes *ret_body)
{
    struct fetch_request request = {
        .method = body.n ? "POST" : "GET", .url = url, .body = body, .timeout_ms = HTTP_MS};

    if (content_type)
        request.headers[0] = arena_printf(ctl_arena(), "Content-Type: %s", content_type);
    return fetch_http(&request, ctl_arena(), err, ret_status, ret_body);
}

/* --- authorities ---------------------------------------------------------------------------------
 */

static enum rc get_authority(const struct evidence *evidence, const char *name, struct err *err,
                             X509 **ret_certificate)
{
    const char *url = arena_printf(ctl_arena(), "%s/ca/%s.cer", evidence->where.status_url, name);
    struct bytes body = {0};
    int status = 0;

    TRY(evidence_http(url, (struct bytes){0}, NULL, err, &status, &body));
    CHECK(status == 200, err, TRIEN__ERROR__NOT_FOUND, "GET %s: %d", url, status);
    *ret_certificate = x509_parse(body);
    CHECK(*ret_certificate, err, TRIEN__ERROR__MALFORMED, "%s is no certificate", url);
    return RC_OK;
}

static void read_given_root(struct evidence *evidence)
{
    BIO *file = BIO_new_file(evidence->where.root_file, "r");

    if (file)
        evidence->given_root = PEM_read_bio_X509(file, NULL, NULL, NULL);
    BIO_free(file);
    ERR_clear_error();
}

/* --- certificates --------------------------------------------------------------------------------
 */

static void take_certificate(struct evidence *evidence, const Trien__CertificateRow *row)
{
    struct seen_certificate *seen = &evidence->certificates[evidence->certificate_count];
    unsigned char *spki = NULL;
    int length;

    *seen = (struct seen_certificate){
        .serial = row->serial,
        .order_id = row->order_id,
        .issuer = row->issuer,
        .profile = row->profile,
        .x509 = x509_parse(bytes_of(row->certificate_der.data, row->certificate_der.len)),
    };
    if (!seen->x509)
        return;
    length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(seen->x509), &spki);
    if (length > 0)
        bytes_sha256(bytes_of(spki, (size_t)length), seen->key_sha256);
    OPENSSL_free(spki);
    evidence->certificate_count++;
}

static enum rc list_certificates(struct evidence *evidence, struct err *err)
{
    const Trien__ListCertificatesReply *reply;
    Trien__ListCertificates call = TRIEN__LIST_CERTIFICATES__INIT;

    evidence->certificates =
        ARENA_ARRAY(ctl_arena(), struct seen_certificate, EVIDENCE_MAX_CERTIFICATES);
    call.has_limit = 1;
    call.limit = PAGE_ROWS;
    do {
        ProtobufCMessage *message = NULL;

        TRY(ctl_call(NULL, "signing", &call.base, &trien__list_certificates_reply__descriptor,
                     HTTP_MS, err, &message));
        reply = (const void *)message;
        for (size_t i = 0; i < reply->n_certificates; i++) {
            if (evidence->certificate_count == EVIDENCE_MAX_CERTIFICATES) {
                evidence->more_certificates = true;
                return RC_OK;
            }
            take_certificate(evidence, reply->certificates[i]);
            call.after = reply->certificates[i]->order_id;
        }
    } while (reply->n_certificates > 0);
    return RC_OK;
}

/* The public address of the first ones. */
static enum rc look_at_published(struct evidence *evidence, struct err *err)
{
    for (size_t i = 0; i < evidence->certificate_count && i < EVIDENCE_MAX_PROBES; i++) {
        struct seen_certificate *seen = &evidence->certificates[i];
        struct bytes body;

        TRY(evidence_http(arena_printf(ctl_arena(), "%s/certificates/%s.cer",
                                       evidence->where.status_url, seen->serial),
                          (struct bytes){0}, NULL, err, &seen->published, &body));
    }
    return RC_OK;
}

/* --- the whole -----------------------------------------------------------------------------------
 */

struct evidence *evidence_gather(const struct evidence_where *where)
{
    struct evidence *evidence = ARENA_NEW(ctl_arena(), struct evidence);

    evidence->where = *where;
    evidence->at = clock_now();
    evidence->issuer = "issuing1";
    if (get_authority(evidence, "root", &evidence->authorities_err, &evidence->root) == RC_OK &&
        get_authority(evidence, "issuing", &evidence->authorities_err, &evidence->issuing) == RC_OK)
        read_given_root(evidence);
    if (list_certificates(evidence, &evidence->certificates_err) == RC_OK &&
        look_at_published(evidence, &evidence->certificates_err) == RC_OK &&
        evidence->certificate_count)
        evidence->issuer = evidence->certificates[evidence->certificate_count - 1].issuer;
    evidence_lists(evidence);
    evidence_ocsp(evidence);
    evidence_journal(evidence);
    return evidence;
}

void evidence_free(struct evidence **evidence)
{
    struct evidence *old = *evidence;

    if (!old)
        return;
    for (size_t i = 0; i < old->certificate_count; i++)
        X509_free(old->certificates[i].x509);
    X509_free(old->root);
    X509_free(old->issuing);
    X509_free(old->given_root);
    X509_CRL_free(old->crl);
    *evidence = NULL;
}
