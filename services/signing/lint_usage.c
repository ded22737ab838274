/* Checks of what the key may be used for: basicConstraints, keyUsage, extendedKeyUsage, policies
 * (RFC 5280 4.2.1.3, 4.2.1.4, 4.2.1.9, 4.2.1.12). */
#include "services/signing/lint.h"

#include <string.h>

DEFINE_AUTOPTR(EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free)
DEFINE_AUTOPTR(CERTIFICATEPOLICIES, CERTIFICATEPOLICIES_free)

LINT_CHECK(basic_constraints_present)
{
    return lint_has(view, NID_basic_constraints);
}

/* The empty SEQUENCE and nothing else: DER leaves the default FALSE out, pathLen is for CAs. */
LINT_CHECK(basic_constraints_end_entity)
{
    struct bytes value = lint_extension_bytes(view, NID_basic_constraints);

    return value.p == NULL || bytes_equal(value, bytes_of("\x30\x00", 2));
}

LINT_CHECK(key_usage_present)
{
    return lint_has(view, NID_key_usage);
}

/* The usage as DER writes it: 03 02 <unused bits> <octet>. */
LINT_CHECK(key_usage_of_profile)
{
    struct bytes value = lint_extension_bytes(view, NID_key_usage);
    unsigned usage = profile_key_usage(view->profile, view->key_kind);
    uint8_t unused = (uint8_t)__builtin_ctz(usage);
    const uint8_t expected[] = {V_ASN1_BIT_STRING, 2, unused, (uint8_t)usage};

    return value.p == NULL || bytes_equal(value, bytes_of(expected, sizeof(expected)));
}

LINT_CHECK(extended_usage_present)
{
    return lint_has(view, NID_ext_key_usage);
}

static bool object_is(const ASN1_OBJECT *object, const char *dotted)
{
    char text[256];
    int length = OBJ_obj2txt(text, sizeof(text), object, 1);

    return length > 0 && (size_t)length < sizeof(text) && !strcmp(text, dotted);
}

LINT_CHECK(extended_usage_of_profile)
{
    autoptr(EXTENDED_KEY_USAGE) usages = lint_extension(view, NID_ext_key_usage);
    int count = 0;

    if (!usages)
        return !lint_is_malformed(view, NID_ext_key_usage);
    for (const char *const *oid = view->profile->extended_usages; *oid; oid++, count++)
        if (count >= sk_ASN1_OBJECT_num(usages) ||
            !object_is(sk_ASN1_OBJECT_value(usages, count), *oid))
            return false;
    return count == sk_ASN1_OBJECT_num(usages);
}

LINT_CHECK(policies_present)
{
    return lint_has(view, NID_certificate_policies);
}

LINT_CHECK(policies_of_profile)
{
    autoptr(CERTIFICATEPOLICIES) policies = lint_extension(view, NID_certificate_policies);

    if (!policies)
        return !lint_is_malformed(view, NID_certificate_policies);
    return sk_POLICYINFO_num(policies) == 1 &&
           object_is(sk_POLICYINFO_value(policies, 0)->policyid,
                     issuer_policy(view->arena, view->issuer, view->profile));
}

/* The qualifier of a kind; NULL when there is none or more than one. */
static const POLICYQUALINFO *qualifier_of(const CERTIFICATEPOLICIES *policies, int nid)
{
    const POLICYQUALINFO *found = NULL;
    const POLICYINFO *policy = sk_POLICYINFO_value(policies, 0);
    int count = policy ? sk_POLICYQUALINFO_num(policy->qualifiers) : 0;

    for (int i = 0; i < count; i++) {
        const POLICYQUALINFO *qualifier = sk_POLICYQUALINFO_value(policy->qualifiers, i);
        if (OBJ_obj2nid(qualifier->pqualid) != nid)
            continue;
        if (found)
            return NULL;
        found = qualifier;
    }
    return found;
}

static bool string_is(const ASN1_STRING *string, int type, const char *text)
{
    return string && ASN1_STRING_type(string) == type &&
           bytes_equal(bytes_of(ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string)),
                       bytes_of_text(text));
}

LINT_CHECK(policies_cps)
{
    autoptr(CERTIFICATEPOLICIES) policies = lint_extension(view, NID_certificate_policies);
    const POLICYQUALINFO *cps = policies ? qualifier_of(policies, NID_id_qt_cps) : NULL;

    return !policies ||
           (cps && string_is(cps->d.cpsuri, V_ASN1_IA5STRING, view->issuer->places->cps_url));
}

LINT_CHECK(policies_notice)
{
    autoptr(CERTIFICATEPOLICIES) policies = lint_extension(view, NID_certificate_policies);
    const POLICYQUALINFO *notice = policies ? qualifier_of(policies, NID_id_qt_unotice) : NULL;

    return !policies ||
           (notice && !notice->d.usernotice->noticeref &&
            string_is(notice->d.usernotice->exptext, V_ASN1_UTF8STRING, view->profile->notice));
}
