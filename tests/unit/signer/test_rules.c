/* The signer's rules: what is right passes, and one changed thing refuses with the rule's name. The
 * table must refuse by every row of the rules, or the test says which row has no case. */
#include "tests/unit/signer/world.h"

static struct world w;

static int up(void **state)
{
    (void)state;
    world_open(&w, "p256");
    return 0;
}

static int down(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static enum rc ask(const struct world_order *o, usec now, struct err *err)
{
    struct question question;

    return rules_check(world_order(&w, o), &w.issuer, 1, &w.rings, now, w.arena, err, &question);
}

static void right_orders_pass(void **state)
{
    static const char *const profiles[] = {
        PROFILE_PERSON,     PROFILE_AGENCY,       PROFILE_DEVICE,        PROFILE_TLS_SERVER,
        PROFILE_API_CLIENT, PROFILE_CODE_SIGNING, PROFILE_OCSP_RESPONDER};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(profiles); i++) {
        struct world_order o;
        struct err err = {0};

        world_good(&w, profiles[i], "order-1", &o);
        if (ask(&o, WORLD_NOW, &err) != RC_OK)
            fail_msg("%s: %s: %s", profiles[i], err.field, err.detail);
    }
}

static void device_key_passes(void **state)
{
    struct world_order o;
    struct err err = {0};

    (void)state;
    world_good(&w, PROFILE_PERSON, "order-1", &o);
    o.with_statement = true;
    o.authorization.has_key_sha256 = false;
    o.authorization.device_serial = (char *)"TOKEN-1";
    assert_int_equal(ask(&o, WORLD_NOW, &err), RC_OK);
    o.authorization.device_serial = NULL;
    assert_int_equal(ask(&o, WORLD_NOW, &err), RC_OK);
}

static void rsa_issuer_and_keys_pass(void **state)
{
    struct world_order o;
    struct err err = {0};
    EVP_PKEY *rsa = world_new_key("rsa2048");

    (void)state;
    world_set_issuer(&w, "rsa2048");
    world_good(&w, PROFILE_PERSON, "order-1", &o);
    o.tbs.key = rsa;
    world_key_digest(rsa, o.key_sha256);
    if (ask(&o, WORLD_NOW, &err) != RC_OK)
        fail_msg("%s: %s", err.field, err.detail);
    world_set_issuer(&w, "p256");
    EVP_PKEY_free(rsa);
}

/* --- one change, one refusal
 * ----------------------------------------------------------------------- */

#define BEYOND TRIEN__ERROR__BEYOND_AUTHORIZATION
#define LIMIT TRIEN__ERROR__SIGNER_LIMIT
#define RA TRIEN__ERROR__AUTHORIZATION_INVALID
#define STATION TRIEN__ERROR__STATION_INVALID
#define OFFICERS TRIEN__ERROR__APPROVALS_MISSING

struct refusal {
    const char *what;
    const char *profile;
    void (*change)(struct world_order *o);
    Trien__Error code;
    const char *rule; /* NULL: not a row of the table */
};

#define CHANGE(name) static void name(struct world_order *o)
#define EXTENSION(name, oid, value, critical)                                                      \
    CHANGE(name)                                                                                   \
    {                                                                                              \
        world_set_extension(&o->tbs, oid, value, critical);                                        \
    }
#define WITHOUT(name, oid)                                                                         \
    CHANGE(name)                                                                                   \
    {                                                                                              \
        world_drop_extension(&o->tbs, oid);                                                        \
    }
#define SET(name, statement)                                                                       \
    CHANGE(name)                                                                                   \
    {                                                                                              \
        statement;                                                                                 \
    }

