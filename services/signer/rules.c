/* The questions an order must answer with yes. One row each; a row that does not hold refuses the
 * order with its name. Pure. */
#include "services/signer/rules.h"

#include <string.h>

#include "services/signer/journal.h"
#include "services/signer/record.h"

static bool rule_profile_as_authorized(const struct question *q)
{
    return !q->ground->profile || strcmp(q->ground->profile, q->order->profile) == 0;
}

static bool rule_ground_fits_profile(const struct question *q)
{
    return strcmp(q->ground->kind, q->limits->ground) == 0;
}

static bool rule_issuer_as_approved(const struct question *q)
{
    return !q->ground->issuer || strcmp(q->ground->issuer, q->order->issuer) == 0;
}

static bool rule_version_3(const struct question *q)
{
    return q->tbs->fields->version && ASN1_INTEGER_get(q->tbs->fields->version) == X509_VERSION_3;
}

/* RFC 5280 4.1.2.2, and at least 64 bits as CAs have agreed. */
static bool rule_serial_long_enough(const struct question *q)
{
    autoptr(BIGNUM) number = ASN1_INTEGER_to_BN(q->tbs->fields->serial, NULL);

    return number && !BN_is_negative(number) && BN_num_bits(number) >= 64 &&
           BN_num_bits(number) <= 159;
}

static bool rule_algorithm_is_issuers(const struct question *q)
{
    struct bytes inside = x509_der(q->arena, q->tbs->fields->algorithm, i2d_X509_ALGOR);

    return bytes_equal(inside, q->issuer->algorithm_der);
}

static bool rule_issuer_name_is_issuers(const struct question *q)
{
    return bytes_equal(q->tbs->issuer_der, q->issuer->subject_der);
}

static bool rule_no_unique_ids(const struct question *q)
{
    return !q->tbs->fields->issuer_uid && !q->tbs->fields->subject_uid;
}

static bool rule_subject_as_authorized(const struct question *q)
{
    return bytes_equal(q->tbs->subject_der, q->ground->subject_der);
}

static bool rule_subject_is_no_ca(const struct question *q)
{
    return !bytes_equal(q->tbs->subject_der, q->issuer->subject_der) && q->tbs->subject_der.n > 2;
}

static bool rule_key_as_authorized(const struct question *q)
{
    return bytes_equal(bytes_of(q->tbs->key_sha256, 32), q->ground->key_sha256);
}

static bool rule_key_is_not_issuers(const struct question *q)
{
    return memcmp(q->tbs->key_sha256, q->issuer->key_sha256, 32) != 0;
}

/* One of the blank-separated words. */
static bool has_word(const char *words, const char *word)
{
    size_t length = strlen(word);

    for (const char *p = words; length > 0 && (p = strstr(p, word)) != NULL; p += length)
        if ((p == words || p[-1] == ' ') && (p[length] == ' ' || p[length] == '\0'))
            return true;
    return false;
}

static bool rule_key_kind_within_limits(const struct question *q)
{
    return has_word(q->limits->key_kinds, q->tbs->key.kind);
}

/* RFC 8017 3.1; FIPS 186-5 5.4(e). */
static bool rule_key_exponent_sane(const struct question *q)
{
    return q->tbs->key.exponent_sane;
}

/* RFC 5280 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050. */
bool rule_time_in_form(const ASN1_TIME *when, usec at)
{
    int year, month, day;

    clock_day_parts((civil_day)(at / USEC_PER_DAY), &year, &month, &day);
    return at > 0 &&
           ASN1_STRING_type(when) == (year < 2050 ? V_ASN1_UTCTIME : V_ASN1_GENERALIZEDTIME);
}

static bool rule_times_in_form(const struct question *q)
{
    return rule_time_in_form(q->tbs->fields->validity->notBefore, q->tbs->not_before) &&
           rule_time_in_form(q->tbs->fields->validity->notAfter, q->tbs->not_after);
}

static bool rule_validity_in_order(const struct question *q)
{
    return q->tbs->not_before < q->tbs->not_after;
}

static bool rule_not_before_authorization(const struct question *q)
{
    return q->tbs->not_before >= q->ground->not_before;
}

