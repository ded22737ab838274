/* request.json from text to verdict: one right request of each form, and every way to break one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/pem.h>

#include "common/x509.h"
#include "services/validation/examine.h"

static struct arena *arena;
static struct rule_context context;
static char csr_one[4096], csr_two[4096];

static void make_csr(char *text, size_t room)
{
    autoptr(EVP_PKEY) key = EVP_EC_gen("P-256");
    autoptr(X509_REQ) request = X509_REQ_new();
    autoptr(BIO) out = BIO_new(BIO_s_mem());
    int length;

    X509_REQ_set_pubkey(request, key);
    assert_true(X509_REQ_sign(request, key, EVP_sha256()) > 0);
    PEM_write_bio_X509_REQ(out, request);
    length = BIO_read(out, text, (int)room - 1);
    assert_true(length > 0);
    text[length] = 0;
}

static int up(void **state)
{
    (void)state;
    make_csr(csr_one, sizeof csr_one);
    make_csr(csr_two, sizeof csr_two);
    return 0;
}

static int each_up(void **state)
{
    (void)state;
    arena = arena_new((size_t)64 << 20);
    context = (struct rule_context){.arena = arena,
                                    .received_on = clock_day_of(2026, 11, 22),
                                    .received_at = clock_day_start(clock_day_of(2026, 11, 23)) - 1,
                                    .official_mail_domains = "vn"};
    return 0;
}

static int each_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static const char head[] =
    "{\"version\":1,\"form\":\"%s\","
    "\"document\":{\"number\":\"452/SKHCN-CNTT\",\"date\":\"2026-11-20\",\"place\":\"Hà Nội\","
    "\"subject\":\"V/v đề nghị cấp chứng thư\"},"
    "\"agency\":{\"organ_id\":\"000.00.14.H26\",\"name\":\"Sở Khoa học và Công nghệ\"},"
    "\"receiver\":{\"full_name\":\"Nguyễn Văn An\",\"citizen_id\":\"001080012345\","
    "\"position\":\"Văn thư\",\"mobile\":\"0912345678\",\"email\":\"vanthu@example.gov.vn\","
    "\"address\":\"Số 18 Nguyễn Du\"},\"delivery\":\"in_person\",\"count\":%d,"
    "\"subscribers\":[]}";

static const char person[] =
    "{\"full_name\":\"Trần Thị Bình\",\"citizen_id\":\"001190012346\","
    "\"citizen_id_date\":\"2021-05-10\",\"citizen_id_place\":\"Cục CSQLHC về TTXH\","
    "\"organisation\":\"Sở Khoa học và Công nghệ\",\"position\":\"Chuyên viên\","
    "\"province\":\"Hà Nội\",\"email\":\"binh@example.gov.vn\",\"mobile\":\"0987654321\","
    "\"device_kind\":\"pki_token\"}";
static const char agency[] =
    "{\"name\":\"Trung tâm Công nghệ thông tin\",\"address\":\"Số 1\",\"tax_code\":\"0100109106\","
    "\"budget_code\":\"1234567\",\"province\":\"Hà Nội\",\"email\":\"tt@example.gov.vn\","
    "\"device_kind\":\"pki_token\"}";
static const char service[] =
    "{\"name\":\"Cổng dịch vụ công\",\"kind\":\"service\","
    "\"domain_or_ip\":\"dichvucong.example.gov.vn\",\"owner\":\"Sở Khoa học và Công nghệ\","
    "\"province\":\"Hà Nội\",\"email\":\"tt@example.gov.vn\",\"device_kind\":\"none\"}";

static const char handover[] =
    "{\"subscriber_name\":\"Trần Thị Bình\",\"device_serial\":\"VN-0001\","
    "\"certificate_serial\":\"54:0A:BC:1F\","
    "\"handed_over_on\":\"2026-11-21\"}";
static const char giving_back[] =
    "{\"device_serial\":\"VN-0001\",\"certificate_serial\":\"540abc1f\","
    "\"condition\":\"còn nguyên vẹn\",\"reason\":\"nghỉ hưu\"}";

static const char *row_of(const char *form)
{
    static const struct {
        const char *form, *row;
    } rows[] = {
        {"01", person}, {"02", agency}, {"03", service}, {"07", handover}, {"08", giving_back}};

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (strcmp(rows[i].form, form) == 0)
            return rows[i].row;
    fail();
    return NULL;
}

/* A request of the form with `rows` rows of its kind; services get a CSR. */
static json_t *right_request(const char *form, size_t rows)
{
    json_t *root = json_loads(arena_printf(arena, head, form, (int)rows), 0, NULL);

    for (size_t i = 0; i < rows; i++) {
        json_t *row = json_loads(row_of(form), 0, NULL);

        if (strcmp(form, "03") == 0)
            json_object_set_new(row, "csr", json_string(i ? csr_two : csr_one));
        json_array_append_new(json_object_get(root, "subscribers"), row);
    }
    return root;
}

