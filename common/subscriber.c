/* Rows of request.json forms 01, 02, 03 → profile, subject, alternative names. A table says for
 * each form which field feeds which attribute; nothing here reads anything but the row. */
#include "common/subscriber.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "common/x509.h"

/* Where the attributes of a subject come from; NULL: no such attribute. */
struct mapping {
    const char *form, *kind; /* kind: member `kind` of the row; "" when the form has none */
    bool named_host;         /* applies to rows with domain_or_ip (true) or without (false) … */
    bool any_host;           /* … unless this is set */
    const char *profile;
    const char *common_name, *organisation, *unit, *title;
    bool name_is_official;
    bool email_is_name, host_is_name; /* stand in subjectAltName */
};

static const struct mapping mappings[] = {
    {"01", "", false, true, PROFILE_PERSON, "full_name", "organisation", NULL, "position", false,
     true, false},
    {"02", "", false, true, PROFILE_AGENCY, "name", NULL, NULL, NULL, true, true, false},
    {"03", "device", false, true, PROFILE_DEVICE, "name", "owner", NULL, NULL, true, false, true},
    {"03", "service", true, false, PROFILE_TLS_SERVER, "name", "owner", NULL, NULL, true, false,
     true},
    {"03", "service", false, false, PROFILE_API_CLIENT, "name", "owner", NULL, NULL, true, true,
     false},
    {"03", "software", false, true, PROFILE_CODE_SIGNING, "name", "owner", NULL, NULL, true, true,
     false},
};

/* Identifiers that make a subject unique, as Vietnamese certificates write them; the first that is
 * there is taken. */
static const struct {
    const char *form, *field, *prefix;
} identifiers[] = {
    {"01", "citizen_id", "CCCD:"},
    {"02", "tax_code", "MST:"},
    {"02", "budget_code", "MQHNS:"},
};

/* What one call works on. */
struct reading {
    struct arena *arena;
    struct err *err;
    const json_t *row;
    size_t index;
    const char *form;
};

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text && *text ? text : NULL;
}

static enum rc refuse(const struct reading *reading, Trien__Error code, const char *member)
{
    err_field(reading->err, "/subscribers/%zu/%s", reading->index, member);
    FAIL(reading->err, code, "row %zu: %s", reading->index, member);
}

static const struct mapping *find_mapping(const struct reading *reading)
{
    const char *kind = text_of(reading->row, "kind");
    bool has_host = text_of(reading->row, "domain_or_ip") != NULL;

    for (size_t i = 0; i < COUNT_OF(mappings); i++) {
        const struct mapping *mapping = &mappings[i];
        bool kind_fits = !*mapping->kind || (kind && !strcmp(kind, mapping->kind));
        if (!strcmp(mapping->form, reading->form) && kind_fits &&
            (mapping->any_host || mapping->named_host == has_host))
            return mapping;
    }
    return NULL;
}

static enum rc identifier_of(const struct reading *reading, const char **ret_uid)
{
    for (size_t i = 0; i < COUNT_OF(identifiers); i++) {
        const char *value = text_of(reading->row, identifiers[i].field);
        if (strcmp(identifiers[i].form, reading->form) != 0 || !value)
            continue;
        if (strlen(value) > 20 || strspn(value, "0123456789-") != strlen(value))
            return refuse(reading, TRIEN__ERROR__FIELD_INVALID, identifiers[i].field);
        *ret_uid = arena_printf(reading->arena, "%s%s", identifiers[i].prefix, value);
        return RC_OK;
    }
    return RC_OK;
}

static const char *member_or_null(const struct reading *reading, const char *member)
{
    return member ? text_of(reading->row, member) : NULL;
}

static const char *copy_of(const struct reading *reading, const char *member)
{
    const char *text = text_of(reading->row, member);

    return text ? arena_strdup(reading->arena, text) : NULL;
}

/* The field of the row an attribute of x509_name_build() came from. */
static const char *field_behind(const struct mapping *mapping, const char *attribute)
{
    if (!strcmp(attribute, "common_name"))
        return mapping->common_name;
    if (!strcmp(attribute, "organisation"))
        return mapping->organisation;
    if (!strcmp(attribute, "title"))
        return mapping->title;
    return !strcmp(attribute, "locality") ? "province" : attribute;
}

static enum rc subject_of(const struct reading *reading, const struct mapping *mapping,
                          struct subscriber *subscriber)
{
    struct x509_name name = {
        .locality = text_of(reading->row, "province"),
        .organisation = member_or_null(reading, mapping->organisation),
        .unit = member_or_null(reading, mapping->unit),
        .title = member_or_null(reading, mapping->title),
        .common_name = member_or_null(reading, mapping->common_name),
        .common_name_is_official = mapping->name_is_official,
    };
    enum rc rc;