static bool rule_not_before_is_not_future(const struct question *q)
{
    return q->tbs->not_before <= q->now + RULES_SKEW;
}

static bool within_days(const struct question *q, uint32_t days)
{
    return q->tbs->not_after - q->tbs->not_before <= (usec)days * USEC_PER_DAY;
}

static bool rule_validity_within_authorization(const struct question *q)
{
    return within_days(q, q->ground->validity_days);
}

static bool rule_validity_within_limits(const struct question *q)
{
    return within_days(q, q->limits->max_days);
}

static bool rule_validity_within_issuers(const struct question *q)
{
    return q->tbs->not_before >= q->issuer->not_before && q->tbs->not_after <= q->issuer->not_after;
}

static bool rule_issuer_is_valid_now(const struct question *q)
{
    return q->now >= q->issuer->not_before && q->now <= q->issuer->not_after;
}

#define BEYOND TRIEN__ERROR__BEYOND_AUTHORIZATION
#define LIMIT TRIEN__ERROR__SIGNER_LIMIT
/* A clock that is wrong must cost time, not the request: it is asked again. */
#define NOT_YET TRIEN__ERROR__NOT_YET
#define ROW(rule, code, otherwise)                                                                 \
    {                                                                                              \
#rule, code, rule_##rule, otherwise                                                        \
    }

static const struct rule table[] = {
    ROW(profile_as_authorized, BEYOND, "another profile was authorised"),
    ROW(ground_fits_profile, LIMIT, "this profile needs another kind of ground"),
    ROW(issuer_as_approved, BEYOND, "another issuer was approved"),
    ROW(issuer_is_valid_now, LIMIT, "the issuing certificate is not valid now"),
    ROW(version_3, LIMIT, "the version is not 3"),
    ROW(serial_long_enough, LIMIT, "the serial number is not of 64 to 159 bits"),
    ROW(algorithm_is_issuers, LIMIT, "the signature algorithm is not the issuing key's"),
    ROW(issuer_name_is_issuers, LIMIT, "the issuer name is not the issuing certificate's subject"),
    ROW(no_unique_ids, LIMIT, "unique identifiers"),
    ROW(subject_as_authorized, BEYOND, "another subject was authorised"),
    ROW(subject_is_no_ca, LIMIT, "the subject is empty or the issuer itself"),
    ROW(key_as_authorized, BEYOND, "another key was authorised"),
    ROW(key_is_not_issuers, LIMIT, "the issuing key itself"),
    ROW(key_kind_within_limits, LIMIT, "keys of this kind or size are not certified"),
    ROW(key_exponent_sane, LIMIT, "the RSA exponent is even, small or huge"),
    ROW(times_in_form, LIMIT, "UTCTime through 2049, GeneralizedTime from 2050"),
    ROW(validity_in_order, LIMIT, "it ends before it begins"),
    ROW(not_before_authorization, BEYOND, "it begins before it was authorised"),
    ROW(not_before_is_not_future, NOT_YET, "it begins in the future: whose clock is wrong?"),
    ROW(validity_within_authorization, BEYOND, "it lives longer than authorised"),
    ROW(validity_within_limits, LIMIT, "it lives longer than the profile may"),
    ROW(validity_within_issuers, LIMIT, "it outlives the issuing certificate"),
    ROW(extensions_known, LIMIT,
        "an extension that is unknown, repeated, wrongly critical, "
        "missing or not allowed here"),
    ROW(extensions_canonical, LIMIT, "an extension is not in DER"),
    ROW(basic_constraints_no_ca, LIMIT, "a CA certificate, or a path length"),
    ROW(key_usage_within_limits, LIMIT, "key usage goes beyond the profile"),
    ROW(extended_usage_within_limits, LIMIT, "extended key usage goes beyond the profile"),
    ROW(authority_key_is_issuers, LIMIT, "the authority key identifier is not the issuing key's"),
    ROW(subject_key_id_plain, LIMIT, "the subject key identifier is empty or too long"),
    ROW(policies_present, LIMIT, "certificate policies are empty or any"),
    ROW(addresses_are_http, LIMIT, "an address of CRL, issuer or OCSP is not plain http"),
    ROW(no_check_for_responders, LIMIT, "id-pkix-ocsp-nocheck is not NULL"),
    ROW(names_are_authorized, BEYOND, "alternative names are not exactly the authorised ones"),
    ROW(name_kinds_within_limits, LIMIT, "alternative names of a kind the profile has not"),
};

