/* The to-be-signed revocation list, parsed by ourselves with an ASN.1 template of RFC 5280 5.1, and
 * the questions asked of it. Refuses whatever is not the one DER encoding of what it says, and
 * every field or extension nobody here knows. The entries, of which there may be millions, are read
 * by list_entries.c. Pure. */
#include "services/signer/list.h"

#include <openssl/asn1t.h>
#include <string.h>

#include "common/der.h"
#include "services/signer/journal.h"
#include "services/signer/record.h"

/* clang-format off */
ASN1_SEQUENCE(TBS_CERT_LIST) = {
    ASN1_OPT(TBS_CERT_LIST, version, ASN1_INTEGER),
    ASN1_SIMPLE(TBS_CERT_LIST, algorithm, X509_ALGOR),
    ASN1_SIMPLE(TBS_CERT_LIST, issuer, X509_NAME),
    ASN1_SIMPLE(TBS_CERT_LIST, this_update, ASN1_TIME),
    ASN1_OPT(TBS_CERT_LIST, next_update, ASN1_TIME),
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

/* The next value of `rest`, of whatever tag, whole. */
static bool take_value(struct bytes *rest, int *ret_tag, struct bytes *ret_value,
                       struct bytes *ret_content)
{
    const unsigned char *p = rest->p;
    long size = 0;
    int class = 0, flags = ASN1_get_object(&p, &size, ret_tag, &class, (long)rest->n);

    ERR_clear_error();
    if (rest->n == 0 || flags & 0x81 || size < 0) /* an error, or an indefinite length */
        return false;
    *ret_tag |= class;
    *ret_content = bytes_of(p, (size_t)size);
    *ret_value = bytes_of(rest->p, (size_t)(p - rest->p) + (size_t)size);
    *rest = bytes_of(rest->p + ret_value->n, rest->n - ret_value->n);
    return true;
}

/* Its length in the fewest octets. */
static bool is_short(struct bytes value, struct bytes content)
{
    uint8_t header[DER_MAX_HEADER];

    return value.n == der_header(DER_SEQUENCE, content.n, header) + content.n;
}

/* revokedCertificates is the SEQUENCE behind the times; the fields around it are parsed. */
static bool split(struct bytes der, struct list *list)
{
    struct bytes value, content, rest;
    bool behind_times = false;
    int tag;

    if (!take_value(&der, &tag, &value, &rest) || tag != V_ASN1_SEQUENCE || der.n ||
        !is_short(value, rest))
        return false;
    list->before = bytes_of(rest.p, 0);
    while (rest.n) {
        if (!take_value(&rest, &tag, &value, &content))
            return false;
        if (behind_times && tag == V_ASN1_SEQUENCE && !list->has_entries) {
            list->has_entries = true;
            list->entries = content;
            list->after = rest;
            return is_short(value, content);
        }
        behind_times = behind_times || tag == V_ASN1_UTCTIME || tag == V_ASN1_GENERALIZEDTIME;
        if (tag == (V_ASN1_CONTEXT_SPECIFIC | 0)) {
            list->after = bytes_of(value.p, value.n + rest.n);
            return true;
        }
        list->before.n += value.n;
    }
    return true;
}

enum rc list_parse(struct bytes der, struct arena *arena, struct err *err, struct list *ret_list)
{
    struct list list = {0};
    struct bytes bare;

    CHECK(der.n > 0 && der.n <= LIST_MAX_TBS_BYTES, err, TRIEN__ERROR__SIGNER_LIMIT,
          "%zu bytes to be signed", der.n);
    CHECK(split(der, &list), err, TRIEN__ERROR__SIGNER_LIMIT, "not a to-be-signed revocation list");
    bare = DER(arena, DER_SEQUENCE, list.before, list.after);
    list.fields = parse(bare);
    CHECK(list.fields, err, TRIEN__ERROR__SIGNER_LIMIT, "not a to-be-signed revocation list");
    arena_defer(arena, list.fields, free_list);
    CHECK(is_canonical(list.fields, bare) && (list.has_entries || bytes_equal(bare, der)), err,
          TRIEN__ERROR__SIGNER_LIMIT, "not in DER");
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
    return !q->list->has_entries || q->list->entries.n > 0;
}

#define ROW(rule, otherwise)                                                                       \
    {                                                                                              \
#rule, rule_##rule, otherwise                                                              \
    }
#define LIST_ROW(rule, otherwise)                                                                  \
    {                                                                                              \
#rule, list_rule_##rule, otherwise                                                         \
    }
#define ENTRY_ROW(rule, otherwise)                                                                 \
    {                                                                                              \
#rule, NULL, otherwise                                                                     \
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
    LIST_ROW(extensions_known,
             "an extension that is unknown, repeated, critical, missing or not in DER"),
    LIST_ROW(authority_key_is_issuers, "the authority key identifier is not the issuing key's"),
    LIST_ROW(number_as_called, "the number is not the call's"),
    ENTRY_ROW(entries_in_form, "an entry that is not in DER, or is none"),
    ENTRY_ROW(serials_ascend, "serial numbers are not positive, short and ascending"),
    ENTRY_ROW(revoked_before_now,
              "an entry was revoked after thisUpdate, or its time is in a wrong form"),
    ENTRY_ROW(
        entry_extensions_known,
        "an entry's extension that is unknown, repeated, critical, out of order or not in DER"),
    ENTRY_ROW(reasons_may_stand,
              "a reason that may not stand in this list, or a future invalidity"),
};

static enum rc refuse(const char *name, struct err *err)
{
    const char *otherwise = "";

    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (strcmp(table[i].name, name) == 0)
            otherwise = table[i].otherwise;
    ERR_clear_error();
    err_field(err, "%s", name);
    FAIL(err, TRIEN__ERROR__SIGNER_LIMIT, "%s", otherwise);
}

enum rc list_check_entries(struct list_entries *entries, struct bytes der, struct err *err)
{
    const char *rule = NULL;

    return list_entries_read(entries, der, &rule) ? RC_OK : refuse(rule, err);
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
    struct list_entries entries = {0};
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
        if (table[i].holds && !table[i].holds(&question))
            return refuse(table[i].name, err);
    entries.this_update = list->this_update;
    TRY(list_check_entries(&entries, list->entries, err));
    *ret_question = question;
    return RC_OK;
}
