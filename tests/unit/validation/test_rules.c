/* Every checker of single values: what is right, what is wrong, what is brought to normal form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "services/validation/rules.h"
#include "services/validation/text.h"

static struct arena *arena;

static int up(void **state)
{
    (void)state;
    arena = arena_new(1 << 22);
    return 0;
}

static int down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static void citizen_ids(void **state)
{
    civil_day today = clock_day_of(2026, 11, 22);

    (void)state;
    assert_true(rule_is_citizen_id("001080012345", today));
    assert_true(rule_is_citizen_id("096299999999", clock_day_of(2099, 1, 1)));
    assert_true(rule_is_citizen_id("001226000000", today));  /* born this year */
    assert_false(rule_is_citizen_id("001227000000", today)); /* next year */
    assert_false(rule_is_citizen_id("001400000000", today)); /* 2100 */
    assert_false(rule_is_citizen_id("000080012345", today)); /* no such province */
    assert_false(rule_is_citizen_id("097080012345", today));
    assert_false(rule_is_citizen_id("00108001234", today));
    assert_false(rule_is_citizen_id("0010800123456", today));
    assert_false(rule_is_citizen_id("00108001234a", today));
    assert_false(rule_is_citizen_id("", today));
}

static void tax_codes(void **state)
{
    (void)state;
    assert_true(rule_is_tax_code("0100233488"));
    assert_true(rule_is_tax_code("0100109106"));
    assert_true(rule_is_tax_code("0314409058"));
    assert_true(rule_is_tax_code("0100109106-001"));
    assert_false(rule_is_tax_code("0100109107"));     /* check digit */
    assert_false(rule_is_tax_code("0100109106-000")); /* branch */
    assert_false(rule_is_tax_code("0100109106-1"));
    assert_false(rule_is_tax_code("0100109106001"));
    assert_false(rule_is_tax_code("0100109106x001"));
    assert_false(rule_is_tax_code("0100109106-0a1"));
    assert_false(rule_is_tax_code("0100000000"));
    assert_false(rule_is_tax_code("001080012345")); /* a person's number is not an agency's */
    assert_false(rule_is_tax_code("010010910x"));
    assert_false(rule_is_tax_code(""));
}

/* Σ mod 11 = 0 leaves no check digit: neither 0 nor anything else makes such a code right. */
static void tax_codes_without_check_digit(void **state)
{
    static const int weights[9] = {31, 29, 23, 19, 17, 13, 7, 5, 3};
    unsigned found = 0;

    (void)state;
    for (int n = 1; n < 3000; n++) {
        char code[16];
        int sum = 0;

        snprintf(code, sizeof code, "01%07d0", n);
        for (int i = 0; i < 9; i++)
            sum += weights[i] * (code[i] - '0');
        if (sum % 11 != 0)
            continue;
        found++;
        for (code[9] = '0'; code[9] <= '9'; code[9]++)
            assert_false(rule_is_tax_code(code));
    }
    assert_true(found > 100);
}

static void budget_codes(void **state)
{
    (void)state;
    assert_true(rule_is_budget_code("1234567"));
    assert_false(rule_is_budget_code("123456"));
    assert_false(rule_is_budget_code("12345678"));
    assert_false(rule_is_budget_code("123456x"));
}

