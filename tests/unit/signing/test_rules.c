/* What must hold before an order is believed: each rule with the input that breaks only it. */
#include "tests/unit/signing/world.h"

#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/pb_bytes.h"
#include "services/signing/rules.h"

#define REQUEST_ID "019ab3c1-2d3e-7f00-8a00-0123456789ab"
#define ITEM_ID REQUEST_ID "/2"

static struct x509_key *ra, *stranger;
static struct x509_ring *ring;

/* A key file and a ring with its public half, as init makes them. */
static struct x509_key *make_key(const char *path, const char *ring_path)
{
    autoptr(EVP_PKEY) pkey = EVP_EC_gen("P-256");
    struct x509_key *key = NULL;
    FILE *file = fopen(path, "w");

    PEM_write_PrivateKey(file, pkey, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    if (ring_path) {
        file = fopen(ring_path, "w");
        PEM_write_PUBKEY(file, pkey);
        fclose(file);
    }
    assert_int_equal(x509_key_load(path, &world.err, &key), RC_OK);
    return key;
}

static int open_all(void **state)
{
    char folder[] = "/tmp/trien-test-rules-XXXXXX";
    char key_path[64], ring_path[64];

    umask(077);
    if (world_open(state) != 0 || !mkdtemp(folder))
        return 1;
    snprintf(key_path, sizeof(key_path), "%s/key", folder);
    snprintf(ring_path, sizeof(ring_path), "%s/ring", folder);
    stranger = make_key(key_path, NULL);
    ra = make_key(key_path, ring_path);
    if (x509_ring_load(ring_path, &world.err, &ring) != RC_OK)
        return 1;
    unlink(key_path);
    unlink(ring_path);
    return rmdir(folder);
}

static int close_all(void **state)
{
    x509_key_free(&ra);
    x509_key_free(&stranger);
    x509_ring_free(&ring);
    return world_close(state);
}

/* One authorised item that everything bears out; tests spoil it. */
static struct {
    Trien__Authorization authorization;
    Trien__ItemAuthorized item;
    Trien__KeySignature signature;
    json_t *request;
    struct x509_csr csr;
    char *dns_name;
} good;

static void sign_item(struct x509_key *key)
{
    size_t size = trien__authorization__get_packed_size(&good.authorization);
    uint8_t *packed = arena_alloc(world.arena, size);

    good.item.authorization =
        (ProtobufCBinaryData){trien__authorization__pack(&good.authorization, packed), packed};
    assert_int_equal(
        x509_sign_p256(key, world.arena, bytes_of(packed, size), &world.err, &good.signature),
        RC_OK);
    good.item.registration_authority = &good.signature;
}

static struct bytes make_csr(EVP_PKEY *key)
{
    autoptr(X509_REQ) request = X509_REQ_new();

