/* The questions about extensions. Which ones there may be is a table; an extension that is not in
 * it is refused, whatever it says. Pure. */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "services/signer/rules.h"

/* One extension the signer knows: RFC 5280 4.2, RFC 6960 4.2.2.2.1. */
struct known {
    int nid;
    bool critical;
    enum presence (*presence)(const struct question *q);
};

static enum presence always(const struct question *q)
{
    (void)q;
    return MUST;
}

static enum presence extended_usage(const struct question *q)
{
    return q->limits->extended_usage;
}

static enum presence policies(const struct question *q)
{
    return q->limits->policies;
}

static enum presence distribution(const struct question *q)
{
    return q->limits->distribution;
}

static enum presence no_check(const struct question *q)
{
    return q->limits->no_check;
}

static size_t name_count(const struct question *q)
{
    return q->ground->email_count + q->ground->dns_name_count + q->ground->ip_address_count;
}

static enum presence alternative_names(const struct question *q)
{
    return name_count(q) > 0 ? MUST : NEVER;
}

static const struct known table[] = {
    {NID_basic_constraints, true, always},       {NID_key_usage, true, always},
    {NID_ext_key_usage, false, extended_usage},  {NID_subject_alt_name, false, alternative_names},
    {NID_subject_key_identifier, false, always}, {NID_authority_key_identifier, false, always},
    {NID_certificate_policies, false, policies}, {NID_crl_distribution_points, false, distribution},
    {NID_info_access, false, distribution},      {NID_id_pkix_OCSP_noCheck, false, no_check},
};

/* The parsed content of an extension; NULL when it is not there or cannot be read. */
static void *find(const struct question *q, int nid)
{
    return X509V3_get_d2i(q->tbs->fields->extensions, nid, NULL, NULL);
}

static const struct known *find_known(int nid)
{
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (table[i].nid == nid)
            return &table[i];
    return NULL;
}

/* A responder has no CRL to look at and no OCSP to ask; the addresses may stand there or not. */
bool rule_extensions_known(const struct question *q)
{
    unsigned seen = 0;
    int count = X509v3_get_ext_count(q->tbs->fields->extensions);

    for (int i = 0; i < count; i++) {
        X509_EXTENSION *extension = X509v3_get_ext(q->tbs->fields->extensions, i);
        const struct known *known = find_known(OBJ_obj2nid(X509_EXTENSION_get_object(extension)));
        unsigned bit = known ? 1u << (known - table) : 0;

        if (!known || (seen & bit) || known->presence(q) == NEVER ||
            known->critical != (X509_EXTENSION_get_critical(extension) != 0))
            return false;
        seen |= bit;
    }
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (table[i].presence(q) == MUST && !(seen & (1u << i)))
            return false;
    return true;
}

/* Parsed and written again, the content is the same. */
static bool content_is_canonical(X509_EXTENSION *extension)
{
    const ASN1_OCTET_STRING *content = X509_EXTENSION_get_data(extension);
    const X509V3_EXT_METHOD *method = X509V3_EXT_get(extension);
    void *parsed = method && method->it ? X509V3_EXT_d2i(extension) : NULL;
    unsigned char *again = NULL;
    int length = -1;
    bool same;

    if (parsed)
        length = ASN1_item_i2d(parsed, &again, ASN1_ITEM_ptr(method->it));
    same = length >= 0 && bytes_equal(bytes_of(again, (size_t)length),
                                      bytes_of(ASN1_STRING_get0_data(content),
                                               (size_t)ASN1_STRING_length(content)));
    OPENSSL_free(again);
    if (parsed)
        ASN1_item_free(parsed, ASN1_ITEM_ptr(method->it));
    return same;
}

bool rule_extensions_canonical(const struct question *q)
{
    for (int i = 0; i < X509v3_get_ext_count(q->tbs->fields->extensions); i++)
        if (!content_is_canonical(X509v3_get_ext(q->tbs->fields->extensions, i)))
            return false;
    return true;
}