static void look(json_t *root, struct reasons *reasons, Trien__ExaminedDocument *examined)
{
    char *text = json_dumps(root, JSON_COMPACT);

    reasons_init(reasons, arena);
    trien__examined_document__init(examined);
    examine_request(&context, arena_bytes(arena, bytes_of_text(text)), reasons, examined);
    free(text);
}

/* Puts a JSON text at a pointer of object members and array indexes; NULL removes it. */
static void put(json_t *root, const char *pointer, const char *json)
{
    char *path = arena_strdup(arena, pointer + 1), *rest = path, *name = NULL, *step;
    json_t *at = root;

    while ((step = strsep(&rest, "/"))) {
        if (!rest) {
            name = step;
            break;
        }
        at = json_is_array(at) ? json_array_get(at, (size_t)atoi(step)) : json_object_get(at, step);
        assert_non_null(at);
    }
    if (!json)
        json_object_del(at, name);
    else if (json_is_array(at))
        json_array_set_new(at, (size_t)atoi(name), json_loads(json, JSON_DECODE_ANY, NULL));
    else
        json_object_set_new(at, name, json_loads(json, JSON_DECODE_ANY, NULL));
}

static void all_forms_pass(void **state)
{
    static const struct {
        const char *form, *profile;
    } forms[] = {{"01", "person"}, {"02", "agency"}, {"03", "tls_server"}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        autoptr(json_t) root = right_request(forms[i].form, 1);
        Trien__ExaminedDocument examined;
        struct reasons reasons;

        look(root, &reasons, &examined);
        for (size_t r = 0; r < reasons.count; r++)
            print_message("%s %s\n", reasons.rows[r].pointer, reasons.rows[r].text_en);
        assert_int_equal(reasons.count, 0);
        assert_string_equal(examined.form, forms[i].form);
        assert_string_equal(examined.organ_id, "H26.14");
        assert_string_equal(examined.receiver->mobile, "+84912345678");
        assert_string_equal(examined.delivery, "in_person");
        assert_int_equal(examined.n_items, 1);
        assert_string_equal(examined.items[0]->profile, forms[i].profile);
        assert_true(examined.items[0]->subject_der.len > 20);
        assert_int_equal(examined.items[0]->has_csr_der, i == 2);
        assert_int_equal(examined.n_remarks, 0);
    }
}

static void devices_are_reported(void **state)
{
    autoptr(json_t) handed = right_request("07", 1);
    autoptr(json_t) back = right_request("08", 1);
    Trien__ExaminedDocument examined;
    struct reasons reasons;

    (void)state;
    json_object_del(handed, "receiver"); /* nobody receives anything */
    json_object_del(handed, "delivery");
    look(handed, &reasons, &examined);
    assert_int_equal(reasons.count, 0);
    assert_null(examined.receiver);
    assert_string_equal(examined.items[0]->certificate_serial, "540abc1f");
    assert_string_equal(examined.items[0]->device_serial, "VN-0001");
    assert_string_equal(examined.items[0]->happened_on, "2026-11-21");
    look(back, &reasons, &examined);
    assert_int_equal(reasons.count, 0);
    assert_string_equal(examined.items[0]->condition, "còn nguyên vẹn");
    assert_string_equal(examined.items[0]->cause, "nghỉ hưu");
    assert_null(examined.items[0]->happened_on);
}

