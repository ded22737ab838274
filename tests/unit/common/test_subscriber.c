/* The mapping from a row to profile, subject and names: one case per form, and the refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/subscriber.h"
#include "common/x509.h"

static struct arena *arena;
static struct err err;
static struct subscriber subscriber;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(1 << 20);
    err_clear(&err);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static enum rc read_row(const char *form, const char *row)
{
    json_t *request =
        json_pack("{s:s, s:[o]}", "form", form, "subscribers", json_loads(row, 0, NULL));
    enum rc rc;

    assert_non_null(request);
    rc = subscriber_read(arena, request, 0, &err, &subscriber);
    json_decref(request);
    return rc;
}

static void test_forms(void **state)
{
    static const struct {
        const char *form, *row, *profile, *subject, *email, *dns, *ip, *device;
    } cases[] = {
        {"01",
         "{\"full_name\":\"Trần Thị Bình\",\"citizen_id\":\"001190012346\",\"organisation\":\"Sở "
         "A\","
         "\"position\":\"Chuyên viên\",\"province\":\"Hà Nội\",\"email\":\"Binh@Example.GOV.vn\","
         "\"device_kind\":\"pki_token\",\"domain_or_ip\":\"ignored.vn\"}",
         "person", "UID=CCCD:001190012346,CN=Trần Thị Bình,title=Chuyên viên,O=Sở A,L=Hà Nội,C=VN",
         "Binh@example.gov.vn", NULL, NULL, "pki_token"},
        {"02",
         "{\"name\":\"Sở "
         "A\",\"tax_code\":\"0100109106\",\"budget_code\":\"1234567\",\"province\":\"Huế\","
         "\"email\":\"a@b.vn\",\"csr\":\"x\"}",
         "agency", "UID=MST:0100109106,CN=Sở A,L=Huế,C=VN", "a@b.vn", NULL, NULL, "hsm"},
        {"02", "{\"name\":\"Sở A\",\"budget_code\":\"1234567\",\"device_kind\":\"pki_token\"}",
         "agency", "UID=MQHNS:1234567,CN=Sở A,C=VN", NULL, NULL, NULL, "pki_token"},
        {"03",
         "{\"name\":\"Cổng\",\"kind\":\"service\",\"owner\":\"Sở "
         "A\",\"domain_or_ip\":\"Dvc.Example.gov.VN\","
         "\"email\":\"a@b.vn\",\"csr\":\"x\"}",
         "tls_server", "CN=Cổng,O=Sở A,C=VN", NULL, "dvc.example.gov.vn", NULL, "hsm"},
        {"03", "{\"name\":\"API\",\"kind\":\"service\",\"owner\":\"Sở A\",\"email\":\"a@b.vn\"}",
         "api_client", "CN=API,O=Sở A,C=VN", "a@b.vn", NULL, NULL, "none"},
        {"03",
         "{\"name\":\"GW\",\"kind\":\"device\",\"owner\":\"Sở "
         "A\",\"domain_or_ip\":\"2001:DB8:0::1\"}",
         "device", "CN=GW,O=Sở A,C=VN", NULL, NULL, "2001:db8::1", "none"},
        {"03", "{\"name\":\"App\",\"kind\":\"software\",\"owner\":\"Sở A\"}", "code_signing",
         "CN=App,O=Sở A,C=VN", NULL, NULL, NULL, "none"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(read_row(cases[i].form, cases[i].row), RC_OK);
        assert_string_equal(subscriber.profile, cases[i].profile);
        assert_string_equal(x509_name_text(arena, subscriber.subject_der), cases[i].subject);
        assert_string_equal(subscriber.device_kind, cases[i].device);
        assert_true(!subscriber.email == !cases[i].email);
        assert_true(!subscriber.dns_name == !cases[i].dns);
        assert_true(!subscriber.ip_address == !cases[i].ip);
        if (subscriber.email)
            assert_string_equal(subscriber.email, cases[i].email);
        if (subscriber.dns_name)
            assert_string_equal(subscriber.dns_name, cases[i].dns);
        if (subscriber.ip_address)
            assert_string_equal(subscriber.ip_address, cases[i].ip);
    }
}

static void test_refusals(void **state)
{
    static const struct {
        const char *form, *row;
        Trien__Error code;
        const char *field;
    } cases[] = {
        {"01", "{\"organisation\":\"Sở A\"}", TRIEN__ERROR__FIELD_MISSING,
         "/subscribers/0/full_name"},
        {"01", "{\"full_name\":\"A\"}", TRIEN__ERROR__FIELD_MISSING, "/subscribers/0/organisation"},
        {"01", "{\"full_name\":\"A\",\"organisation\":\"O\",\"citizen_id\":\"12;CN=x\"}",
         TRIEN__ERROR__FIELD_INVALID, "/subscribers/0/citizen_id"},
        {"01", "{\"full_name\":\"A\",\"organisation\":\"O\",\"email\":\"a@@b.vn\"}",
         TRIEN__ERROR__EMAIL_INVALID, "/subscribers/0/email"},
        {"01", "{\"full_name\":\"A\",\"organisation\":\"O\",\"email\":\"ạ@b.vn\"}",
         TRIEN__ERROR__EMAIL_INVALID, "/subscribers/0/email"},
        {"01", "{\"full_name\":\"A\",\"organisation\":\"O\",\"email\":\"a..b@b.vn\"}",
         TRIEN__ERROR__EMAIL_INVALID, "/subscribers/0/email"},
        {"03", "{\"name\":\"A\",\"owner\":\"O\",\"kind\":\"service\",\"domain_or_ip\":\"*.b.vn\"}",
         TRIEN__ERROR__DOMAIN_INVALID, "/subscribers/0/domain_or_ip"},
        {"03", "{\"name\":\"A\",\"owner\":\"O\",\"kind\":\"service\",\"domain_or_ip\":\"a.b.999\"}",
         TRIEN__ERROR__DOMAIN_INVALID, "/subscribers/0/domain_or_ip"},
        {"03", "{\"name\":\"A\",\"owner\":\"O\",\"kind\":\"service\",\"domain_or_ip\":\"host\"}",
         TRIEN__ERROR__DOMAIN_INVALID, "/subscribers/0/domain_or_ip"},
        {"03", "{\"name\":\"A\",\"owner\":\"O\",\"kind\":\"toaster\"}", TRIEN__ERROR__FIELD_INVALID,
         "/subscribers/0/kind"},
        {"05", "{}", TRIEN__ERROR__FORM_NOT_OFFERED, NULL},
        {"01",
         "{\"full_name\":\"A\",\"organisation\":\"Ban quản lý dự án đầu tư xây dựng các công "
         "trình giao thông và dân dụng thuộc tỉnh\"}",
         TRIEN__ERROR__NAME_TOO_LONG, "/subscribers/0/organisation"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        err_clear(&err);
        assert_int_equal(read_row(cases[i].form, cases[i].row), RC_REJECT);
        assert_int_equal(err.code, cases[i].code);
        if (cases[i].field)
            assert_string_equal(err.field, cases[i].field);
    }
}

static void test_a_row_that_is_not_there(void **state)
{
    json_t *request = json_pack("{s:s, s:[]}", "form", "01", "subscribers");

    (void)state;
    assert_int_equal(subscriber_read(arena, request, 0, &err, &subscriber), RC_REJECT);
    json_decref(request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_forms, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_row_that_is_not_there, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("subscriber", tests, NULL, NULL);
}
