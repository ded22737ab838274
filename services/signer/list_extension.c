/* The questions about a list's extensions and its entries'. Two tables say which there may be; what
 * is not in them is refused, whatever it says. None is critical: a full list for all certificates
 * of its issuer needs no issuingDistributionPoint, and no indicator of a delta may stand here.
 * Pure. */
#include "services/signer/list.h"

static const int list_extensions[] = {NID_authority_key_identifier, NID_crl_number};
static const int entry_extensions[] = {NID_crl_reason, NID_invalidity_date};

/* RFC 5280 5.3.1; not 0 (it is left out), not the CA's own (2), not what ends a hold (8). */
static const long reasons[] = {CRL_REASON_KEY_COMPROMISE, CRL_REASON_AFFILIATION_CHANGED,
                               CRL_REASON_SUPERSEDED, CRL_REASON_CESSATION_OF_OPERATION,
                               CRL_REASON_PRIVILEGE_WITHDRAWN};

static int place_of(const int *table, size_t count, int nid)
{
    for (size_t i = 0; i < count; i++)
        if (table[i] == nid)
            return (int)i;
    return -1;
}

/* The content is the one DER encoding of what it parses to. */
static bool is_canonical(X509_EXTENSION *extension)
{
    const ASN1_OCTET_STRING *content = X509_EXTENSION_get_data(extension);
    int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
    void *value = X509V3_EXT_d2i(extension);
    X509_EXTENSION *again = value ? X509V3_EXT_i2d(nid, 0, value) : NULL;
    bool same = again && ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(again), content) == 0;

    X509_EXTENSION_free(again);
    if (value)
        ASN1_item_free(value, ASN1_ITEM_ptr(X509V3_EXT_get_nid(nid)->it));
    return same;
}

/* Each is in the table, stands once, is not critical; the bits of those that were there. */
static bool are_known(const STACK_OF(X509_EXTENSION) * extensions, const int *table, size_t count,
                      unsigned *ret_seen)
{
    *ret_seen = 0;
    for (int i = 0; i < X509v3_get_ext_count(extensions); i++) {
        X509_EXTENSION *extension = X509v3_get_ext(extensions, i);
        int place = place_of(table, count, OBJ_obj2nid(X509_EXTENSION_get_object(extension)));

        if (place < 0 || (*ret_seen >> place & 1) || X509_EXTENSION_get_critical(extension) ||
            !is_canonical(extension))
            return false;
        *ret_seen |= 1u << place;
    }
    return true;
}

bool list_rule_extensions_known(const struct list_question *q)
{
    unsigned seen;

    return are_known(q->list->fields->extensions, list_extensions, COUNT_OF(list_extensions),
                     &seen) &&
           seen == (1u << COUNT_OF(list_extensions)) - 1;
}

bool list_rule_authority_key_is_issuers(const struct list_question *q)
{
    AUTHORITY_KEYID *value =
        X509V3_get_d2i(q->list->fields->extensions, NID_authority_key_identifier, NULL, NULL);
    bool same = value && value->keyid && !value->issuer && !value->serial &&
                bytes_equal(bytes_of(ASN1_STRING_get0_data(value->keyid),
                                     (size_t)ASN1_STRING_length(value->keyid)),
                            q->issuer->key_id);

    AUTHORITY_KEYID_free(value);
    return same;
}

bool list_rule_number_as_called(const struct list_question *q)
{
    ASN1_INTEGER *value = X509V3_get_d2i(q->list->fields->extensions, NID_crl_number, NULL, NULL);
    uint64_t number = 0;
    bool same = value && ASN1_INTEGER_get_uint64(&number, value) == 1 && number == q->call->number;

    ASN1_INTEGER_free(value);
    return same;
}

bool list_rule_entry_extensions_known(const struct list_question *q)
{
    STACK_OF(X509_REVOKED) *revoked = q->list->fields->revoked;

    for (int i = 0; i < sk_X509_REVOKED_num(revoked); i++) {
        const STACK_OF(X509_EXTENSION) *extensions =
            X509_REVOKED_get0_extensions(sk_X509_REVOKED_value(revoked, i));
        unsigned seen;

        if (extensions &&
            (sk_X509_EXTENSION_num(extensions) == 0 ||
             !are_known(extensions, entry_extensions, COUNT_OF(entry_extensions), &seen)))
            return false;
    }
    return true;
}

static bool reason_may_stand(const X509_REVOKED *entry)
{
    ASN1_ENUMERATED *value = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);
    bool may = value == NULL;

    for (size_t i = 0; value && i < COUNT_OF(reasons); i++)
        may = may || ASN1_ENUMERATED_get(value) == reasons[i];
    ASN1_ENUMERATED_free(value);
    return may;
}

static bool invalidity_may_stand(const X509_REVOKED *entry, usec this_update)
{
    ASN1_GENERALIZEDTIME *value = X509_REVOKED_get_ext_d2i(entry, NID_invalidity_date, NULL, NULL);
    usec at = value ? x509_time_us(value) : 0;
    bool may = !value || (at > 0 && at <= this_update + RULES_SKEW);

    ASN1_GENERALIZEDTIME_free(value);
    return may;
}

bool list_rule_reasons_may_stand(const struct list_question *q)
{
    STACK_OF(X509_REVOKED) *revoked = q->list->fields->revoked;

    for (int i = 0; i < sk_X509_REVOKED_num(revoked); i++) {
        const X509_REVOKED *entry = sk_X509_REVOKED_value(revoked, i);

        if (!reason_may_stand(entry) || !invalidity_may_stand(entry, q->list->this_update))
            return false;
    }
    return true;
}
