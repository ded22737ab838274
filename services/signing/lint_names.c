/* Checks of subjectAltName (RFC 5280 4.2.1.6). */
#include "services/signing/lint.h"

#include <string.h>

LINT_CHECK(alternative_names_needed)
{
    return !view->profile->san_needed || lint_has(view, NID_subject_alt_name);
}

static unsigned kind_of(int type)
{
    return type == GEN_EMAIL   ? SAN_EMAIL
           : type == GEN_DNS   ? SAN_DNS
           : type == GEN_IPADD ? SAN_IP
                               : 0;
}

LINT_CHECK(alternative_names_of_profile)
{
    autoptr(GENERAL_NAMES) names = lint_extension(view, NID_subject_alt_name);
    unsigned found = 0;

    if (!names)
        return !lint_is_malformed(view, NID_subject_alt_name);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        unsigned kind = kind_of(sk_GENERAL_NAME_value(names, i)->type);
        if (!(kind & view->profile->san_allowed))
            return false;
        found |= kind;
    }
    return found && (!view->profile->san_needed || (found & view->profile->san_needed));
}

/* Every name of one type keeps the rule. */
static bool every_name(const struct lint_view *view, int type, bool (*is_good)(struct bytes value))
{
    autoptr(GENERAL_NAMES) names = lint_extension(view, NID_subject_alt_name);

    for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
        int found;
        const ASN1_STRING *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &found);
        if (found == type &&
            !is_good(bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value))))
            return false;
    }
    return true;
}

static bool is_label_character(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/* Lower-case letters, digits and inner hyphens; labels of 1..63 octets, two at least. */
static bool is_host_name(struct bytes name)
{
    size_t label = 0, labels = 1;

    if (name.n == 0 || name.n > 253)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = name.p[i];
        bool ends = i + 1 == name.n || name.p[i + 1] == '.';
        if (c == '.') {
            if (label == 0 || i + 1 == name.n)
                return false;
            label = 0;
            labels++;
            continue;
        }
        if (!is_label_character(c) || (c == '-' && (label == 0 || ends)) || ++label > 63)
            return false;
    }
    return labels >= 2;
}

static bool is_email(struct bytes address)
{
    const uint8_t *at = memrchr(address.p, '@', address.n);
    size_t local = at ? (size_t)(at - address.p) : 0;

    if (!at || local == 0 || local > 64 || address.n > 254)
        return false;
    for (size_t i = 0; i < local; i++)
        if (address.p[i] <= ' ' || address.p[i] > '~' || strchr("\"(),:;<>@[\\]", address.p[i]))
            return false;
    return is_host_name(bytes_of(at + 1, address.n - local - 1));
}

static bool is_address(struct bytes address)
{
    return address.n == 4 || address.n == 16;
}

LINT_CHECK(alternative_names_email)
{
    return every_name(view, GEN_EMAIL, is_email);
}

LINT_CHECK(alternative_names_dns)
{
    return every_name(view, GEN_DNS, is_host_name);
}

LINT_CHECK(alternative_names_ip)
{
    return every_name(view, GEN_IPADD, is_address);
}