/* the call */
SET(no_order_id, o->order_id = "")
SET(order_id_blank, o->order_id = "order 1")
SET(order_id_newline, o->order_id = "order\n1")
SET(order_id_of_list, o->order_id = "list/issuing1/1")
SET(issuer_unknown, o->issuer = "issuing2")
SET(profile_unknown, o->profile = "root")
/* registration authority */
SET(ra_stranger, o->signs_authorization = w.stranger)
SET(ra_is_station, o->signs_authorization = w.station)
SET(ra_bytes_changed, o->flip_authorization = true)
SET(ra_version, o->authorization.version = 2)
SET(ra_action, o->authorization.action = (char *)"renew")
SET(ra_digest_short, o->authorization.key_sha256.len = 31)
SET(ra_expired, o->authorization.expires_at = WORLD_NOW - 1)
SET(ra_future, o->authorization.authorized_at = WORLD_NOW + 301 * 1000000LL)
SET(ra_other_order, o->authorization.item_id = (char *)"order-2")
SET(ra_no_key, o->authorization.has_key_sha256 = false)
SET(ra_other_profile, o->authorization.profile = (char *)PROFILE_AGENCY)
SET(ra_short_life, o->authorization.validity_days = 1825)
SET(ra_late, o->authorization.authorized_at = WORLD_NOW + 200 * 1000000LL;
    o->tbs.not_before = WORLD_NOW - 101 * 1000000LL;
    o->tbs.not_after = o->tbs.not_before + WORLD_DAY)
CHANGE(ra_other_key)
{
    static uint8_t other[32] = {1};
    o->authorization.key_sha256.data = other;
}
CHANGE(ra_other_subject)
{
    struct bytes name = world_name(w.arena, "Sở TEST", "Trần Thị TEST");
    o->authorization.subject_der.data = (uint8_t *)(uintptr_t)name.p;
    o->authorization.subject_der.len = name.n;
}
CHANGE(ra_unknown_field)
{
    static uint8_t value[] = {0x01, 'x'};
    static ProtobufCMessageUnknownField field = {99, PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED, 2,
                                                 value};
    o->authorization.base.n_unknown_fields = 1;
    o->authorization.base.unknown_fields = &field;
}
SET(ra_email_more, o->emails[1] = (char *)"b@example.gov.vn"; o->authorization.n_email = 2)
SET(ra_email_other, o->emails[0] = (char *)"b@example.gov.vn")
SET(ra_email_twice, o->emails[1] = o->emails[0]; o->authorization.n_email = 2;
    world_set_extension(&o->tbs, "subjectAltName",
                        "email:test@example.gov.vn,email:test@example.gov.vn", false))
SET(ra_no_email, o->authorization.n_email = 0)
SET(ra_address_other, o->addresses[0] = (char *)"192.0.2.8")
SET(ra_dns_for_person, o->names[0] = (char *)"dv.test.example"; o->authorization.n_dns_name = 1;
    world_set_extension(&o->tbs, "subjectAltName", "email:test@example.gov.vn,DNS:dv.test.example",
                        false))
SET(ra_ground_for_responder, o->responder = false)
/* station */
SET(device_without_statement, o->authorization.device_serial = (char *)"TOKEN-1")
SET(station_stranger, o->with_statement = true; o->signs_statement = w.stranger)
SET(station_is_ra, o->with_statement = true; o->signs_statement = w.registration)
SET(station_no_signature, o->with_statement = true; o->signs_statement = NULL)
SET(station_other_order, o->with_statement = true; o->statement.order_id = (char *)"order-2")
SET(station_other_device, o->with_statement = true;
    o->authorization.device_serial = (char *)"TOKEN-2")
SET(station_version, o->with_statement = true; o->statement.version = 2)
SET(station_short_digest, o->with_statement = true; o->statement.key_sha256.len = 20)
SET(station_old, o->with_statement = true; o->statement.stated_at = WORLD_NOW - WORLD_DAY)
SET(station_future, o->with_statement = true; o->statement.stated_at = WORLD_NOW + WORLD_DAY)
CHANGE(station_key_is_not_authorised)
{
    static uint8_t other[32] = {2};
    o->with_statement = true;
    o->statement.key_sha256.data = other;
}
CHANGE(station_key_is_not_in_tbs)
{
    static uint8_t other[32] = {2};
    o->with_statement = true;
    o->authorization.has_key_sha256 = false;
    o->statement.key_sha256.data = other;
}
/* officers */
SET(one_officer, o->approvals = 1)
SET(no_officer, o->approvals = 0)
SET(three_officers, o->approvals = 3; o->approves[2] = w.officer1)
SET(same_officer_twice, o->approves[1] = w.officer1)
SET(officer_stranger, o->approves[1] = w.stranger)
SET(officer_is_ra, o->approves[1] = w.registration)
SET(approval_version, o->approval.version = 3)
SET(approval_expired, o->approval.expires_at = WORLD_NOW - 1)
SET(approval_other_issuer, o->approval.issuer = (char *)"issuing2")
SET(approval_short_life, o->approval.validity_days = 29)
SET(approval_long_life, o->approval.validity_days = 400;
    o->tbs.not_after = WORLD_NOW + 91 * WORLD_DAY)