/* One thing wrong in a right request: the reason it must give. */
static const struct {
    const char *form, *pointer, *json;
    Trien__Error code;
    const char *at; /* NULL: where it was put */
} wrongs[] = {
    {"07", "/subscribers/0/device_serial", NULL, TRIEN__ERROR__FIELD_MISSING, NULL},
    {"07", "/subscribers/0/device_serial", "\"số 1\"", TRIEN__ERROR__SERIAL_INVALID, NULL},
    {"07", "/subscribers/0/certificate_serial", "\"xyz\"", TRIEN__ERROR__SERIAL_INVALID, NULL},
    {"07", "/subscribers/0/handed_over_on", "\"2026-11-23\"", TRIEN__ERROR__DATE_INVALID, NULL},
    {"07", "/subscribers/0/handed_over_on", NULL, TRIEN__ERROR__FIELD_MISSING, NULL},
    {"08", "/subscribers/0/certificate_serial", NULL, TRIEN__ERROR__FIELD_MISSING, NULL},
    {"08", "/subscribers/0/condition", NULL, TRIEN__ERROR__FIELD_MISSING, NULL},
    {"08", "/subscribers/0/condition", "\"a\\u0007\"", TRIEN__ERROR__FIELD_INVALID, NULL},
    {"08", "/subscribers/0/reason", "7", TRIEN__ERROR__FIELD_INVALID, NULL},
    {"01", "/form", "\"10\"", TRIEN__ERROR__FORM_UNKNOWN, NULL},
    {"01", "/form", "\"04\"", TRIEN__ERROR__FORM_NOT_OFFERED, NULL},
    {"01", "/form", NULL, TRIEN__ERROR__FIELD_MISSING, NULL},
    {"01", "/form", "1", TRIEN__ERROR__FIELD_MISSING, NULL},
    {"01", "/document", NULL, TRIEN__ERROR__FIELD_MISSING, NULL},
    {"01", "/document", "[]", TRIEN__ERROR__FIELD_MISSING, NULL},
    {"01", "/document/number", NULL, TRIEN__ERROR__FIELD_MISSING, NULL},
    {"01", "/document/number", "\"\"", TRIEN__ERROR__FIELD_MISSING, NULL},
    {"01", "/document/number", "\" \"", TRIEN__ERROR__FIELD_MISSING, NULL},
    {"01", "/document/number", "null", TRIEN__ERROR__FIELD_MISSING, NULL},
    {"01", "/document/number", "\"452\"", TRIEN__ERROR__DOCUMENT_NUMBER_INVALID, NULL},
    {"01", "/document/number", "452", TRIEN__ERROR__FIELD_INVALID, NULL},
    {"01", "/document/date", "\"2026-11-23\"", TRIEN__ERROR__DOCUMENT_DATE_INVALID, NULL},
    {"01", "/document/date", "\"2026-02-30\"", TRIEN__ERROR__DOCUMENT_DATE_INVALID, NULL},
    {"01", "/document/date", "\"20/11/2026\"", TRIEN__ERROR__DOCUMENT_DATE_INVALID, NULL},
    {"01", "/document/place", "\"a\\u0007b\"", TRIEN__ERROR__FIELD_INVALID, NULL},
    {"01", "/agency", NULL, TRIEN__ERROR__FIELD_MISSING, NULL},
    {"01", "/agency/organ_id", "\"H2\"", TRIEN__ERROR__ORGAN_ID_INVALID, NULL},
    {"01", "/agency/name", NULL, TRIEN__ERROR__FIELD_MISSING, NULL},
    {"01", "/receiver", "3", TRIEN__ERROR__FIELD_MISSING, NULL},
    {"01", "/receiver/full_name", "\"An 1\"", TRIEN__ERROR__FIELD_INVALID, NULL},
    {"01", "/receiver/citizen_id", "\"00108001234\"", TRIEN__ERROR__CITIZEN_ID_INVALID, NULL},
    {"01", "/receiver/mobile", "\"0243821345\"", TRIEN__ERROR__MOBILE_INVALID, NULL},
    {"01", "/receiver/email", "\"an@gmail.com\"", TRIEN__ERROR__EMAIL_INVALID, NULL},
    {"01", "/receiver/email", NULL, TRIEN__ERROR__FIELD_MISSING, NULL},
    {"01", "/delivery", NULL, TRIEN__ERROR__FIELD_MISSING, NULL},
    {"01", "/delivery", "\"by_air\"", TRIEN__ERROR__FIELD_INVALID, NULL},
    {"01", "/count", "2", TRIEN__ERROR__COUNT_MISMATCH, NULL},
    {"01", "/count", "\"1\"", TRIEN__ERROR__FIELD_MISSING, NULL},
    {"01", "/count", "1.0", TRIEN__ERROR__FIELD_MISSING, NULL},
    {"01", "/count", NULL, TRIEN__ERROR__FIELD_MISSING, NULL},
    {"01", "/subscribers", NULL, TRIEN__ERROR__FIELD_MISSING, NULL},
    {"01", "/subscribers", "{}", TRIEN__ERROR__FIELD_MISSING, NULL},
    {"01", "/subscribers", "[]", TRIEN__ERROR__FIELD_MISSING, NULL},
    {"01", "/subscribers/0", "\"x\"", TRIEN__ERROR__FIELD_MISSING, NULL},
    {"01", "/subscribers/0/full_name", NULL, TRIEN__ERROR__FIELD_MISSING, NULL},
    {"01", "/subscribers/0/citizen_id", "\"001327012346\"", TRIEN__ERROR__CITIZEN_ID_INVALID, NULL},
    {"01", "/subscribers/0/citizen_id_date", "\"2030-01-01\"", TRIEN__ERROR__DATE_INVALID, NULL},
    {"01", "/subscribers/0/organisation", NULL, TRIEN__ERROR__FIELD_MISSING, NULL},
    {"01", "/subscribers/0/email", "\"bình@example.gov.vn\"", TRIEN__ERROR__EMAIL_INVALID, NULL},
    {"01", "/subscribers/0/mobile", "\"01689123456\"", TRIEN__ERROR__MOBILE_INVALID, NULL},
    {"01", "/subscribers/0/device_kind", "\"hsm\"", TRIEN__ERROR__DEVICE_KIND_INVALID, NULL},
    {"01", "/subscribers/0/device_kind", NULL, TRIEN__ERROR__FIELD_MISSING, NULL},
    {"02", "/subscribers/0/name", NULL, TRIEN__ERROR__FIELD_MISSING, NULL},
    {"02", "/subscribers/0/tax_code", "\"0100109107\"", TRIEN__ERROR__TAX_CODE_INVALID, NULL},
    {"02", "/subscribers/0/budget_code", "\"123\"", TRIEN__ERROR__BUDGET_CODE_INVALID, NULL},
    {"02", "/subscribers/0/device_kind", "\"sim_pki\"", TRIEN__ERROR__DEVICE_KIND_INVALID, NULL},
    {"02", "/subscribers/0/device_kind", "\"hsm\"", TRIEN__ERROR__FIELD_MISSING,
     "/subscribers/0/csr"},
    {"03", "/subscribers/0/kind", "\"car\"", TRIEN__ERROR__FIELD_INVALID, NULL},
    {"03", "/subscribers/0/kind", NULL, TRIEN__ERROR__FIELD_MISSING, NULL},
    {"03", "/subscribers/0/owner", NULL, TRIEN__ERROR__FIELD_MISSING, NULL},
    {"03", "/subscribers/0/domain_or_ip", "\"*.gov.vn\"", TRIEN__ERROR__DOMAIN_INVALID, NULL},
    {"03", "/subscribers/0/domain_or_ip", "\"127.0.0.1\"", TRIEN__ERROR__DOMAIN_INVALID, NULL},
    {"03", "/subscribers/0/csr", "\"AAAA\"", TRIEN__ERROR__CSR_MALFORMED, NULL},
    {"03", "/subscribers/0/csr",
     "\"-----BEGIN CERTIFICATE REQUEST-----\\nAAAA\\n-----END CERTIFICATE REQUEST-----\"",
     TRIEN__ERROR__CSR_MALFORMED, NULL},
    {"03", "/subscribers/0/csr", NULL, TRIEN__ERROR__FIELD_MISSING, NULL},
    {"03", "/subscribers/0/device_kind", "\"pki_token\"", TRIEN__ERROR__FIELD_INVALID,
     "/subscribers/0/csr"},
};