    X509_REQ_set_pubkey(request, key);
    X509_REQ_sign(request, key, EVP_sha256());
    return x509_der(world.arena, request, i2d_X509_REQ);
}

static int set_up(void **state)
{
    struct bytes csr = make_csr(world.p256);
    const char *pem = arena_printf(
        world.arena, "-----BEGIN CERTIFICATE REQUEST-----\n%s\n-----END CERTIFICATE REQUEST-----\n",
        bytes_to_base64(world.arena, csr));
    struct subscriber row;

    (void)state;
    err_clear(&world.err);
    good.request =
        json_pack("{s:s, s:{s:s}, s:[n, {s:s, s:s, s:s, s:s, s:s, s:s}]}", "form", "03", "agency",
                  "organ_id", "H26.14", "subscribers", "name", "Cổng", "kind", "service", "owner",
                  "Sở A", "domain_or_ip", "cong.gov.vn", "device_kind", "hsm", "csr", pem);
    assert_int_equal(subscriber_read(world.arena, good.request, 1, &world.err, &row), RC_OK);
    assert_int_equal(x509_csr_check(world.arena, csr, &world.err, &good.csr), RC_OK);
    trien__authorization__init(&good.authorization);
    trien__item_authorized__init(&good.item);
    good.dns_name = (char *)(uintptr_t)row.dns_name;
    good.authorization.version = 1;
    good.authorization.request_id = good.item.request_id = (char *)REQUEST_ID;
    good.authorization.item_id = good.item.item_id = (char *)ITEM_ID;
    good.authorization.lineage_id = (char *)ITEM_ID;
    good.authorization.action = (char *)"issue";
    good.authorization.profile = (char *)(uintptr_t)row.profile;
    good.authorization.subject_der = pb_of_bytes(row.subject_der);
    good.authorization.n_dns_name = 1;
    good.authorization.dns_name = &good.dns_name;
    good.authorization.validity_days = 1826;
    good.authorization.authorized_at = WORLD_NOW;
    good.authorization.expires_at = WORLD_NOW + DAY_US;
    good.authorization.has_key_sha256 = true;
    good.authorization.key_sha256 = pb_of_bytes(bytes_of(good.csr.key_sha256, 32));
    good.item.device_kind = (char *)"hsm";
    good.item.subscriber_name = (char *)"Cổng";
    good.item.organ_id = (char *)"H26.14";
    good.item.row = 1;
    good.item.has_csr_der = true;
    good.item.csr_der = pb_of_bytes(csr);
    sign_item(ra);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    json_decref(good.request);
    return 0;
}

static void test_order_ids(void **state)
{
    static const char *const bad[] = {"",
                                      "/1",
                                      REQUEST_ID,
                                      REQUEST_ID "/",
                                      REQUEST_ID "/0",
                                      REQUEST_ID "/01",
                                      REQUEST_ID "/1x",
                                      REQUEST_ID "/-1",
                                      REQUEST_ID "/99999999999999999999",
                                      "ocsp/issuing1/abc/1"};
    struct order_id id;

    (void)state;
    assert_true(rule_order_id(ITEM_ID, &id));
    assert_int_equal(id.number, 2);
    assert_string_equal(rule_order_text(world.arena, &id), ITEM_ID);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(rule_order_id(bad[i], &id));
}

static void test_an_authorization_is_read(void **state)
{
    Trien__Authorization *read;

    (void)state;
    assert_int_equal(rule_read_authorization(world.arena, &good.item, &world.err, &read), RC_OK);
    assert_string_equal(read->lineage_id, ITEM_ID);
    good.item.item_id = (char *)REQUEST_ID "/1";
    assert_int_equal(rule_read_authorization(world.arena, &good.item, &world.err, &read),
                     RC_REJECT);
    good.item.item_id = (char *)ITEM_ID;
    good.authorization.action = (char *)"revoke";
    sign_item(ra);
    assert_int_equal(rule_read_authorization(world.arena, &good.item, &world.err, &read),
                     RC_REJECT);
    good.item.authorization.len = 7;
    assert_int_equal(rule_read_authorization(world.arena, &good.item, &world.err, &read),
                     RC_REJECT);
    assert_int_equal(world.err.code, TRIEN__ERROR__AUTHORIZATION_INVALID);
}

static void test_an_authorization_holds(void **state)
{
    (void)state;
    assert_int_equal(
        rule_authorization_holds(ring, &good.item, &good.authorization, WORLD_NOW, &world.err),
        RC_OK);
    assert_int_equal(rule_authorization_holds(ring, &good.item, &good.authorization,
                                              WORLD_NOW + DAY_US, &world.err),
                     RC_REJECT);
    sign_item(stranger);
    assert_int_equal(
        rule_authorization_holds(ring, &good.item, &good.authorization, WORLD_NOW, &world.err),
        RC_REJECT);
}

static void test_the_key_is_the_authorized_one(void **state)
{
    struct x509_csr other;

    (void)state;
    assert_int_equal(rule_key_is_authorized(&good.authorization, &good.csr, &world.err), RC_OK);
    assert_int_equal(x509_csr_check(world.arena, make_csr(world.ca_key), &world.err, &other),
                     RC_OK);
    assert_int_equal(rule_key_is_authorized(&good.authorization, &other, &world.err), RC_REJECT);
    assert_int_equal(world.err.code, TRIEN__ERROR__BEYOND_AUTHORIZATION);
    good.authorization.has_key_sha256 = false;
    assert_int_equal(rule_key_is_authorized(&good.authorization, &other, &world.err), RC_OK);
    good.authorization.profile = (char *)"king";
    assert_int_equal(rule_key_is_authorized(&good.authorization, &other, &world.err), RC_REJECT);
    assert_int_equal(world.err.code, TRIEN__ERROR__PROFILE_UNKNOWN);
    good.authorization.profile = (char *)PROFILE_CODE_SIGNING;
    assert_int_equal(x509_csr_check(world.arena, make_csr(world.rsa2048), &world.err, &other),
                     RC_OK);
    assert_int_equal(rule_key_is_authorized(&good.authorization, &other, &world.err), RC_REJECT);
    assert_int_equal(world.err.code, TRIEN__ERROR__KEY_WEAK);
}

/* Whether the document bears the item out, after something was changed. */
static enum rc borne_out(void)
{
    return rule_is_borne_out(good.request, &good.item, &good.authorization, world.arena,
                             &world.err);
}

#define EXPECT_NOT_BORNE_OUT()                                                                     \
    do {                                                                                           \
        assert_int_equal(borne_out(), RC_REJECT);                                                  \
        assert_int_equal(world.err.code, TRIEN__ERROR__ORDER_NOT_BORNE_OUT);                       \
        json_decref(good.request);                                                                 \
        set_up(NULL);                                                                              \
    } while (0)

static void test_the_document_bears_it_out(void **state)
{
    static char other_name[] = "khac.gov.vn";
    char *other = other_name;

    (void)state;
    assert_int_equal(borne_out(), RC_OK);
    good.authorization.profile = (char *)PROFILE_API_CLIENT;
    EXPECT_NOT_BORNE_OUT();
    good.authorization.subject_der = pb_of_bytes(world.issuer.subject_der);
    EXPECT_NOT_BORNE_OUT();
    good.authorization.dns_name = &other;
    EXPECT_NOT_BORNE_OUT();
    good.authorization.n_dns_name = 0;
    EXPECT_NOT_BORNE_OUT();
    good.authorization.n_email = 1;
    good.authorization.email = &other;
    EXPECT_NOT_BORNE_OUT();
    good.authorization.n_ip_address = 1;
    good.authorization.ip_address = &other;
    EXPECT_NOT_BORNE_OUT();
    good.item.device_kind = (char *)"pki_token";
    EXPECT_NOT_BORNE_OUT();
    good.item.csr_der = pb_of_bytes(make_csr(world.ca_key));
    EXPECT_NOT_BORNE_OUT();
    good.item.has_csr_der = false;
    EXPECT_NOT_BORNE_OUT();
    good.item.organ_id = (char *)"H26.15";
    EXPECT_NOT_BORNE_OUT();
    good.item.row = 0;
    EXPECT_NOT_BORNE_OUT();
    good.item.row = 7;
    EXPECT_NOT_BORNE_OUT();
}

static struct bytes state_device_at(const char *order_id, const char *device_serial,
                                    const struct x509_csr *csr, usec stated_at)
{
    Trien__DeviceStatement statement = TRIEN__DEVICE_STATEMENT__INIT;
    uint8_t *packed;

    statement.version = 1;
    statement.order_id = (char *)(uintptr_t)order_id;
    statement.device_serial = (char *)(uintptr_t)device_serial;
    statement.key_sha256 = pb_of_bytes(bytes_of(csr->key_sha256, 32));
    statement.stated_at = stated_at;
    packed = arena_alloc(world.arena, trien__device_statement__get_packed_size(&statement));
    return bytes_of(packed, trien__device_statement__pack(&statement, packed));
}

static struct bytes state_device(const char *order_id, const char *device_serial,
                                 const struct x509_csr *csr)
{
    return state_device_at(order_id, device_serial, csr, WORLD_NOW);
}

static enum rc station_says(struct x509_key *key, struct bytes statement)
{
    Trien__KeySignature signature;
    Trien__DeviceStatement *said;

