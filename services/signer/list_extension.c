/* The questions about a list's extensions. A table says which there may be; what is not in it is
 * refused, whatever it says. None is critical: a full list for all certificates
 * of its issuer needs no issuingDistributionPoint, and no indicator of a delta may stand here.
 * Pure. */
#include "services/signer/list.h"

static const int list_extensions[] = {NID_authority_key_identifier, NID_crl_number};

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