static void each_wrong_gives_its_one_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrongs); i++) {
        autoptr(json_t) root = right_request(wrongs[i].form, 1);
        const char *at = wrongs[i].at ? wrongs[i].at : wrongs[i].pointer;
        Trien__ExaminedDocument examined;
        struct reasons reasons;

        put(root, wrongs[i].pointer, wrongs[i].json);
        look(root, &reasons, &examined);
        if (reasons.count != 1 || reasons.rows[0].code != wrongs[i].code ||
            strcmp(reasons.rows[0].pointer, at) != 0)
            fail_msg("%s = %s gave %zu reasons, first %d at %s", wrongs[i].pointer,
                     wrongs[i].json ? wrongs[i].json : "(absent)", reasons.count,
                     reasons.count ? (int)reasons.rows[0].code : 0,
                     reasons.count ? reasons.rows[0].pointer : "");
        assert_true(strlen(reasons.rows[0].text_vi) > 10 && strlen(reasons.rows[0].text_en) > 10);
    }
}

static void rules_over_several_fields(void **state)
{
    autoptr(json_t) sim = right_request("01", 1);
    autoptr(json_t) known = right_request("02", 1);
    autoptr(json_t) post = right_request("01", 1);
    Trien__ExaminedDocument examined;
    struct reasons reasons;

    (void)state;
    put(sim, "/subscribers/0/device_kind", "\"sim_pki\"");
    look(sim, &reasons, &examined);
    assert_int_equal(reasons.count, 0);
    put(sim, "/subscribers/0/mobile", NULL);
    look(sim, &reasons, &examined);
    assert_int_equal(reasons.count, 1);
    assert_string_equal(reasons.rows[0].pointer, "/subscribers/0/mobile");

    put(known, "/subscribers/0/tax_code", NULL);
    look(known, &reasons, &examined);
    assert_int_equal(reasons.count, 0);
    put(known, "/subscribers/0/budget_code", NULL);
    look(known, &reasons, &examined);
    assert_int_equal(reasons.count, 1);
    assert_int_equal(reasons.rows[0].code, TRIEN__ERROR__FIELD_MISSING);

    put(post, "/delivery", "\"public_post\"");
    look(post, &reasons, &examined);
    assert_int_equal(reasons.count, 0);
    put(post, "/receiver/address", NULL);
    look(post, &reasons, &examined);
    assert_int_equal(reasons.count, 1);
    assert_string_equal(reasons.rows[0].pointer, "/receiver/address");
}