static void organ_ids(void **state)
{
    static const struct {
        const char *in, *out;
    } good[] = {
        {"H26", "H26"},
        {"H26.14", "H26.14"},
        {"H01.02.03", "H01.02.03"},
        {"G12.ABC", "G12.ABC"},
        {"000.00.00.H54", "H54"},
        {"000.00.14.H26", "H26.14"},
        {"000.03.14.H26", "H26.14.03"},
        {"005.03.14.H26", "H26.14.03.005"},
        {"005.00.14.H26", "H26.14.00.005"},
        {"A00.AA.AAAAAAAAAAAAAAAAAAAAAAAAAAAA", "A00.AA.AAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
    };
    static const char *const bad[] = {"",
                                      "H2",
                                      "h26",
                                      "H26.",
                                      "H26.1",
                                      "H26..14",
                                      "H26.1.2",
                                      "26H",
                                      "H26-14",
                                      "H26.1a",
                                      "H26 14",
                                      "000.00.0.H26",
                                      "00.00.00.H26",
                                      "000.00.00.h26",
                                      "000.00.00.H2x",
                                      "x00.00.00.H26",
                                      "H26x",
                                      "A00.AA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                      "000.0x.00.H26",
                                      "000.00.x0.H26",
                                      "000-00.00.H26"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        const char *out = NULL;

        assert_true(rule_is_organ_id(arena, good[i].in, &out));
        assert_string_equal(out, good[i].out);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        const char *out = "untouched";

        assert_false(rule_is_organ_id(arena, bad[i], &out));
        assert_string_equal(out, "untouched");
    }
}

static void document_numbers(void **state)
{
    static const struct {
        const char *in, *out;
    } good[] = {
        {"452/SKHCN-CNTT", "452/SKHCN-CNTT"},
        {"Số: 15/QĐ-BNV", "15/QĐ-BNV"},
        {"Số:15/QĐ-BNV", "15/QĐ-BNV"},
        {"Số 15/QĐ-BNV", "15/QĐ-BNV"},
        {"01/UBND", "01/UBND"},
        {"12a/TTr-UBND", "12a/TTr-UBND"},
        {"68/2024/NĐ-CP", "68/2024/NĐ-CP"},
        {"7816/VPCP-TTĐT", "7816/VPCP-TTĐT"},
        {"5/KH&CN-P.TH", "5/KH&CN-P.TH"},
        {"3/ƯB-1", "3/ƯB-1"},
        {"8/A", "8/A"},
    };
    static const char *const bad[] = {
        "",        "452",        "/SKHCN",       "452/",   "1234567/A", "452/skhcn",
        "452/A-",  "452/-A",     "452/A--B",     "452/1A", "452/A B",   "452ab/A",
        "452/A/B", "68/1824/NĐ", "68/202/NĐ-CP", "Số: ",   "452/A_B",   "452-A"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        const char *out = NULL;

        assert_true(rule_is_document_number(good[i].in, &out));
        assert_string_equal(out, good[i].out);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        const char *out = NULL;

        assert_false(rule_is_document_number(bad[i], &out));
        assert_null(out);
    }
    assert_string_equal(rule_document_key(arena, "05/QĐ-BNV"), "5/QĐ-BNV");
    assert_string_equal(rule_document_key(arena, "500/QĐ"), "500/QĐ");
    assert_string_equal(rule_document_key(arena, "0/QĐ"), "0/QĐ");
}

static void emails(void **state)
{
    static const char *const good[] = {"vanthu@example.gov.vn", "a.b-c_d+e@x-1.vn",
                                       "A'B@xn--abc.vn", "1@2x.vn"};
    static const char *const bad[] = {
        "",          "a",           "@x.vn",      "a@",       "a@vn",       "a@x..vn", ".a@x.vn",
        "a.@x.vn",   "a..b@x.vn",   "a b@x.vn",   "ă@x.vn",   "a@x.vn.",    "a@-x.vn", "a@x-.vn",
        "a@1.2.3.4", "a@[1.2.3.4]", "a@ab--c.vn", "a@x_y.vn", "\"a\"@x.vn", "a@b@x.vn"};
    char text[300];
    const char *out = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(rule_is_email(arena, good[i], &out));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(rule_is_email(arena, bad[i], &out));
    assert_true(rule_is_email(arena, "Van.Thu@Example.GOV.vn", &out));
    assert_string_equal(out, "Van.Thu@example.gov.vn");
    memset(text, 'a', 65);
    strcpy(text + 65, "@x.vn");
    assert_false(rule_is_email(arena, text, &out));
    assert_true(rule_is_email(arena, text + 1, &out));
    memset(text, 'a', 260);
    memcpy(text + 10, "@", 1);
    text[260] = 0;
    assert_false(rule_is_email(arena, text, &out));
}

static void official_emails(void **state)
{
    (void)state;
    assert_true(rule_is_official_email("a@example.gov.vn", "gov.vn dcs.vn"));
    assert_true(rule_is_official_email("a@gov.vn", "gov.vn"));
    assert_true(rule_is_official_email("a@x.DCS.vn", "gov.vn  dcs.vn"));
    assert_false(rule_is_official_email("a@xgov.vn", "gov.vn"));
    assert_false(rule_is_official_email("a@gov.vn.com", "gov.vn dcs.vn"));
    assert_false(rule_is_official_email("a@vn", "gov.vn"));
    assert_false(rule_is_official_email("a", "gov.vn"));
    assert_false(rule_is_official_email("a@x.vn", ""));
}

static void mobiles(void **state)
{
    static const struct {
        const char *in, *out;
    } good[] = {
        {"0912345678", "+84912345678"},   {"84912345678", "+84912345678"},
        {"+84912345678", "+84912345678"}, {"0912 345 678", "+84912345678"},
        {"091.234-5678", "+84912345678"}, {"+84 32 1234567", "+84321234567"},
        {"0561234567", "+84561234567"},   {"0591234567", "+84591234567"},
        {"0701234567", "+84701234567"},   {"0811234567", "+84811234567"},
        {"0991234567", "+84991234567"},
    };
    static const char *const bad[] = {"",
                                      "091234567",
                                      "09123456789",
                                      "0951234567",
                                      "0311234567",
                                      "0511234567",
                                      "0571234567",
                                      "0711234567",
                                      "0801234567",
                                      "01612345678",
                                      "02438213456",
                                      "+0912345678",
                                      "+85912345678",
                                      "091234567x",
                                      "++84912345678",
                                      "0000000000",
                                      "84012345678",
                                      "091234567812345678"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        const char *out = NULL;

        assert_true(rule_is_mobile(arena, good[i].in, &out));
        assert_string_equal(out, good[i].out);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        const char *out = NULL;

        assert_false(rule_is_mobile(arena, bad[i], &out));
        assert_null(out);
    }
}

static void hosts(void **state)
{
    static const char *const bad_names[] = {"localhost", "*.gov.vn", "a..vn",   "a.vn.", ".vn",
                                            "-a.vn",     "a-.vn",    "a.123",   "ắ.vn",  "",
                                            "a b.vn",    "a_b.vn",   "ab--c.vn"};
    static const char *const bad_addresses[] = {
        "0.0.0.0", "127.0.0.1", "224.0.0.1",      "169.254.1.1", "255.255.255.255", "::",     "::1",
        "ff02::1", "fe80::1",   "::ffff:1.2.3.4", "1.2.3",       "1.2.3.256",       "gov.vn", ""};
    const char *out = NULL;
    char name[300];

    (void)state;
    assert_true(rule_is_host_name(arena, "DichVuCong.Example.gov.VN", &out));
    assert_string_equal(out, "dichvucong.example.gov.vn");
    assert_true(rule_is_host_name(arena, "xn--ab-1.vn", &out));
    for (size_t i = 0; i < COUNT_OF(bad_names); i++)
        assert_false(rule_is_host_name(arena, bad_names[i], &out));
    for (size_t i = 0; i < 250; i++)
        name[i] = i % 64 == 63 ? '.' : 'a';
    strcpy(name + 250, ".vn");
    assert_true(rule_is_host_name(arena, name, &out));
    strcpy(name + 250, "a.vn");
    assert_false(rule_is_host_name(arena, name, &out));
    memset(name, 'a', 64);
    strcpy(name + 64, ".vn");
    assert_false(rule_is_host_name(arena, name, &out));

    assert_true(rule_is_ip_address(arena, "10.1.2.3", &out));
    assert_string_equal(out, "10.1.2.3");
    assert_true(rule_is_ip_address(arena, "2001:0DB8:0:0::1", &out));
    assert_string_equal(out, "2001:db8::1");
    for (size_t i = 0; i < COUNT_OF(bad_addresses); i++)
        assert_false(rule_is_ip_address(arena, bad_addresses[i], &out));
}

static void names(void **state)
{
    static const char *const good[] = {"Nguyễn Văn An", "Y Bih", "K’Brôi", "H'Hen Niê",
                                       "Trần-Lê T. Bình"};
    static const char *const bad[] = {"", "A", "An1", "An\nB", "An@B", "--", "An\xe2\x80\x8b Bình"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(rule_is_person_name(good[i]));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(rule_is_person_name(bad[i]));
    assert_true(rule_is_plain_text("Số 18, phố Nguyễn Du (tầng 2)"));
    assert_false(rule_is_plain_text("18"));
    assert_false(rule_is_plain_text(""));
    assert_false(rule_is_plain_text("a\tb"));
    assert_false(rule_is_plain_text("a\xe2\x80\xae"
                                    "b")); /* right-to-left override */
    assert_false(rule_is_plain_text("a\xe2\x80\xa8"
                                    "b")); /* line separator */
}

static void words(void **state)
{
    (void)state;
    assert_true(rule_is_word_of("hsm", "pki_token hsm"));
    assert_true(rule_is_word_of("pki_token", "pki_token hsm"));
    assert_true(rule_is_word_of("pki", "pki_token hsm pki"));
    assert_false(rule_is_word_of("pki", "pki_token hsm"));
    assert_false(rule_is_word_of("token", "pki_token hsm"));
    assert_false(rule_is_word_of("", "pki_token hsm"));
    assert_false(rule_is_word_of("pki_token hsm", "pki_token hsm"));
}

static void csr_texts(void **state)
{
    static char large[20000];

    (void)state;
    assert_true(rule_is_csr_pem("-----BEGIN CERTIFICATE REQUEST-----\nAA==\n"
                                "-----END CERTIFICATE REQUEST-----"));
    assert_true(rule_is_csr_pem("-----BEGIN NEW CERTIFICATE REQUEST-----\nAA==\n"
                                "-----END NEW CERTIFICATE REQUEST-----"));
    assert_false(rule_is_csr_pem("-----BEGIN CERTIFICATE REQUEST-----\nAA==\n"
                                 "-----END CERTIFICATE REQUEST-----x"));
    assert_false(rule_is_csr_pem("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----"));
    assert_false(rule_is_csr_pem("-----BEGIN CERTIFICATE REQUEST-----\nAA=="));
    assert_false(rule_is_csr_pem("AA=="));
    memset(large, 'a', sizeof large - 1);
    assert_false(rule_is_csr_pem(large));
}

static void texts(void **state)
{
    const char *ascii = "plain";

    (void)state;
    assert_ptr_equal(text_nfc(arena, ascii), ascii);
    assert_string_equal(text_nfc(arena, "  a b \t\n"), "a b");
    assert_string_equal(text_nfc(arena, "\xc2\xa0 Bi\xcc\x80nh "), "B\xc3\xac"
                                                                   "nh");
    assert_string_equal(text_nfc(arena, " \xe3\x80\x80"), "");
    assert_null(text_nfc(arena, "\xc3"));
    assert_int_equal(text_length("Trần"), 4);
    assert_string_equal(text_cut(arena, "Trần", 100), "Trần");
    assert_string_equal(text_cut(arena, "Trần", 4), "Tr");
    assert_string_equal(text_cut(arena, "Trần", 0), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(citizen_ids),
        cmocka_unit_test(tax_codes),
        cmocka_unit_test(tax_codes_without_check_digit),
        cmocka_unit_test(budget_codes),
        cmocka_unit_test(organ_ids),
        cmocka_unit_test(document_numbers),
        cmocka_unit_test(emails),
        cmocka_unit_test(official_emails),
        cmocka_unit_test(mobiles),
        cmocka_unit_test(hosts),
        cmocka_unit_test(names),
        cmocka_unit_test(words),
        cmocka_unit_test(csr_texts),
        cmocka_unit_test(texts),
    };

    return cmocka_run_group_tests_name("validation/rules", tests, up, down);
}