    assert_int_equal(x509_sign_p256(key, world.arena, statement, &world.err, &signature), RC_OK);
    return rule_station_holds(ring, ITEM_ID, &good.authorization, &good.csr, statement, &signature,
                              WORLD_NOW, world.arena, &world.err, &said);
}

static void test_the_station_holds(void **state)
{
    struct x509_csr other;

    (void)state;
    assert_int_equal(x509_csr_check(world.arena, make_csr(world.ca_key), &world.err, &other),
                     RC_OK);
    assert_int_equal(station_says(ra, state_device(ITEM_ID, "D1", &good.csr)), RC_OK);
    assert_int_equal(station_says(stranger, state_device(ITEM_ID, "D1", &good.csr)), RC_REJECT);
    assert_int_equal(station_says(ra, state_device(REQUEST_ID "/1", "D1", &good.csr)), RC_REJECT);
    assert_int_equal(station_says(ra, state_device(ITEM_ID, "D1", &other)), RC_REJECT);
    assert_int_equal(station_says(ra, state_device(ITEM_ID, "", &good.csr)), RC_REJECT);
    assert_int_equal(station_says(ra, bytes_of_text("nonsense")), RC_REJECT);
    good.authorization.device_serial = (char *)"D2";
    assert_int_equal(station_says(ra, state_device(ITEM_ID, "D1", &good.csr)), RC_REJECT);
    assert_int_equal(world.err.code, TRIEN__ERROR__STATION_INVALID);
    assert_int_equal(station_says(ra, state_device(ITEM_ID, "D2", &good.csr)), RC_OK);
}

/* What the signer would refuse for ever is refused while the order waits for a better statement. */
static void test_the_stations_clock_is_right(void **state)
{
    const struct {
        usec off;
        enum rc rc;
    } rows[] = {{-RULE_STATION_SKEW, RC_OK},
                {-RULE_STATION_SKEW - 1, RC_REJECT},
                {RULE_STATION_SKEW, RC_OK},
                {RULE_STATION_SKEW + 1, RC_REJECT}};
    static const uint8_t unknown_field[] = {0xf8, 0x07, 0x01}; /* number 127, varint 1 */
    struct bytes statement = state_device(ITEM_ID, "D1", &good.csr);
    uint8_t *longer = arena_alloc(world.arena, statement.n + sizeof(unknown_field));

    (void)state;
    good.authorization.authorized_at = WORLD_NOW;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(
            station_says(ra, state_device_at(ITEM_ID, "D1", &good.csr, WORLD_NOW + rows[i].off)),
            rows[i].rc);
    assert_int_equal(world.err.code, TRIEN__ERROR__STATION_INVALID);
    memcpy(longer, statement.p, statement.n);
    memcpy(longer + statement.n, unknown_field, sizeof(unknown_field));
    assert_int_equal(station_says(ra, bytes_of(longer, statement.n + sizeof(unknown_field))),
                     RC_REJECT);
}

static void test_the_device_is_the_assigned_one(void **state)
{
    Trien__DeviceStatement statement = TRIEN__DEVICE_STATEMENT__INIT;

    (void)state;
    statement.device_serial = (char *)"D1";
    assert_int_equal(rule_device_is_assigned("D1", &statement, &world.err), RC_OK);
    assert_int_equal(rule_device_is_assigned("D2", &statement, &world.err), RC_REJECT);
    assert_int_equal(world.err.code, TRIEN__ERROR__DEVICE_NOT_THE_ASSIGNED);
    assert_int_equal(rule_device_is_assigned(NULL, &statement, &world.err), RC_RETRY);
    assert_int_equal(world.err.code, TRIEN__ERROR__NOT_YET);
}

static enum rc approve(uint32_t days, int64_t expires_at, const struct x509_csr *csr)
{
    Trien__ResponderApproval approval = TRIEN__RESPONDER_APPROVAL__INIT;
    Trien__ResponderApproval *read;
    uint8_t *packed;