    if (!name.common_name)
        return refuse(reading, TRIEN__ERROR__FIELD_MISSING, mapping->common_name);
    if (mapping->organisation && !name.organisation)
        return refuse(reading, TRIEN__ERROR__FIELD_MISSING, mapping->organisation);
    TRY(identifier_of(reading, &name.uid));
    rc = x509_name_build(reading->arena, &name, reading->err, &subscriber->subject_der);
    if (rc == RC_REJECT) {
        const char *attribute = arena_strdup(reading->arena, reading->err->field);
        err_field(reading->err, "/subscribers/%zu/%s", reading->index,
                  field_behind(mapping, attribute));
    }
    subscriber->name = arena_strdup(reading->arena, name.common_name);
    return rc;
}

static bool is_label(const char *label, size_t length)
{
    if (length == 0 || length > 63 || label[0] == '-' || label[length - 1] == '-')
        return false;
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)label[i]) && label[i] != '-')
            return false;
    return true;
}

/* Letters, digits, hyphens; at least two labels; the last not a number (RFC 1123 2.1). */
static bool is_host_name(const char *name)
{
    size_t labels = 0, length = 0;

    if (strlen(name) > 253)
        return false;
    for (;; name += length + 1, labels++) {
        length = strcspn(name, ".");
        if (!is_label(name, length))
            return false;
        if (!name[length])
            return labels >= 1 && strspn(name, "0123456789") != length;
    }
}

static const char *lower(struct arena *arena, const char *text, const char *from)
{
    char *copy = arena_strdup(arena, text);

    for (char *c = copy + (from - text); *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return copy;
}

/* RFC 5321 dot-string before the last '@', host name behind it; ASCII alone (RFC 5280 4.2.1.6). */
static bool is_email(const char *email)
{
    static const char atext[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "!#$%&'*+/=?^_`{|}~-.";
    const char *at = strrchr(email, '@');
    size_t length = at ? (size_t)(at - email) : 0;

    return at && length > 0 && length <= 64 && strlen(email) <= 254 &&
           strspn(email, atext) == length && email[0] != '.' && at[-1] != '.' &&
           !strstr(email, "..") && is_host_name(at + 1);
}

static enum rc names_of(const struct reading *reading, const struct mapping *mapping,
                        struct subscriber *subscriber)
{
    const char *email = member_or_null(reading, mapping->email_is_name ? "email" : NULL);
    const char *host = member_or_null(reading, mapping->host_is_name ? "domain_or_ip" : NULL);
    unsigned char address[16];
    char canonical[INET6_ADDRSTRLEN];
    int family = host && strchr(host, ':') ? AF_INET6 : AF_INET;

    if (email) {
        if (!is_email(email))
            return refuse(reading, TRIEN__ERROR__EMAIL_INVALID, "email");
        subscriber->email = lower(reading->arena, email, strrchr(email, '@'));
    }
    if (!host)
        return RC_OK;
    if (inet_pton(family, host, address) == 1) {
        inet_ntop(family, address, canonical, sizeof(canonical));
        subscriber->ip_address = arena_strdup(reading->arena, canonical);
        return RC_OK;
    }
    if (!is_host_name(host))
        return refuse(reading, TRIEN__ERROR__DOMAIN_INVALID, "domain_or_ip");
    subscriber->dns_name = lower(reading->arena, host, host);
    return RC_OK;
}

enum rc subscriber_read(struct arena *arena, const json_t *request, size_t row, struct err *err,
                        struct subscriber *ret_subscriber)
{
    struct reading reading = {arena, err,
                              json_array_get(json_object_get(request, "subscribers"), row), row,
                              text_of(request, "form")};
    struct subscriber subscriber = {0};
    const struct mapping *mapping;

    CHECK(reading.form, err, TRIEN__ERROR__FORM_NOT_OFFERED, "no form");
    if (!json_is_object(reading.row))
        return refuse(&reading, TRIEN__ERROR__FIELD_MISSING, "");
    mapping = find_mapping(&reading);
    if (!mapping && !strcmp(reading.form, "03"))
        return refuse(&reading, TRIEN__ERROR__FIELD_INVALID, "kind");
    CHECK(mapping, err, TRIEN__ERROR__FORM_NOT_OFFERED, "form %s makes no certificate",
          reading.form);
    TRY(subject_of(&reading, mapping, &subscriber));
    TRY(names_of(&reading, mapping, &subscriber));
    subscriber.profile = mapping->profile;
    subscriber.csr_pem = copy_of(&reading, "csr");
    subscriber.device_kind = copy_of(&reading, "device_kind");
    if (!subscriber.device_kind)
        subscriber.device_kind = subscriber.csr_pem ? "hsm" : "none";
    *ret_subscriber = subscriber;
    return RC_OK;
}