SET(approval_as_person, o->profile = PROFILE_PERSON)
SET(responder_backdated, o->tbs.not_before = WORLD_NOW - 2 * WORLD_DAY;
    o->tbs.not_after = WORLD_NOW + WORLD_DAY)
/* to-be-signed bytes */
SET(tbs_trailing, o->break_tbs = 1)
SET(tbs_not_der, o->break_tbs = 2)
SET(tbs_garbage, o->break_tbs = 3)
SET(version_1, o->tbs.version = X509_VERSION_1)
SET(serial_short, o->tbs.serial_hex = "7fffffffffffffff")
SET(serial_long, o->tbs.serial_hex = "8f0102030405060708090a0b0c0d0e0f10111213")
SET(serial_negative, o->tbs.serial_hex = "-7f0102030405060708090a0b0c0d0e0f")
SET(serial_zero, o->tbs.serial_hex = "0")
SET(algorithm_sha384, o->tbs.digest = EVP_sha384())
CHANGE(algorithm_rsa)
{
    static EVP_PKEY *rsa;
    if (!rsa)
        rsa = world_new_key("rsa2048");
    o->tbs.algorithm_of = rsa;
}
SET(issuer_other_name, o->tbs.issuer_der = world_name(w.arena, "Triện TEST", "TEST Other CA"))
CHANGE(subject_is_issuers)
{
    o->tbs.subject_der = w.issuer.subject_der;
    o->authorization.subject_der.data = (uint8_t *)(uintptr_t)w.issuer.subject_der.p;
    o->authorization.subject_der.len = w.issuer.subject_der.n;
}
static void use_key(struct world_order *o, EVP_PKEY *key)
{
    o->tbs.key = key;
    world_key_digest(key, o->key_sha256);
}
SET(key_issuers, use_key(o, w.issuer_key))
CHANGE(key_p521)
{
    static EVP_PKEY *key;
    if (!key)
        key = world_new_key("p521");
    use_key(o, key);
}
CHANGE(key_rsa_1024)
{
    static EVP_PKEY *key;
    if (!key)
        key = world_new_key("rsa1024");
    use_key(o, key);
}
CHANGE(key_rsa_for_code_2048)
{
    static EVP_PKEY *key;
    if (!key)
        key = world_new_key("rsa2048");
    use_key(o, key);
}
CHANGE(key_exponent_3)
{
    static EVP_PKEY *key;
    if (!key) {
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
        BIGNUM *three = BN_new();
        BN_set_word(three, 3);
        EVP_PKEY_keygen_init(ctx);
        EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048);
        EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, three);
        assert_int_equal(EVP_PKEY_keygen(ctx, &key), 1);
        BN_free(three);
        EVP_PKEY_CTX_free(ctx);
    }
    use_key(o, key);
}
SET(time_general_too_early, o->tbs.general_not_before = true)
SET(ends_before_it_begins, o->tbs.not_after = o->tbs.not_before - 1000000)
SET(begins_in_future, o->tbs.not_before = WORLD_NOW + 301 * 1000000LL;
    o->tbs.not_after = o->tbs.not_before + WORLD_DAY)
SET(lives_too_long, o->authorization.validity_days = 9000;
    o->tbs.not_after = WORLD_NOW + 1827 * WORLD_DAY)
