/* The to-be-signed revocation list, parsed by ourselves with an ASN.1 template of RFC 5280 5.1, and
 * the questions asked of it. Refuses whatever is not the one DER encoding of what it says, and
 * every field or extension nobody here knows. Pure. */
#include "services/signer/list.h"

#include <openssl/asn1t.h>
#include <string.h>

#include "services/signer/journal.h"
#include "services/signer/record.h"

/* clang-format off */
ASN1_SEQUENCE(TBS_CERT_LIST) = {
    ASN1_OPT(TBS_CERT_LIST, version, ASN1_INTEGER),
    ASN1_SIMPLE(TBS_CERT_LIST, algorithm, X509_ALGOR),
    ASN1_SIMPLE(TBS_CERT_LIST, issuer, X509_NAME),
    ASN1_SIMPLE(TBS_CERT_LIST, this_update, ASN1_TIME),
    ASN1_OPT(TBS_CERT_LIST, next_update, ASN1_TIME),
    ASN1_SEQUENCE_OF_OPT(TBS_CERT_LIST, revoked, X509_REVOKED),
    ASN1_EXP_SEQUENCE_OF_OPT(TBS_CERT_LIST, extensions, X509_EXTENSION, 0),
} static_ASN1_SEQUENCE_END(TBS_CERT_LIST)
    /* clang-format on */

    static void free_list(void *fields)
{
    ASN1_item_free(fields, ASN1_ITEM_rptr(TBS_CERT_LIST));
}

static bool is_canonical(const TBS_CERT_LIST *fields, struct bytes der)
{
    unsigned char *again = NULL;
    int length = ASN1_item_i2d((const ASN1_VALUE *)fields, &again, ASN1_ITEM_rptr(TBS_CERT_LIST));
    bool same = length > 0 && bytes_equal(der, bytes_of(again, (size_t)length));

    OPENSSL_free(again);
    return same;
}

static TBS_CERT_LIST *parse(struct bytes der)
{
    const unsigned char *p = der.p;
    void *fields = ASN1_item_d2i(NULL, &p, (long)der.n, ASN1_ITEM_rptr(TBS_CERT_LIST));

    ERR_clear_error();
    if (fields && p != der.p + der.n) {
        free_list(fields);
        return NULL;
    }
    return fields;
}

enum rc list_parse(struct bytes der, struct arena *arena, struct err *err, struct list *ret_list)
{
    struct list list = {.der = der};

    CHECK(der.n > 0 && der.n <= LIST_MAX_TBS_BYTES, err, TRIEN__ERROR__SIGNER_LIMIT,
          "%zu bytes to be signed", der.n);
    list.fields = parse(der);
    CHECK(list.fields, err, TRIEN__ERROR__SIGNER_LIMIT, "not a to-be-signed revocation list");
    arena_defer(arena, list.fields, free_list);
    CHECK(is_canonical(list.fields, der), err, TRIEN__ERROR__SIGNER_LIMIT, "not in DER");
    list.issuer_der = x509_der(arena, list.fields->issuer, i2d_X509_NAME);
    list.this_update = x509_time_us(list.fields->this_update);
    list.next_update = list.fields->next_update ? x509_time_us(list.fields->next_update) : 0;
    *ret_list = list;
    return RC_OK;
}

/* --- the questions
 * ---------------------------------------------------------------------------------- */

static bool rule_issuer_is_valid_now(const struct list_question *q)
{
    return q->now >= q->issuer->not_before && q->now <= q->issuer->not_after;
}

static bool rule_issuer_signs_lists(const struct list_question *q)
{
    return q->issuer->signs_lists;
}

static bool rule_version_2(const struct list_question *q)
{
    return q->list->fields->version &&
           ASN1_INTEGER_get(q->list->fields->version) == X509_CRL_VERSION_2;
}

static bool rule_algorithm_is_issuers(const struct list_question *q)
{
    struct bytes inside = x509_der(q->arena, q->list->fields->algorithm, i2d_X509_ALGOR);

    return bytes_equal(inside, q->issuer->algorithm_der);
}

static bool rule_issuer_name_is_issuers(const struct list_question *q)
{
    return bytes_equal(q->list->issuer_der, q->issuer->subject_der);
}

static bool rule_times_in_form(const struct list_question *q)
{
    return rule_time_in_form(q->list->fields->this_update, q->list->this_update) &&
           q->list->fields->next_update &&
           rule_time_in_form(q->list->fields->next_update, q->list->next_update);
}

static bool rule_this_update_is_now(const struct list_question *q)
{
    return q->list->this_update <= q->now + RULES_SKEW &&
           q->list->this_update >= q->now - LIST_MAX_AGE;
}

static bool rule_next_update_within_limit(const struct list_question *q)
{
    return q->list->next_update > q->list->this_update &&
           q->list->next_update - q->list->this_update <= LIST_MAX_LIFETIME;
}

/* An empty list is no list (RFC 5280 5.1.2.6). */
static bool rule_entries_absent_or_some(const struct list_question *q)
{
    return !q->list->fields->revoked || sk_X509_REVOKED_num(q->list->fields->revoked) > 0;
}