static void keys_of_the_agency_need_no_delivery(void **state)
{
    autoptr(json_t) root = right_request("03", 1);
    Trien__ExaminedDocument examined;
    struct reasons reasons;

    (void)state;
    put(root, "/delivery", NULL);
    put(root, "/subscribers/0/device_kind", NULL);
    put(root, "/subscribers/0/domain_or_ip", "\"10.0.0.5\"");
    look(root, &reasons, &examined);
    assert_int_equal(reasons.count, 0);
    assert_string_equal(examined.items[0]->ip_address, "10.0.0.5");
    assert_string_equal(examined.items[0]->device_kind, "hsm");
    assert_null(examined.delivery);
}

static void every_reason_at_once(void **state)
{
    autoptr(json_t) root = right_request("01", 3);
    Trien__ExaminedDocument examined;
    struct reasons reasons;

    (void)state;
    put(root, "/document/date", "\"2027-01-01\"");
    put(root, "/subscribers/0/citizen_id", "\"1\"");
    put(root, "/subscribers/0/email", "\"x\"");
    put(root, "/subscribers/2/full_name", "\"\"");
    put(root, "/subscribers/2/citizen_id", "\"001190012347\"");
    put(root, "/count", "4");
    look(root, &reasons, &examined);
    assert_int_equal(reasons.count, 5);
    assert_true(reasons_have(&reasons, TRIEN__ERROR__DOCUMENT_DATE_INVALID));
    assert_true(reasons_have(&reasons, TRIEN__ERROR__COUNT_MISMATCH));
    assert_true(reasons_have(&reasons, TRIEN__ERROR__CITIZEN_ID_INVALID));
    assert_true(reasons_have(&reasons, TRIEN__ERROR__EMAIL_INVALID));
    assert_true(reasons_have(&reasons, TRIEN__ERROR__FIELD_MISSING));
    assert_false(reasons_have(&reasons, TRIEN__ERROR__SUBSCRIBER_REPEATED));
    assert_non_null(strstr(reasons.rows[reasons.count - 1].text_vi, "Thuê bao thứ 3: “Họ và tên”"));
}