/* extensions */
EXTENSION(ca_true, "basicConstraints", "CA:TRUE", true)
EXTENSION(path_length, "basicConstraints", "DER:3003020100", true)
EXTENSION(basic_not_critical, "basicConstraints", "CA:FALSE", false)
WITHOUT(basic_missing, "basicConstraints")
EXTENSION(usage_cert_sign, "keyUsage", "digitalSignature,keyCertSign", true)
EXTENSION(usage_crl_sign, "keyUsage", "digitalSignature,cRLSign", true)
EXTENSION(usage_none_needed, "keyUsage", "keyEncipherment", true)
EXTENSION(usage_not_critical, "keyUsage", "digitalSignature", false)
WITHOUT(usage_missing, "keyUsage")
EXTENSION(extended_server_for_person, "extendedKeyUsage", "clientAuth,serverAuth", false)
EXTENSION(extended_any, "extendedKeyUsage", "anyExtendedKeyUsage", false)
EXTENSION(extended_ocsp_for_person, "extendedKeyUsage", "OCSPSigning", false)
EXTENSION(extended_more_for_responder, "extendedKeyUsage", "OCSPSigning,clientAuth", false)
EXTENSION(extended_critical, "extendedKeyUsage", "clientAuth", true)
EXTENSION(extended_empty, "extendedKeyUsage", "DER:3000", false)
WITHOUT(extended_missing, "extendedKeyUsage")
EXTENSION(authority_other, "authorityKeyIdentifier",
          "DER:30168014000102030405060708090a0b0c0d0e0f10111213", false)
WITHOUT(authority_missing, "authorityKeyIdentifier")
EXTENSION(subject_key_empty, "subjectKeyIdentifier", "DER:0400", false)
WITHOUT(subject_key_missing, "subjectKeyIdentifier")
WITHOUT(policies_missing, "certificatePolicies")
EXTENSION(policy_any, "certificatePolicies", "2.5.29.32.0", false)
EXTENSION(policies_empty, "certificatePolicies", "DER:3000", false)
WITHOUT(crl_missing, "crlDistributionPoints")
EXTENSION(crl_https, "crlDistributionPoints", "URI:https://test.example/a.crl", false)
EXTENSION(crl_ldap, "crlDistributionPoints", "URI:ldap://test.example/a", false)
EXTENSION(access_file, "authorityInfoAccess", "OCSP;URI:file:///etc/passwd", false)
EXTENSION(access_other_method, "authorityInfoAccess", "1.3.6.1.5.5.7.48.3;URI:http://test.example/",
          false)
EXTENSION(no_check_for_person, "noCheck", "yes", false)
EXTENSION(no_check_with_content, "noCheck", "DER:050001", false)
WITHOUT(no_check_missing, "noCheck")
EXTENSION(unknown_extension, "1.3.6.1.4.1.32473.9", "DER:0500", false)
EXTENSION(name_constraints, "nameConstraints", "permitted;DNS:example", true)
EXTENSION(subject_name_upn, "subjectAltName",
          "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:test@example.gov.vn", false)
EXTENSION(subject_name_critical, "subjectAltName", "email:test@example.gov.vn", true)
EXTENSION(subject_name_uri, "subjectAltName", "URI:http://test.example/", false)
WITHOUT(subject_name_missing, "subjectAltName")
EXTENSION(server_less_names, "subjectAltName", "DNS:dv.test.example,IP:192.0.2.7", false)
EXTENSION(server_wildcard, "subjectAltName", "DNS:*.test.example,IP:192.0.2.7,IP:2001:db8::7",
          false)
EXTENSION(not_der_content, "keyUsage", "DER:0381020780", true)
EXTENSION(boolean_not_der, "basicConstraints", "DER:3003010100", true)
CHANGE(repeated)
{
    size_t i = 0;
    while (o->tbs.extensions[i].nid_or_oid)
        i++;
    o->tbs.extensions[i] = (struct world_extension){"subjectKeyIdentifier", "hash", false};
}

#define P PROFILE_PERSON
#define S PROFILE_TLS_SERVER
#define O PROFILE_OCSP_RESPONDER
#define ROW(change, profile, code, rule)                                                           \
    {                                                                                              \
#change, profile, change, code, rule                                                       \
    }