static bool is_serial(const ASN1_INTEGER *serial)
{
    return ASN1_STRING_type(serial) == V_ASN1_INTEGER && ASN1_STRING_length(serial) >= 1 &&
           ASN1_STRING_length(serial) <= 20 && ASN1_INTEGER_get(serial) != 0;
}

/* Ascending, so that no certificate stands twice. */
static bool rule_serials_ascend(const struct list_question *q)
{
    STACK_OF(X509_REVOKED) *revoked = q->list->fields->revoked;
    const ASN1_INTEGER *before = NULL;

    for (int i = 0; i < sk_X509_REVOKED_num(revoked); i++) {
        const ASN1_INTEGER *serial =
            X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(revoked, i));

        if (!is_serial(serial) || (before && ASN1_INTEGER_cmp(before, serial) >= 0))
            return false;
        before = serial;
    }
    return true;
}

static bool rule_revoked_before_now(const struct list_question *q)
{
    STACK_OF(X509_REVOKED) *revoked = q->list->fields->revoked;

    for (int i = 0; i < sk_X509_REVOKED_num(revoked); i++) {
        const ASN1_TIME *when = X509_REVOKED_get0_revocationDate(sk_X509_REVOKED_value(revoked, i));
        usec at = x509_time_us(when);

        if (!rule_time_in_form(when, at) || at > q->list->this_update + RULES_SKEW)
            return false;
    }
    return true;
}

#define ROW(rule, otherwise)                                                                       \
    {                                                                                              \
#rule, rule_##rule, otherwise                                                              \
    }
#define LIST_ROW(rule, otherwise)                                                                  \
    {                                                                                              \
#rule, list_rule_##rule, otherwise                                                         \
    }

static const struct list_rule table[] = {
    ROW(issuer_is_valid_now, "the issuing certificate is not valid now"),
    ROW(issuer_signs_lists, "the issuing certificate may not sign revocation lists"),
    ROW(version_2, "the version is not 2"),
    ROW(algorithm_is_issuers, "the signature algorithm is not the issuing key's"),
    ROW(issuer_name_is_issuers, "the issuer name is not the issuing certificate's subject"),
    ROW(times_in_form, "UTCTime through 2049, GeneralizedTime from 2050; nextUpdate is a must"),
    ROW(this_update_is_now, "thisUpdate is not now"),
    ROW(next_update_within_limit, "it promises too much, or ends before it begins"),
    ROW(entries_absent_or_some, "an empty list of entries"),
    ROW(serials_ascend, "serial numbers are not positive, short and ascending"),
    ROW(revoked_before_now,
        "an entry was revoked after thisUpdate, or its time is in a wrong form"),
    LIST_ROW(extensions_known,
             "an extension that is unknown, repeated, critical, missing or not in DER"),
    LIST_ROW(authority_key_is_issuers, "the authority key identifier is not the issuing key's"),
    LIST_ROW(number_as_called, "the number is not the call's"),
    LIST_ROW(entry_extensions_known,
             "an entry's extension that is unknown, repeated, critical or not in DER"),
    LIST_ROW(reasons_may_stand, "a reason that may not stand in this list, or a future invalidity"),
};

const struct list_rule *list_rules_all(size_t *ret_count)
{
    *ret_count = COUNT_OF(table);
    return table;
}

enum rc list_check_form(const Trien__SignCrl *call, struct err *err)
{
    CHECK(record_field_ok(call->issuer, 32), err, TRIEN__ERROR__FIELD_INVALID,
          "issuer has 1 to 32 letters, digits and marks");
    CHECK(call->number >= 1 && call->number <= INT64_MAX, err, TRIEN__ERROR__FIELD_INVALID,
          "numbers begin with 1");
    CHECK(call->tbs_der.len <= LIST_MAX_TBS_BYTES, err, TRIEN__ERROR__TOO_LARGE,
          "more than %zu bytes", LIST_MAX_TBS_BYTES);
    return RC_OK;
}

enum rc list_check(const Trien__SignCrl *call, const struct x509_ca *issuers, size_t issuer_count,
                   usec now, struct arena *arena, struct err *err,
                   struct list_question *ret_question)
{
    struct list *list = ARENA_NEW(arena, struct list);
    struct list_question question = {
        .call = call,
        .issuer = x509_ca_find(issuers, issuer_count, call->issuer),
        .list = list,
        .now = now,
        .arena = arena,
    };

    TRY(list_check_form(call, err));
    CHECK(question.issuer, err, TRIEN__ERROR__NOT_FOUND, "no issuer %s", call->issuer);
    TRY(list_parse(bytes_of(call->tbs_der.data, call->tbs_der.len), arena, err, list));
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (!table[i].holds(&question)) {
            ERR_clear_error();
            err_field(err, "%s", table[i].name);
            FAIL(err, TRIEN__ERROR__SIGNER_LIMIT, "%s", table[i].otherwise);
        }
    *ret_question = question;
    return RC_OK;
}