static void repeated_subscribers(void **state)
{
    autoptr(json_t) root = right_request("01", 3);
    autoptr(json_t) services = right_request("03", 2);
    Trien__ExaminedDocument examined;
    struct reasons reasons;

    (void)state;
    look(root, &reasons, &examined);
    assert_int_equal(reasons.count, 2);
    assert_int_equal(reasons.rows[0].code, TRIEN__ERROR__SUBSCRIBER_REPEATED);
    assert_string_equal(reasons.rows[0].pointer, "/subscribers/1");
    assert_string_equal(reasons.rows[1].pointer, "/subscribers/2");
    put(root, "/subscribers/1/device_kind", "\"sim_pki\""); /* a token and a SIM are two things */
    put(root, "/subscribers/2/citizen_id", "\"001190012347\"");
    look(root, &reasons, &examined);
    assert_int_equal(reasons.count, 0);

    put(services, "/subscribers/1/domain_or_ip", "\"other.example.gov.vn\"");
    look(services, &reasons, &examined);
    assert_int_equal(reasons.count, 0);
    put(services, "/subscribers/1/csr", arena_printf(arena, "\"%s\"", "x"));
    json_object_set_new(json_array_get(json_object_get(services, "subscribers"), 1), "csr",
                        json_string(csr_one));
    look(services, &reasons, &examined);
    assert_int_equal(reasons.count, 1);
    assert_int_equal(reasons.rows[0].code, TRIEN__ERROR__KEY_REUSED);
    assert_string_equal(reasons.rows[0].pointer, "/subscribers/1/csr");
}

static void long_lists(void **state)
{
    autoptr(json_t) full = right_request("01", REQUEST_MAX_SUBSCRIBERS);
    autoptr(json_t) over = right_request("01", REQUEST_MAX_SUBSCRIBERS + 1);
    Trien__ExaminedDocument examined;
    struct reasons reasons;

    (void)state;
    for (size_t i = 0; i < REQUEST_MAX_SUBSCRIBERS; i++)
        put(full, arena_printf(arena, "/subscribers/%zu/citizen_id", i),
            arena_printf(arena, "\"00119%07zu\"", i));
    look(full, &reasons, &examined);
    assert_int_equal(reasons.count, 0);
    assert_int_equal(examined.n_items, REQUEST_MAX_SUBSCRIBERS);
    look(over, &reasons, &examined);
    assert_int_equal(reasons.count, 1);
    assert_int_equal(reasons.rows[0].code, TRIEN__ERROR__TOO_MANY_SUBSCRIBERS);
    for (size_t i = 0; i < REQUEST_MAX_SUBSCRIBERS; i++)
        put(full, arena_printf(arena, "/subscribers/%zu/email", i), "\"x\"");
    look(full, &reasons, &examined);
    assert_int_equal(reasons.count, REASONS_MAX);
    assert_int_equal(reasons.left_out, REQUEST_MAX_SUBSCRIBERS - REASONS_MAX);
    reasons_close(&reasons);
    assert_non_null(strstr(reasons.rows[REASONS_MAX].text_vi, "750"));
}

static void limits_of_texts(void **state)
{
    autoptr(json_t) root = right_request("02", 1);
    char text[600];
    Trien__ExaminedDocument examined;
    struct reasons reasons;

    (void)state;
    memset(text, 'a', sizeof text);
    text[0] = text[201] = '"';
    text[202] = 0;
    put(root, "/agency/name", text); /* 200 characters */
    look(root, &reasons, &examined);
    assert_int_equal(reasons.count, 0);
    text[201] = 'a';
    text[202] = '"';
    text[203] = 0;
    put(root, "/agency/name", text);
    look(root, &reasons, &examined);
    assert_int_equal(reasons.count, 1);
    assert_string_equal(reasons.rows[0].pointer, "/agency/name");
    put(root, "/agency/name", "\"Sở\"");
    put(root, "/subscribers/0/name", arena_printf(arena, "\"%.180s\"", text + 1));
    look(root, &reasons, &examined); /* fits the field, not a certificate */
    assert_int_equal(reasons.count, 1);
    assert_int_equal(reasons.rows[0].code, TRIEN__ERROR__NAME_TOO_LONG);
    assert_string_equal(reasons.rows[0].pointer, "/subscribers/0/name");
}

static void unknown_members_are_remarked(void **state)
{
    autoptr(json_t) root = right_request("01", 1);
    Trien__ExaminedDocument examined;
    struct reasons reasons;

    (void)state;
    put(root, "/note", "\"x\"");
    put(root, "/subscribers/0/mobil", "\"0912345678\"");
    look(root, &reasons, &examined);
    assert_int_equal(reasons.count, 0);
    assert_int_equal(examined.n_remarks, 2);
    assert_string_equal(examined.remarks[0], "/subscribers/0/mobil");
    assert_string_equal(examined.remarks[1], "/note");
}