const struct rule *rules_all(size_t *ret_count)
{
    *ret_count = COUNT_OF(table);
    return table;
}

enum rc rules_ask(const struct question *question, struct err *err)
{
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (!table[i].holds(question)) {
            ERR_clear_error();
            err_field(err, "%s", table[i].name);
            FAIL(err, table[i].code, "%s", table[i].otherwise);
        }
    return RC_OK;
}

/* --- all of it -----------------------------------------------------------------------------------
 */

static bool signatures_have_form(const Trien__SignCertificate *order)
{
    const Trien__KeySignature *all[4] = {0};
    size_t count = 0;

    if (order->ground_case == TRIEN__SIGN_CERTIFICATE__GROUND_SUBSCRIBER) {
        all[count++] = order->subscriber->registration_authority;
        if (order->subscriber->station)
            all[count++] = order->subscriber->station;
    } else if (order->ground_case == TRIEN__SIGN_CERTIFICATE__GROUND_RESPONDER) {
        for (size_t i = 0; i < order->responder->n_officers && count < COUNT_OF(all); i++)
            all[count++] = order->responder->officers[i];
    }
    for (size_t i = 0; i < count; i++)
        if (strlen(all[i]->key_id) != 64 || !record_field_ok(all[i]->key_id, 64))
            return false;
    return true;
}

enum rc rules_check_form(const Trien__SignCertificate *order, struct err *err)
{
    CHECK(protobuf_c_message_get_packed_size(&order->base) <= RULES_MAX_CALL_BYTES, err,
          TRIEN__ERROR__TOO_LARGE, "more than 64 KiB");
    CHECK(record_field_ok(order->order_id, JOURNAL_ORDER_CHARS), err, TRIEN__ERROR__FIELD_INVALID,
          "order_id has 1 to %d letters, digits and marks", JOURNAL_ORDER_CHARS);
    /* signer_sign_list() makes these; a certificate must not take a list's place */
    CHECK(strncmp(order->order_id, "list/", 5) != 0, err, TRIEN__ERROR__FIELD_INVALID,
          "order_id: list/ is for revocation lists");
    CHECK(record_field_ok(order->issuer, 32), err, TRIEN__ERROR__FIELD_INVALID,
          "issuer has 1 to 32 letters, digits and marks");
    CHECK(signatures_have_form(order), err, TRIEN__ERROR__FIELD_INVALID,
          "a key id is 64 hexadecimal digits");
    return RC_OK;
}

enum rc rules_check(const Trien__SignCertificate *order, const struct x509_ca *issuers,
                    size_t issuer_count, const struct x509_enrolled *rings, usec now,
                    struct arena *arena, struct err *err, struct question *ret_question)
{
    struct ground *ground = ARENA_NEW(arena, struct ground);
    struct tbs *tbs = ARENA_NEW(arena, struct tbs);
    struct question question = {
        .order = order,
        .issuer = x509_ca_find(issuers, issuer_count, order->issuer),
        .limits = limits_find(order->profile),
        .ground = ground,
        .tbs = tbs,
        .now = now,
        .arena = arena,
    };

    TRY(rules_check_form(order, err));
    /* Signing may have been told of the next generation first: its orders wait. */
    CHECK(question.issuer, err, TRIEN__ERROR__NOT_YET, "no issuer %s here", order->issuer);
    CHECK(question.limits, err, TRIEN__ERROR__PROFILE_UNKNOWN, "no profile %.40s", order->profile);
    TRY(ground_check(order, rings, now, arena, err, ground));
    TRY(tbs_parse(bytes_of(order->tbs_der.data, order->tbs_der.len), arena, err, tbs));
    TRY(rules_ask(&question, err));
    *ret_question = question;
    return RC_OK;
}