bool rule_basic_constraints_no_ca(const struct question *q)
{
    BASIC_CONSTRAINTS *constraints = find(q, NID_basic_constraints);
    bool ok = constraints && !constraints->ca && !constraints->pathlen;

    BASIC_CONSTRAINTS_free(constraints);
    return ok;
}

bool rule_key_usage_within_limits(const struct question *q)
{
    ASN1_BIT_STRING *usage = find(q, NID_key_usage);
    unsigned bits = 0;
    bool ok = usage && ASN1_STRING_length(usage) <= 2;

    for (int i = 0; ok && i < ASN1_STRING_length(usage); i++)
        bits |= (unsigned)ASN1_STRING_get0_data(usage)[i] << (8 * i);
    ASN1_BIT_STRING_free(usage);
    return ok && (bits & ~q->limits->usage_all) == 0 && (bits & q->limits->usage_some) != 0;
}

static bool may_be_extended(const struct limits *limits, const ASN1_OBJECT *usage)
{
    char oid[80];

    if (OBJ_obj2txt(oid, sizeof(oid), usage, 1) <= 0)
        return false;
    for (size_t i = 0; i < COUNT_OF(limits->extended) && limits->extended[i]; i++)
        if (strcmp(oid, limits->extended[i]) == 0)
            return true;
    return false;
}

bool rule_extended_usage_within_limits(const struct question *q)
{
    EXTENDED_KEY_USAGE *usages = find(q, NID_ext_key_usage);
    bool ok = true;

    if (!usages)
        return X509v3_get_ext_by_NID(q->tbs->fields->extensions, NID_ext_key_usage, -1) < 0;
    ok = sk_ASN1_OBJECT_num(usages) > 0;
    for (int i = 0; ok && i < sk_ASN1_OBJECT_num(usages); i++)
        ok = may_be_extended(q->limits, sk_ASN1_OBJECT_value(usages, i));
    EXTENDED_KEY_USAGE_free(usages);
    return ok;
}

bool rule_authority_key_is_issuers(const struct question *q)
{
    AUTHORITY_KEYID *id = find(q, NID_authority_key_identifier);
    bool ok = id && id->keyid && !id->issuer && !id->serial &&
              bytes_equal(q->issuer->key_id, bytes_of(ASN1_STRING_get0_data(id->keyid),
                                                      (size_t)ASN1_STRING_length(id->keyid)));

    AUTHORITY_KEYID_free(id);
    return ok;
}

bool rule_subject_key_id_plain(const struct question *q)
{
    ASN1_OCTET_STRING *id = find(q, NID_subject_key_identifier);
    bool ok = id && ASN1_STRING_length(id) >= 8 && ASN1_STRING_length(id) <= 32;

    ASN1_OCTET_STRING_free(id);
    return ok;
}

bool rule_policies_present(const struct question *q)
{
    CERTIFICATEPOLICIES *all = find(q, NID_certificate_policies);
    bool ok = true;

    if (!all)
        return X509v3_get_ext_by_NID(q->tbs->fields->extensions, NID_certificate_policies, -1) < 0;
    ok = sk_POLICYINFO_num(all) > 0 && sk_POLICYINFO_num(all) <= 8;
    for (int i = 0; ok && i < sk_POLICYINFO_num(all); i++)
        ok = OBJ_obj2nid(sk_POLICYINFO_value(all, i)->policyid) != NID_any_policy;
    CERTIFICATEPOLICIES_free(all);
    return ok;
}

/* --- addresses
 * ------------------------------------------------------------------------------------- */

static bool is_http(const GENERAL_NAME *name)
{
    const ASN1_IA5STRING *text = name->type == GEN_URI ? name->d.uniformResourceIdentifier : NULL;

    return text && ASN1_STRING_length(text) > 7 && ASN1_STRING_length(text) <= 512 &&
           strncasecmp((const char *)ASN1_STRING_get0_data(text), "http://", 7) == 0 &&
           bytes_are_text(bytes_of(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text)));
}