static const struct refusal refusals[] = {
    ROW(no_order_id, P, TRIEN__ERROR__FIELD_INVALID, NULL),
    ROW(order_id_blank, P, TRIEN__ERROR__FIELD_INVALID, NULL),
    ROW(order_id_newline, P, TRIEN__ERROR__FIELD_INVALID, NULL),
    ROW(order_id_of_list, P, TRIEN__ERROR__FIELD_INVALID, NULL),
    ROW(profile_unknown, P, TRIEN__ERROR__PROFILE_UNKNOWN, NULL),

    ROW(ra_stranger, P, RA, NULL),
    ROW(ra_is_station, P, RA, NULL),
    ROW(ra_bytes_changed, P, RA, NULL),
    ROW(ra_version, P, RA, NULL),
    ROW(ra_action, P, RA, NULL),
    ROW(ra_digest_short, P, RA, NULL),
    ROW(ra_unknown_field, P, RA, NULL),
    ROW(ra_expired, P, BEYOND, NULL),
    ROW(ra_other_order, P, BEYOND, NULL),
    ROW(ra_no_key, P, BEYOND, NULL),
    ROW(ra_other_profile, P, BEYOND, "profile_as_authorized"),
    ROW(ra_short_life, P, BEYOND, "validity_within_authorization"),
    ROW(ra_late, P, BEYOND, "not_before_authorization"),
    ROW(ra_other_key, P, BEYOND, "key_as_authorized"),
    ROW(ra_other_subject, P, BEYOND, "subject_as_authorized"),
    ROW(ra_email_more, P, BEYOND, "names_are_authorized"),
    ROW(ra_email_other, P, BEYOND, "names_are_authorized"),
    ROW(ra_email_twice, P, BEYOND, "names_are_authorized"),
    ROW(ra_no_email, P, LIMIT, "extensions_known"),
    ROW(ra_address_other, S, BEYOND, "names_are_authorized"),
    ROW(ra_dns_for_person, P, LIMIT, "name_kinds_within_limits"),
    ROW(ra_ground_for_responder, O, LIMIT, "ground_fits_profile"),

    ROW(device_without_statement, P, STATION, NULL),
    ROW(station_stranger, P, STATION, NULL),
    ROW(station_is_ra, P, STATION, NULL),
    ROW(station_no_signature, P, STATION, NULL),
    ROW(station_other_order, P, STATION, NULL),
    ROW(station_other_device, P, STATION, NULL),
    ROW(station_version, P, STATION, NULL),
    ROW(station_short_digest, P, STATION, NULL),
    ROW(station_old, P, STATION, NULL),
    ROW(station_key_is_not_authorised, P, STATION, NULL),
    ROW(station_key_is_not_in_tbs, P, BEYOND, "key_as_authorized"),

    ROW(one_officer, O, OFFICERS, NULL),
    ROW(no_officer, O, OFFICERS, NULL),
    ROW(three_officers, O, OFFICERS, NULL),
    ROW(same_officer_twice, O, OFFICERS, NULL),
    ROW(officer_stranger, O, OFFICERS, NULL),
    ROW(officer_is_ra, O, OFFICERS, NULL),
    ROW(approval_version, O, OFFICERS, NULL),
    ROW(approval_expired, O, BEYOND, NULL),
    ROW(approval_other_issuer, O, BEYOND, "issuer_as_approved"),
    ROW(approval_short_life, O, BEYOND, "validity_within_authorization"),
    ROW(approval_long_life, O, LIMIT, "validity_within_limits"),
    ROW(approval_as_person, O, LIMIT, "ground_fits_profile"),
    ROW(responder_backdated, O, BEYOND, "not_before_authorization"),

    ROW(tbs_trailing, P, LIMIT, NULL),
    ROW(tbs_not_der, P, LIMIT, NULL),
    ROW(tbs_garbage, P, LIMIT, NULL),
    ROW(version_1, P, LIMIT, "version_3"),
    ROW(serial_short, P, LIMIT, "serial_long_enough"),
    ROW(serial_long, P, LIMIT, "serial_long_enough"),
    ROW(serial_negative, P, LIMIT, "serial_long_enough"),
    ROW(serial_zero, P, LIMIT, "serial_long_enough"),
    ROW(algorithm_sha384, P, LIMIT, "algorithm_is_issuers"),
    ROW(algorithm_rsa, P, LIMIT, "algorithm_is_issuers"),
    ROW(issuer_other_name, P, LIMIT, "issuer_name_is_issuers"),
    ROW(subject_is_issuers, P, LIMIT, "subject_is_no_ca"),
    ROW(key_issuers, P, LIMIT, "key_is_not_issuers"),
    ROW(key_p521, P, LIMIT, "key_kind_within_limits"),
    ROW(key_rsa_1024, P, LIMIT, "key_kind_within_limits"),
    ROW(key_rsa_for_code_2048, PROFILE_CODE_SIGNING, LIMIT, "key_kind_within_limits"),
    ROW(key_exponent_3, P, LIMIT, "key_exponent_sane"),
    ROW(time_general_too_early, P, LIMIT, "times_in_form"),
    ROW(ends_before_it_begins, P, LIMIT, "validity_in_order"),
    ROW(lives_too_long, P, LIMIT, "validity_within_limits"),

    ROW(ca_true, P, LIMIT, "basic_constraints_no_ca"),
    ROW(path_length, P, LIMIT, "basic_constraints_no_ca"),
    ROW(basic_not_critical, P, LIMIT, "extensions_known"),
    ROW(basic_missing, P, LIMIT, "extensions_known"),
    ROW(usage_cert_sign, P, LIMIT, "key_usage_within_limits"),
    ROW(usage_crl_sign, P, LIMIT, "key_usage_within_limits"),
    ROW(usage_none_needed, P, LIMIT, "key_usage_within_limits"),
    ROW(usage_not_critical, P, LIMIT, "extensions_known"),
    ROW(usage_missing, P, LIMIT, "extensions_known"),
    ROW(extended_server_for_person, P, LIMIT, "extended_usage_within_limits"),
    ROW(extended_any, P, LIMIT, "extended_usage_within_limits"),
    ROW(extended_ocsp_for_person, P, LIMIT, "extended_usage_within_limits"),
    ROW(extended_more_for_responder, O, LIMIT, "extended_usage_within_limits"),
    ROW(extended_critical, P, LIMIT, "extensions_known"),
    ROW(extended_empty, P, LIMIT, "extended_usage_within_limits"),
    ROW(extended_missing, S, LIMIT, "extensions_known"),
    ROW(authority_other, P, LIMIT, "authority_key_is_issuers"),
    ROW(authority_missing, P, LIMIT, "extensions_known"),
    ROW(subject_key_empty, P, LIMIT, "subject_key_id_plain"),
    ROW(subject_key_missing, P, LIMIT, "extensions_known"),
    ROW(policies_missing, P, LIMIT, "extensions_known"),
    ROW(policy_any, P, LIMIT, "policies_present"),
    ROW(policies_empty, P, LIMIT, "policies_present"),
    ROW(crl_missing, P, LIMIT, "extensions_known"),
    ROW(crl_https, P, LIMIT, "addresses_are_http"),
    ROW(crl_ldap, P, LIMIT, "addresses_are_http"),
    ROW(access_file, P, LIMIT, "addresses_are_http"),
    ROW(access_other_method, P, LIMIT, "addresses_are_http"),
    ROW(no_check_for_person, P, LIMIT, "extensions_known"),
    ROW(no_check_with_content, O, LIMIT, "extensions_canonical"),
    ROW(no_check_missing, O, LIMIT, "extensions_known"),
    ROW(unknown_extension, P, LIMIT, "extensions_known"),
    ROW(name_constraints, P, LIMIT, "extensions_known"),
    ROW(subject_name_upn, P, BEYOND, "names_are_authorized"),
    ROW(subject_name_critical, P, LIMIT, "extensions_known"),
    ROW(subject_name_uri, P, BEYOND, "names_are_authorized"),
    ROW(subject_name_missing, P, LIMIT, "extensions_known"),
    ROW(server_less_names, S, BEYOND, "names_are_authorized"),
    ROW(server_wildcard, S, BEYOND, "names_are_authorized"),
    ROW(not_der_content, P, LIMIT, "extensions_canonical"),
    ROW(boolean_not_der, P, LIMIT, "extensions_canonical"),
    ROW(repeated, P, LIMIT, "extensions_known"),
};