    approval.version = 1;
    approval.issuer = (char *)"issuing1";
    approval.key_sha256 = pb_of_bytes(bytes_of(csr->key_sha256, 32));
    approval.subject_der = good.authorization.subject_der;
    approval.validity_days = days;
    approval.expires_at = expires_at;
    packed = arena_alloc(world.arena, trien__responder_approval__get_packed_size(&approval));
    return rule_approval(world.arena,
                         bytes_of(packed, trien__responder_approval__pack(&approval, packed)),
                         &good.csr, WORLD_NOW, &world.err, &read);
}

static void test_approvals(void **state)
{
    struct x509_csr other;

    (void)state;
    assert_int_equal(x509_csr_check(world.arena, make_csr(world.ca_key), &world.err, &other),
                     RC_OK);
    assert_int_equal(approve(7, WORLD_NOW + DAY_US, &good.csr), RC_OK);
    assert_int_equal(approve(7, WORLD_NOW + DAY_US, &other), RC_REJECT);
    assert_int_equal(approve(0, WORLD_NOW + DAY_US, &good.csr), RC_REJECT);
    assert_int_equal(approve(32, WORLD_NOW + DAY_US, &good.csr), RC_REJECT);
    assert_int_equal(approve(7, WORLD_NOW, &good.csr), RC_REJECT);
    assert_int_equal(approve(7, WORLD_NOW + 2000 * DAY_US, &good.csr), RC_REJECT);
}

static void test_reasons_speak_both_languages(void **state)
{
    const struct err why = {.code = TRIEN__ERROR__KEY_REUSED, .field = "/subscribers/0"};
    const Trien__Reason *reason = rule_reason(world.arena, &why);

    (void)state;
    assert_int_equal(reason->code, TRIEN__ERROR__KEY_REUSED);
    assert_string_equal(reason->field, "/subscribers/0");
    assert_string_equal(reason->text_vi, "Khóa đã được dùng cho thuê bao khác.");
    assert_true(*reason->text_en);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order_ids, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_authorization_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_authorization_holds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_key_is_the_authorized_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_document_bears_it_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_station_holds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_stations_clock_is_right, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_device_is_the_assigned_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_approvals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reasons_speak_both_languages, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("rules", tests, open_all, close_all);
}
