/* Checks of the subject and of the subject's key (RFC 5280 4.1.2.6, 4.1.2.7, 4.2.1.2). */
#include "services/signing/lint.h"

#include <openssl/core_names.h>
#include <string.h>
#include <uninorm.h>
#include <unistr.h>

/* Attributes a subject may have, in their order, with their ASN.1 type and upper bound. */
static const struct {
    int nid, type;
    size_t upper_bound;
} attributes[] = {
    {NID_countryName, V_ASN1_PRINTABLESTRING, 2},
    {NID_localityName, V_ASN1_UTF8STRING, X509_UB_LOCALITY},
    {NID_organizationName, V_ASN1_UTF8STRING, X509_UB_ORGANISATION},
    {NID_organizationalUnitName, V_ASN1_UTF8STRING, X509_UB_UNIT},
    {NID_title, V_ASN1_UTF8STRING, X509_UB_TITLE},
    {NID_commonName, V_ASN1_UTF8STRING, X509_UB_COMMON_NAME},
    {NID_userId, V_ASN1_UTF8STRING, X509_UB_UID},
};

static X509_NAME *subject_of(const struct lint_view *view)
{
    return X509_get_subject_name(view->certificate);
}

static int nid_at(const X509_NAME *name, int at)
{
    return OBJ_obj2nid(X509_NAME_ENTRY_get_object(X509_NAME_get_entry(name, at)));
}

/* Row of the table for an entry; -1 when it is not in it. */
static int row_at(const X509_NAME *name, int at)
{
    for (size_t i = 0; i < COUNT_OF(attributes); i++)
        if (attributes[i].nid == nid_at(name, at))
            return (int)i;
    return -1;
}

static struct bytes value_at(const X509_NAME *name, int at, int *ret_type)
{
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));

    *ret_type = ASN1_STRING_type(value);
    return bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
}

static bool has_attribute(const struct lint_view *view, int nid)
{
    return X509_NAME_get_index_by_NID(subject_of(view), nid, -1) >= 0;
}

LINT_CHECK(subject_common_name)
{
    return has_attribute(view, NID_commonName);
}

LINT_CHECK(subject_country)
{
    int type;

    return X509_NAME_entry_count(subject_of(view)) > 0 &&
           nid_at(subject_of(view), 0) == NID_countryName &&
           bytes_equal(value_at(subject_of(view), 0, &type), bytes_of_text("VN"));
}

LINT_CHECK(subject_organisation)
{
    return !view->profile->needs_organisation || has_attribute(view, NID_organizationName);
}

LINT_CHECK(subject_attributes_known)
{
    for (int i = 0; i < X509_NAME_entry_count(subject_of(view)); i++)
        if (row_at(subject_of(view), i) < 0)
            return false;
    return true;
}

LINT_CHECK(subject_attributes_once)
{
    X509_NAME *name = subject_of(view);

    for (int i = 0; i < X509_NAME_entry_count(name); i++)
        if (X509_NAME_get_index_by_OBJ(
                name, X509_NAME_ENTRY_get_object(X509_NAME_get_entry(name, i)), i) >= 0)
            return false;
    return true;
}

LINT_CHECK(subject_single_valued)
{
    X509_NAME *name = subject_of(view);

    for (int i = 0; i < X509_NAME_entry_count(name); i++)
        if (X509_NAME_ENTRY_set(X509_NAME_get_entry(name, i)) != i)
            return false;
    return true;
}

LINT_CHECK(subject_string_types)
{
    for (int i = 0; i < X509_NAME_entry_count(subject_of(view)); i++) {
        int row = row_at(subject_of(view), i), type;
        value_at(subject_of(view), i, &type);
        if (row >= 0 && type != attributes[row].type)
            return false;
    }
    return true;
}

LINT_CHECK(subject_upper_bounds)
{
    for (int i = 0; i < X509_NAME_entry_count(subject_of(view)); i++) {
        int row = row_at(subject_of(view), i), type;
        struct bytes value = value_at(subject_of(view), i, &type);
        if (row >= 0 &&
            (value.n == 0 || u8_mbsnlen(value.p, value.n) > attributes[row].upper_bound))
            return false;
    }
    return true;
}

static bool is_nfc(struct arena *arena, struct bytes text)
{
    size_t length = text.n * 3 + 1;
    uint8_t *room = arena_alloc(arena, length);
    uint8_t *composed = u8_normalize(UNINORM_NFC, text.p, text.n, room, &length);
    bool same = composed && bytes_equal(bytes_of(composed, length), text);

    if (composed != room)
        free(composed);
    return same;
}

static bool is_white(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_plain(struct arena *arena, struct bytes text)
{
    if (!bytes_are_text(text) || memchr(text.p, '\t', text.n) || memchr(text.p, '\n', text.n) ||
        memchr(text.p, '\r', text.n))
        return false;
    return !is_white(text.p[0]) && !is_white(text.p[text.n - 1]) && is_nfc(arena, text);
}

/* Other string types than UTF8String are subject_string_types' finding. */
LINT_CHECK(subject_text)
{
    for (int i = 0; i < X509_NAME_entry_count(subject_of(view)); i++) {
        int type;
        struct bytes value = value_at(subject_of(view), i, &type);
        if (type == V_ASN1_UTF8STRING && value.n > 0 && !is_plain(view->arena, value))
            return false;
    }
    return true;
}

LINT_CHECK(key_kind_of_profile)
{
    return view->key && profile_accepts_key(view->profile, view->key_kind);
}

/* RSA: NULL. EC: a named curve, never parameters spelt out. */
LINT_CHECK(key_algorithm_parameters)
{
    X509_ALGOR *algorithm;
    const ASN1_OBJECT *object;
    int type;

    if (!X509_PUBKEY_get0_param(NULL, NULL, NULL, &algorithm,
                                X509_get_X509_PUBKEY(view->certificate)))
        return false;
    X509_ALGOR_get0(&object, &type, NULL, algorithm);
    if (OBJ_obj2nid(object) == NID_rsaEncryption)
        return type == V_ASN1_NULL;
    return OBJ_obj2nid(object) != NID_X9_62_id_ecPublicKey || type == V_ASN1_OBJECT;
}

/* Kinds the profile does not take are key_kind_of_profile's finding. */
LINT_CHECK(key_strong)
{
    struct err err = {0};

    return !lint_key_kind_of_profile(view) || !lint_key_algorithm_parameters(view) ||
           x509_key_check(view->key, &err) == RC_OK;
}

LINT_CHECK(subject_key_id_present)
{
    return lint_has(view, NID_subject_key_identifier);
}

LINT_CHECK(subject_key_id_value)
{
    autoptr(ASN1_OCTET_STRING) value = lint_extension(view, NID_subject_key_identifier);
    const ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(view->certificate);
    uint8_t digest[32];

    if (!value || !key)
        return !lint_is_malformed(view, NID_subject_key_identifier);
    bytes_sha256(bytes_of(ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key)), digest);
    return bytes_equal(bytes_of(digest, 20),
                       bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)));
}