static void one_change_one_refusal(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        const struct refusal *r = &refusals[i];
        struct world_order o;
        struct err err = {0};
        enum rc rc;

        world_good(&w, r->profile, "order-1", &o);
        r->change(&o);
        rc = ask(&o, WORLD_NOW, &err);
        if (rc != RC_REJECT || err.code != r->code || (r->rule && strcmp(err.field, r->rule) != 0))
            fail_msg("%s: rc %s, %s, rule \"%s\": %s", r->what, rc_name(rc),
                     err_entry(err.code)->name, err.field, err.detail);
    }
}

/* What is dated in the future is asked again, and so is what needs a generation that is not here: a
 * wrong clock, or the wrong order of a roll-over, costs time and not the request. */
static void what_may_become_right_waits(void **state)
{
    static void (*const changes[])(struct world_order *) = {ra_future, station_future,
                                                            begins_in_future, issuer_unknown};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        struct world_order o;
        struct err err = {0};

        world_good(&w, P, "order-1", &o);
        changes[i](&o);
        assert_int_equal(ask(&o, WORLD_NOW, &err), RC_RETRY);
        assert_int_equal(err.code, TRIEN__ERROR__NOT_YET);
    }
}

/* The issuer's own life: refused before it and after it. */
static void issuer_must_be_valid(void **state)
{
    struct world_order o;
    struct err err = {0};

    (void)state;
    world_good(&w, PROFILE_OCSP_RESPONDER, "order-1", &o);
    o.approval.expires_at = WORLD_NOW + 9000 * WORLD_DAY;
    assert_int_equal(ask(&o, WORLD_NOW + 3651 * WORLD_DAY, &err), RC_REJECT);
    assert_string_equal(err.field, "issuer_is_valid_now");
    world_good(&w, PROFILE_PERSON, "order-1", &o);
    o.authorization.validity_days = 9000;
    o.authorization.expires_at = WORLD_NOW + 9000 * WORLD_DAY;
    o.tbs.not_before = WORLD_NOW + 3600 * WORLD_DAY;
    o.tbs.not_after = WORLD_NOW + 3651 * WORLD_DAY;
    assert_int_equal(ask(&o, WORLD_NOW + 3600 * WORLD_DAY, &err), RC_REJECT);
    assert_string_equal(err.field, "validity_within_issuers");
}

