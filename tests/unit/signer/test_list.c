/* Revocation lists that the signer is asked to sign: one right one, and every question answered
 * wrongly once. */
#include "tests/unit/signer/world_list.h"

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

/* The rule that refused; "" when none did. */
static const char *verdict(const Trien__SignCrl *call, usec now)
{
    struct list_question question;
    struct err err = {0};

    if (list_check(call, &w.issuer, 1, now, w.arena, &err, &question) == RC_OK)
        return "";
    assert_int_equal(err_rc(err.code), RC_REJECT);
    return *err.field ? arena_strdup(w.arena, err.field) : err_entry(err.code)->name;
}

static void expect(const struct world_list *list, const char *rule)
{
    Trien__SignCrl call = world_list_call(&w, list);

    assert_string_equal(verdict(&call, WORLD_NOW), rule);
}

static void a_right_list(void **state)
{
    struct world_list list = world_good_list(&w, 1);
    Trien__SignCrl call;

    (void)state;
    expect(&list, "");
    list.entries[0].serial_hex = NULL; /* nobody is revoked */
    expect(&list, "");
    list = world_good_list(&w, 9000000000ull);
    expect(&list, "");
    call = world_list_call(&w, &list);
    assert_string_equal(verdict(&call, WORLD_NOW + LIST_MAX_AGE), "");
    assert_string_equal(verdict(&call, WORLD_NOW + LIST_MAX_AGE + 1), "this_update_is_now");
    assert_string_equal(verdict(&call, WORLD_NOW - RULES_SKEW - 1), "this_update_is_now");
    call.issuer = (char *)"issuing9";
    assert_string_equal(verdict(&call, WORLD_NOW), "not_found");
    call.number = 0;
    assert_string_equal(verdict(&call, WORLD_NOW), "field_invalid");
}

static void each_question(void **state)
{
    struct world_list list = world_good_list(&w, 5);
    EVP_PKEY *rsa = world_new_key("rsa2048");

    (void)state;
    list.version = X509_CRL_VERSION_1;
    expect(&list, "version_2");
    list = world_good_list(&w, 5);
    list.algorithm_of = rsa;
    expect(&list, "algorithm_is_issuers");
    list = world_good_list(&w, 5);
    list.issuer_der = world_name(w.arena, "Triện TEST", "Another CA");
    expect(&list, "issuer_name_is_issuers");
    list = world_good_list(&w, 5);
    list.general_times = true;
    expect(&list, "times_in_form");
    list = world_good_list(&w, 5);
    list.next_update = 0;
    expect(&list, "times_in_form");
    list = world_good_list(&w, 5);
    list.next_update = WORLD_NOW + LIST_MAX_LIFETIME + USEC_PER_SECOND;
    expect(&list, "next_update_within_limit");
    list.next_update = WORLD_NOW;
    expect(&list, "next_update_within_limit");
    list = world_good_list(&w, 5);
    list.unsorted = true;
    list.entries[1].serial_hex = "5400";
    expect(&list, "serials_ascend");
    list = world_good_list(&w, 5);
    list.entries[1].serial_hex = "5401";
    expect(&list, "serials_ascend");
    list.entries[0].serial_hex = "-5401";
    expect(&list, "serials_ascend");
    list.entries[0].serial_hex = "00";
    expect(&list, "serials_ascend");
    list.entries[0].serial_hex = "540000000000000000000000000000000000000000";
    expect(&list, "serials_ascend");
    list = world_good_list(&w, 5);
    list.entries[0].revoked_at = WORLD_NOW + WORLD_DAY;
    expect(&list, "revoked_before_now");
    EVP_PKEY_free(rsa);
}

static void extensions_of_the_list(void **state)
{
    struct world_list list = world_good_list(&w, 5);

    (void)state;
    list.said_number = 6;
    expect(&list, "number_as_called");
    list = world_good_list(&w, 5);
    list.extensions[1].nid_or_oid = NULL;
    expect(&list, "extensions_known");
    list = world_good_list(&w, 5);
    list.extensions[1].critical = true;
    expect(&list, "extensions_known");
    list = world_good_list(&w, 5);
    list.extensions[2] = list.extensions[1];
    expect(&list, "extensions_known");
    list = world_good_list(&w, 5);
    list.extensions[2] = (struct world_extension){"deltaCRL", "DER:020104", true};
    expect(&list, "extensions_known");
    list = world_good_list(&w, 5);
    list.extensions[2] =
        (struct world_extension){"issuingDistributionPoint", "onlyuser:TRUE", true};
    expect(&list, "extensions_known");
    list = world_good_list(&w, 5);
    list.extensions[0].value = "keyid:always,issuer:always";
    expect(&list, "authority_key_is_issuers");
}

static void extensions_of_entries(void **state)
{
    static const long never[] = {0, 2, 6, 7, 8, 10, 11};
    struct world_list list = world_good_list(&w, 5);

    (void)state;
    list.entries[0].critical = true;
    expect(&list, "entry_extensions_known");
    list = world_good_list(&w, 5);
    list.entries[0].strange = "1.2.3.4";
    expect(&list, "entry_extensions_known");
    list.entries[0].strange = "2.5.29.29"; /* certificateIssuer: of indirect lists */
    expect(&list, "entry_extensions_known");
    for (size_t i = 0; i < COUNT_OF(never); i++) {
        list = world_good_list(&w, 5);
        list.entries[0].reason = never[i];
        expect(&list, "reasons_may_stand");
    }
    list.entries[0].reason = 255; /* two octets: no reason has */
    expect(&list, "entry_extensions_known");
    list = world_good_list(&w, 5);
    list.entries[0].invalidity_at = WORLD_NOW + WORLD_DAY;
    expect(&list, "reasons_may_stand");
}

static void bytes_that_are_no_list(void **state)
{
    struct world_list list = world_good_list(&w, 5);
    Trien__SignCrl call = world_list_call(&w, &list);
    uint8_t *copy = arena_alloc(w.arena, call.tbs_der.len + 1);

    (void)state;
    memcpy(copy, call.tbs_der.data, call.tbs_der.len);
    copy[call.tbs_der.len] = 0;
    call.tbs_der.data = copy;
    for (size_t length = 0; length < call.tbs_der.len; length += 7) {
        Trien__SignCrl shorter = call;
        shorter.tbs_der.len = length;
        assert_string_not_equal(verdict(&shorter, WORLD_NOW), "");
    }
    call.tbs_der.len++;
    assert_string_not_equal(verdict(&call, WORLD_NOW), "");
    call.tbs_der.len = LIST_MAX_TBS_BYTES + 1;
    assert_string_equal(verdict(&call, WORLD_NOW), "too_large");
}

static void an_issuer_that_may_not(void **state)
{
    struct world_list list = world_good_list(&w, 5);

    (void)state;
    w.issuer.signs_lists = false;
    expect(&list, "issuer_signs_lists");
    w.issuer.signs_lists = true;
    w.issuer.not_after = WORLD_NOW - 1;
    expect(&list, "issuer_is_valid_now");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_right_list, up, down),
        cmocka_unit_test_setup_teardown(each_question, up, down),
        cmocka_unit_test_setup_teardown(extensions_of_the_list, up, down),
        cmocka_unit_test_setup_teardown(extensions_of_entries, up, down),
        cmocka_unit_test_setup_teardown(bytes_that_are_no_list, up, down),
        cmocka_unit_test_setup_teardown(an_issuer_that_may_not, up, down),
    };

    return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