static void texts_that_are_no_request(void **state)
{
    static const char *const texts[] = {
        "",
        "x",
        "[]",
        "1",
        "{}",
        "{\"version\":2}",
        "{\"version\":\"1\"}",
        "{\"version\":1,\"version\":1}",
        "{\"version\":1,\"form\":\"01\",\"document\":{\"number\":\"a\",\"number\":\"b\"}}",
        "{\"version\":1} x",
        "{\"version\":1,\"x\":\"\xff\"}",
        "{\"version\":1,\"x\":\"\\u0000\"}",
        "{\"version\":1,\"x\":[[[[1]]]]}",
        "{\"version\":1,\"x\":\"\\\"",
        "\xef\xbb\xbf{\"version\":1}",
    };
    char *large = arena_alloc(arena, REQUEST_MAX_BYTES + 1);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        Trien__ExaminedDocument examined;
        struct reasons reasons;

        reasons_init(&reasons, arena);
        trien__examined_document__init(&examined);
        examine_request(&context, bytes_of_text(texts[i]), &reasons, &examined);
        if (reasons.count != 1 || reasons.rows[0].code != TRIEN__ERROR__REQUEST_MALFORMED)
            fail_msg("%s was believed", texts[i]);
    }
    memset(large, ' ', REQUEST_MAX_BYTES + 1);
    {
        struct reasons reasons;

        reasons_init(&reasons, arena);
        assert_null(request_parse(bytes_of(large, REQUEST_MAX_BYTES + 1), &reasons));
        assert_non_null(strstr(reasons.rows[0].text_en, "2 MiB"));
    }
}

static void brackets_in_texts_are_not_depth(void **state)
{
    autoptr(json_t) root = right_request("01", 1);
    Trien__ExaminedDocument examined;
    struct reasons reasons;

    (void)state;
    put(root, "/document/subject", "\"[[[[[[{{{{{{ \\\\\\\" ((( a\"");
    look(root, &reasons, &examined);
    assert_int_equal(reasons.count, 0);
}

static void tables_are_sound(void **state)
{
    const struct form *form;

    (void)state;
    for (size_t i = 0; (form = forms_at(i)); i++) {
        assert_ptr_equal(forms_find(form->code), form);
        assert_true((form->purpose != FORM_NOT_SERVED) == (form->fields != NULL));
        for (size_t f = 0; f < form->field_count; f++) {
            assert_non_null(form->fields[f].checker->holds);
            assert_non_null(form->fields[f].checker->must_vi);
            assert_true(form->fields[f].max_characters > 0);
            assert_true(err_rc(form->fields[f].checker->code) == RC_REJECT);
            for (size_t g = 0; g < f; g++)
                assert_string_not_equal(form->fields[f].name, form->fields[g].name);
        }
    }
    assert_null(forms_find("10"));
}

static void findings_name_their_signature(void **state)
{
    static const struct document_reason found[] = {{TRIEN__ERROR__DOCUMENT_ENCRYPTED, 0, "x"},
                                                   {TRIEN__ERROR__SIGNER_EXPIRED, 2, "x"}};
    const struct document_report report = {.reason_count = 2, .reasons = found};
    struct reasons reasons;
    Trien__Reason **rows;
    size_t count = 0;

    (void)state;
    reasons_init(&reasons, arena);
    examine_findings(&report, &reasons);
    reasons_pack(&reasons, &count, &rows);
    assert_int_equal(count, 2);
    assert_null(rows[0]->field);
    assert_non_null(strstr(rows[1]->text_vi, "Chữ ký số thứ 2"));
    assert_int_equal(rows[1]->code, TRIEN__ERROR__SIGNER_EXPIRED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, each_up, each_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_forms_pass),
        TEST(devices_are_reported),
        TEST(each_wrong_gives_its_one_reason),
        TEST(rules_over_several_fields),
        TEST(keys_of_the_agency_need_no_delivery),
        TEST(every_reason_at_once),
        TEST(repeated_subscribers),
        TEST(long_lists),
        TEST(limits_of_texts),
        TEST(unknown_members_are_remarked),
        TEST(texts_that_are_no_request),
        TEST(brackets_in_texts_are_not_depth),
        TEST(tables_are_sound),
        TEST(findings_name_their_signature),
    };

    return cmocka_run_group_tests_name("validation/request", tests, up, NULL);
}