static bool points_are_http(CRL_DIST_POINTS *points)
{
    for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
        const DIST_POINT *point = sk_DIST_POINT_value(points, i);
        if (!point->distpoint || point->distpoint->type != 0 || point->CRLissuer || point->reasons)
            return false;
        for (int n = 0; n < sk_GENERAL_NAME_num(point->distpoint->name.fullname); n++)
            if (!is_http(sk_GENERAL_NAME_value(point->distpoint->name.fullname, n)))
                return false;
    }
    return sk_DIST_POINT_num(points) > 0;
}

static bool access_is_http(AUTHORITY_INFO_ACCESS *all)
{
    for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(all); i++) {
        const ACCESS_DESCRIPTION *one = sk_ACCESS_DESCRIPTION_value(all, i);
        int method = OBJ_obj2nid(one->method);
        if ((method != NID_ad_OCSP && method != NID_ad_ca_issuers) || !is_http(one->location))
            return false;
    }
    return sk_ACCESS_DESCRIPTION_num(all) > 0;
}

bool rule_addresses_are_http(const struct question *q)
{
    CRL_DIST_POINTS *points = find(q, NID_crl_distribution_points);
    AUTHORITY_INFO_ACCESS *access = find(q, NID_info_access);
    bool ok = (!points || points_are_http(points)) && (!access || access_is_http(access));

    CRL_DIST_POINTS_free(points);
    AUTHORITY_INFO_ACCESS_free(access);
    return ok;
}

bool rule_no_check_for_responders(const struct question *q)
{
    static const uint8_t null_der[] = {0x05, 0x00};
    int at = X509v3_get_ext_by_NID(q->tbs->fields->extensions, NID_id_pkix_OCSP_noCheck, -1);
    const ASN1_OCTET_STRING *content;

    if (at < 0)
        return true;
    content = X509_EXTENSION_get_data(X509v3_get_ext(q->tbs->fields->extensions, at));
    return bytes_equal(
        bytes_of(null_der, sizeof(null_der)),
        bytes_of(ASN1_STRING_get0_data(content), (size_t)ASN1_STRING_length(content)));
}

/* --- alternative names
 * ----------------------------------------------------------------------------- */

static bool is_one_of(struct bytes text, char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes_equal(text, bytes_of_text(names[i])))
            return true;
    return false;
}

static bool is_address_of(struct bytes octets, char *const *names, size_t count)
{
    uint8_t address[16];

    for (size_t i = 0; i < count; i++) {
        size_t size = inet_pton(AF_INET, names[i], address) == 1    ? 4
                      : inet_pton(AF_INET6, names[i], address) == 1 ? 16
                                                                    : 0;
        if (size && bytes_equal(octets, bytes_of(address, size)))
            return true;
    }
    return false;
}

static bool name_is_authorized(const GENERAL_NAME *name, const struct ground *ground)
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    struct bytes content;

    if (type != GEN_EMAIL && type != GEN_DNS && type != GEN_IPADD)
        return false;
    content = bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    if (type == GEN_EMAIL)
        return is_one_of(content, ground->email, ground->email_count);
    if (type == GEN_DNS)
        return is_one_of(content, ground->dns_name, ground->dns_name_count);
    return is_address_of(content, ground->ip_address, ground->ip_address_count);
}

static bool repeats_earlier(const GENERAL_NAMES *names, int at)
{
    for (int i = 0; i < at; i++)
        if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(names, i), sk_GENERAL_NAME_value(names, at)) ==
            0)
            return true;
    return false;
}

/* As many as authorised, each of them authorised, none twice: so exactly those. */
bool rule_names_are_authorized(const struct question *q)
{
    autoptr(GENERAL_NAMES) names = find(q, NID_subject_alt_name);

    if (!names)
        return name_count(q) == 0;
    if ((size_t)sk_GENERAL_NAME_num(names) != name_count(q) || name_count(q) > 64)
        return false;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        if (!name_is_authorized(sk_GENERAL_NAME_value(names, i), q->ground) ||
            repeats_earlier(names, i))
            return false;
    return true;
}

bool rule_name_kinds_within_limits(const struct question *q)
{
    return (q->limits->email || q->ground->email_count == 0) &&
           (q->limits->dns_name || q->ground->dns_name_count == 0) &&
           (q->limits->ip_address || q->ground->ip_address_count == 0);
}