/* No row of the table is without a case here. Unique identifiers cannot be made with OpenSSL and
 * stand in the fuzz target's seeds; noCheck's content is caught by the canonical form already. */
static void every_rule_has_a_case(void **state)
{
    static const char *const elsewhere[] = {"issuer_is_valid_now", "validity_within_issuers",
                                            "no_unique_ids", "no_check_for_responders",
                                            "not_before_is_not_future"};
    size_t count;
    const struct rule *rules = rules_all(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        bool seen = false;
        for (size_t r = 0; r < COUNT_OF(refusals) && !seen; r++)
            seen = refusals[r].rule && strcmp(refusals[r].rule, rules[i].name) == 0;
        for (size_t r = 0; r < COUNT_OF(elsewhere) && !seen; r++)
            seen = strcmp(elsewhere[r], rules[i].name) == 0;
        if (!seen)
            fail_msg("no case refuses by %s", rules[i].name);
    }
}

static void too_large_is_refused(void **state)
{
    static uint8_t much[70 * 1024];
    struct world_order o;
    struct err err = {0};

    (void)state;
    world_good(&w, PROFILE_PERSON, "order-1", &o);
    o.tbs_der = bytes_of(much, sizeof(much));
    assert_int_equal(ask(&o, WORLD_NOW, &err), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__TOO_LARGE);
    o.tbs_der = bytes_of(much, 13 * 1024);
    assert_int_equal(ask(&o, WORLD_NOW, &err), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__SIGNER_LIMIT);
}

static void no_ground_is_refused(void **state)
{
    struct world_order o;
    struct err err = {0};
    struct question question;
    Trien__SignCertificate *call;

    (void)state;
    world_good(&w, PROFILE_PERSON, "order-1", &o);
    call = world_order(&w, &o);
    call->ground_case = TRIEN__SIGN_CERTIFICATE__GROUND__NOT_SET;
    assert_int_equal(rules_check(call, &w.issuer, 1, &w.rings, WORLD_NOW, w.arena, &err, &question),
                     RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__AUTHORIZATION_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_orders_pass),           cmocka_unit_test(device_key_passes),
        cmocka_unit_test(rsa_issuer_and_keys_pass),    cmocka_unit_test(one_change_one_refusal),
        cmocka_unit_test(what_may_become_right_waits), cmocka_unit_test(issuer_must_be_valid),
        cmocka_unit_test(every_rule_has_a_case),       cmocka_unit_test(too_large_is_refused),
        cmocka_unit_test(no_ground_is_refused),
    };

    return cmocka_run_group_tests_name("rules", tests, up, down);
}
