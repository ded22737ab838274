/* OCSP as a relying party asks: one question a certificate, one about a serial that was never
 * issued, and bytes that are no question. Answers are verified here against the root people were
 * given. */
#include <openssl/ocsp.h>
#include <openssl/rand.h>
#include <string.h>

#include "common/x509.h"
#include "services/trienctl/evidence.h"

DEFINE_AUTOPTR(OCSP_REQUEST, OCSP_REQUEST_free)
DEFINE_AUTOPTR(OCSP_RESPONSE, OCSP_RESPONSE_free)
DEFINE_AUTOPTR(OCSP_BASICRESP, OCSP_BASICRESP_free)

static usec time_of(const ASN1_GENERALIZEDTIME *when)
{
    return when ? x509_time_us(when) : 0;
}

/* Signature, chain to the root, and who signed. */
static void verify(const struct evidence *evidence, OCSP_BASICRESP *basic,
                   struct seen_answer *answer)
{
    autoptr(X509_STORE) store = X509_STORE_new();
    STACK_OF(X509) *chain = sk_X509_new_null();
    X509 *signer = NULL;

    sk_X509_push(chain, evidence->issuing);
    X509_STORE_add_cert(store, evidence->given_root ? evidence->given_root : evidence->root);
    answer->is_verified = OCSP_basic_verify(basic, chain, store, 0) == 1;
    answer->is_delegated = OCSP_resp_get0_signer(basic, &signer, chain) == 1 && signer &&
                           X509_cmp(signer, evidence->issuing) != 0 &&
                           (X509_get_extended_key_usage(signer) & XKU_OCSP_SIGN) != 0;
    sk_X509_free(chain);
    ERR_clear_error();
}

static void read_single(OCSP_BASICRESP *basic, OCSP_CERTID *id, struct seen_answer *answer)
{
    static const char *const said[] = {"good", "revoked", "unknown"};
    ASN1_GENERALIZEDTIME *revoked = NULL, *this_update = NULL, *next_update = NULL;
    int status = -1, reason = -1;

    if (OCSP_resp_find_status(basic, id, &status, &reason, &revoked, &this_update, &next_update) !=
        1)
        return;
    answer->names_it = true;
    answer->said = status >= 0 && status <= 2 ? said[status] : "";
    answer->reason = reason;
    answer->revoked_at = time_of(revoked);
    answer->this_update = time_of(this_update);
    answer->next_update = time_of(next_update);
    answer->produced_at = time_of(OCSP_resp_get0_produced_at(basic));
}

static void read_response(const struct evidence *evidence, struct bytes body, OCSP_REQUEST *request,
                          OCSP_CERTID *id, struct seen_answer *answer)
{
    const uint8_t *at = body.p;
    autoptr(OCSP_RESPONSE) response = d2i_OCSP_RESPONSE(NULL, &at, (long)body.n);
    autoptr(OCSP_BASICRESP) basic = NULL;

    answer->response_status = response ? OCSP_response_status(response) : -1;
    basic = response ? OCSP_response_get1_basic(response) : NULL;
    answer->is_basic = basic != NULL;
    ERR_clear_error();
    if (!basic)
        return;
    answer->has_nonce = OCSP_check_nonce(request, basic) == 1;
    verify(evidence, basic, answer);
    read_single(basic, id, answer);
}

/* Takes the id. */
static enum rc ask(struct evidence *evidence, OCSP_CERTID *id, struct err *err,
                   struct seen_answer *answer)
{
    autoptr(OCSP_REQUEST) request = OCSP_REQUEST_new();
    uint8_t *der = NULL;
    struct bytes body;
    int length;
    enum rc rc;

    OCSP_request_add0_id(request, id);
    OCSP_request_add1_nonce(request, NULL, 16);
    length = i2d_OCSP_REQUEST(request, &der);
    CHECK(length > 0, err, TRIEN__ERROR__INTERNAL, "no OCSP request");
    rc = evidence_http(arena_printf(ctl_arena(), "%s/ocsp", evidence->where.status_url),
                       bytes_of(der, (size_t)length), "application/ocsp-request", err,
                       &answer->http_status, &body);
    OPENSSL_free(der);
    if (rc == RC_OK)
        read_response(evidence, body, request, id, answer);
    return rc;
}

static bool is_revoked(const struct evidence *evidence, const struct seen_certificate *seen)
{
    X509_REVOKED *entry = NULL;

    return evidence->crl &&
           X509_CRL_get0_by_serial(evidence->crl, &entry, X509_get_serialNumber(seen->x509)) == 1;
}

static enum rc ask_about(struct evidence *evidence, const struct seen_certificate *seen,
                         struct err *err)
{
    struct seen_answer *answer = &evidence->answers[evidence->answer_count++];

    *answer = (struct seen_answer){
        .of = seen, .on_list = is_revoked(evidence, seen), .said = "", .response_status = -1};
    return ask(evidence, OCSP_cert_to_id(EVP_sha1(), seen->x509, evidence->issuing), err, answer);
}

static enum rc ask_about_nobody(struct evidence *evidence, struct err *err)
{
    struct seen_answer *answer = &evidence->answers[evidence->answer_count++];
    autoptr(BIGNUM) number = BN_new();
    ASN1_INTEGER *serial;
    OCSP_CERTID *id;

    *answer = (struct seen_answer){.said = "", .response_status = -1};
    BN_rand(number, 152, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY);
    serial = BN_to_ASN1_INTEGER(number, NULL);
    id = OCSP_cert_id_new(EVP_sha1(), X509_get_subject_name(evidence->issuing),
                          X509_get0_pubkey_bitstr(evidence->issuing), serial);
    ASN1_INTEGER_free(serial);
    return ask(evidence, id, err, answer);
}

static enum rc ask_nonsense(struct evidence *evidence, struct err *err)
{
    struct bytes body;
    int status;
    const uint8_t *at;

    TRY(evidence_http(arena_printf(ctl_arena(), "%s/ocsp", evidence->where.status_url),
                      bytes_of_text("không phải câu hỏi OCSP"), "application/ocsp-request", err,
                      &status, &body));
    at = body.p;
    autoptr(OCSP_RESPONSE) response = d2i_OCSP_RESPONSE(NULL, &at, (long)body.n);
    evidence->malformed_status = response ? OCSP_response_status(response) : -1;
    ERR_clear_error();
    return RC_OK;
}

/* Revoked ones first: there are few of them. */
static enum rc ask_all(struct evidence *evidence, struct err *err)
{
    TRY(ask_about_nobody(evidence, err));
    TRY(ask_nonsense(evidence, err));
    for (int revoked = 1; revoked >= 0; revoked--)
        for (size_t i = 0; i < evidence->certificate_count; i++) {
            const struct seen_certificate *seen = &evidence->certificates[i];

            if (is_revoked(evidence, seen) != revoked ||
                strcmp(seen->issuer, evidence->issuer) != 0 ||
                X509_cmp_current_time(X509_get0_notAfter(seen->x509)) < 0)
                continue;
            if (evidence->answer_count == EVIDENCE_MAX_PROBES)
                return RC_OK;
            TRY(ask_about(evidence, seen, err));
        }
    return RC_OK;
}

void evidence_ocsp(struct evidence *evidence)
{
    evidence->malformed_status = -1;
    if (!evidence->issuing) {
        evidence->ocsp_err = evidence->authorities_err;
        return;
    }
    if (ask_all(evidence, &evidence->ocsp_err) != RC_OK)
        ERR_clear_error();
}
