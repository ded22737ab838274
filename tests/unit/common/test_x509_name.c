/* Names: golden DER facts, the upper bounds, the rule for long names, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/x509.h"

static struct arena *arena;
static struct err err;

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

static void test_a_person(void **state)
{
    const struct x509_name name = {.locality = "Hà Nội",
                                   .organisation = "Sở Khoa học và Công nghệ thành phố Hà Nội",
                                   .title = "Chuyên viên",
                                   .common_name = "Trần Thị Bình",
                                   .uid = "CCCD:001190012346"};
    struct bytes der;

    (void)state;
    assert_int_equal(x509_name_build(arena, &name, &err, &der), RC_OK);
    assert_string_equal(x509_name_text(arena, der),
                        "UID=CCCD:001190012346,CN=Trần Thị Bình,title=Chuyên viên,"
                        "O=Sở Khoa học và Công nghệ thành phố Hà Nội,L=Hà Nội,C=VN");
    assert_string_equal(x509_name_find(arena, der, NID_commonName), "Trần Thị Bình");
    assert_null(x509_name_find(arena, der, NID_organizationalUnitName));
    /* C is PrintableString, the rest UTF8String: RFC 5280 4.1.2.4 and appendix A.1. */
    assert_memory_equal(der.p + 3, "\x31\x0b\x30\x09\x06\x03\x55\x04\x06\x13\x02VN", 13);
    assert_int_equal(der.p[16 + 9], 0x0c);
}

static void test_decomposed_input_gives_the_same_name(void **state)
{
    struct x509_name name = {.common_name = "Tr\xe1\xba\xa7n"}; /* precomposed ầ */
    struct bytes composed, decomposed, spaced;

    (void)state;
    assert_int_equal(x509_name_build(arena, &name, &err, &composed), RC_OK);
    name.common_name = "Tra\xcc\x82\xcc\x80n"; /* a + circumflex + grave */
    assert_int_equal(x509_name_build(arena, &name, &err, &decomposed), RC_OK);
    name.common_name = " \tTra\xcc\x82\xcc\x80n\n";
    assert_int_equal(x509_name_build(arena, &name, &err, &spaced), RC_OK);
    assert_true(bytes_equal(composed, decomposed));
    assert_true(bytes_equal(composed, spaced));
}

static void test_bounds_count_characters(void **state)
{
    char text[64 * 3 + 2 + 1];
    struct x509_name name = {.common_name = text};
    struct bytes der;

    (void)state;
    for (size_t i = 0; i < 64; i++)
        memcpy(text + 3 * i, "ầ", 3);
    text[sizeof(text) - 3] = 0;
    assert_int_equal(x509_name_build(arena, &name, &err, &der), RC_OK);
    strcpy(text + sizeof(text) - 3, "a");
    assert_int_equal(x509_name_build(arena, &name, &err, &der), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__NAME_TOO_LONG);
    assert_string_equal(err.field, "common_name");
}

static void test_long_official_names(void **state)
{
    static const struct {
        const char *full, *shortened;
    } rows[] = {
        {"Sở Khoa học và Công nghệ", "Sở Khoa học và Công nghệ"},
        {"Trung tâm Ứng dụng tiến bộ khoa học và công nghệ thuộc Sở Khoa học và Công nghệ",
         "Trung tâm Ứng dụng tiến bộ khoa học và công nghệ thuộc Sở KH&CN"},
        {"Văn phòng Hội đồng nhân dân và Ủy ban nhân dân phường Hoàng Văn Thụ, thành phố Hà Nội",
         "Văn phòng HĐND và UBND phường Hoàng Văn Thụ, thành phố Hà Nội"},
        {"Ban vàng và vải và Ban vàng và vải và Ban vàng và vải và Ban vàng và vải",
         "Ban vàng & vải & Ban vàng & vải & Ban vàng & vải & Ban vàng & vải"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_string_equal(x509_name_shorten(arena, rows[i].full, i == 3 ? 66 : 64),
                            rows[i].shortened);
    assert_null(x509_name_shorten(arena,
                                  "Ban quản lý dự án đầu tư xây dựng các công trình giao thông "
                                  "và dân dụng thuộc tỉnh",
                                  64));
}

static void test_what_is_refused(void **state)
{
    static const char *const bad[] = {"a\xff", "a\x01",
                                      "\xe2\x80\xae"
                                      "gnp.exe",
                                      "a\xe2\x80\x8b"
                                      "b",
                                      "\xed\xa0\x80"};
    struct bytes der;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct x509_name name = {.common_name = bad[i]};
        assert_int_equal(x509_name_build(arena, &name, &err, &der), RC_REJECT);
        assert_int_equal(err.code, TRIEN__ERROR__FIELD_INVALID);
    }
    assert_int_equal(x509_name_build(arena, &(struct x509_name){.organisation = "O"}, &err, &der),
                     RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__FIELD_MISSING);
    assert_int_equal(x509_name_build(arena, &(struct x509_name){.common_name = "  "}, &err, &der),
                     RC_REJECT);
}

static void test_text_escapes(void **state)
{
    struct x509_name name = {.common_name = "a,b+c=\"d\";<e>", .organisation = "#x"};
    struct bytes der;

    (void)state;
    assert_int_equal(x509_name_build(arena, &name, &err, &der), RC_OK);
    assert_string_equal(x509_name_text(arena, der), "CN=a\\,b\\+c=\\\"d\\\"\\;\\<e\\>,O=\\#x,C=VN");
    assert_null(x509_name_text(arena, bytes_of_text("nonsense")));
    assert_null(x509_name_text(arena, (struct bytes){der.p, der.n - 1}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_person, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_decomposed_input_gives_the_same_name, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_bounds_count_characters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_official_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_text_escapes, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("x509_name", tests, NULL, NULL);
}
