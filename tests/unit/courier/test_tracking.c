/* What carriers' words add up to: any order, any repeats, one state. And the webhook's body. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/courier/rules.h"

#define MINUTE (60 * USEC_PER_SECOND)

static struct arena *arena;

static int up(void **state)
{
    (void)state;
    arena = arena_new(8 << 20);
    return 0;
}

static int down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static struct tracking_point said(const char *code, usec at)
{
    struct tracking_point point = {.at = at, .place = ""};

    assert_true(rule_tracking_code(code, &point.state));
    return point;
}

static const struct tracking_point start = {.state = SHIPMENT_CREATED, .at = 0, .place = ""};

static enum shipment_state fold(const struct tracking_point *points, size_t count)
{
    return rule_fold(points, count, start).state;
}

static void codes_have_their_states(void **state)
{
    enum shipment_state found;

    (void)state;
    assert_true(rule_tracking_code("EMH", &found));
    assert_int_equal(found, SHIPMENT_ATTEMPTED);
    assert_false(rule_tracking_code("EMZ", &found));
    assert_false(rule_tracking_code("emi", &found));
    assert_false(rule_tracking_code("", &found));
    for (int i = SHIPMENT_CREATED; i <= SHIPMENT_DELIVERED; i++) {
        assert_true(
            rule_shipment_state_of(rule_shipment_state_name((enum shipment_state)i), &found));
        assert_int_equal(found, i);
    }
    assert_false(rule_shipment_state_of("delivered", &found));
}

static void a_journey(void **state)
{
    const struct tracking_point way[] = {said("EMA", 1), said("EMC", 2), said("EMG", 3),
                                         said("EDG", 4), said("EMH", 5), said("EDG", 6),
                                         said("EMI", 7)};
    static const enum shipment_state seen[] = {
        SHIPMENT_CREATED,          SHIPMENT_ACCEPTED,
        SHIPMENT_IN_TRANSIT,       SHIPMENT_AT_DELIVERY_OFFICE,
        SHIPMENT_OUT_FOR_DELIVERY, SHIPMENT_ATTEMPTED,
        SHIPMENT_OUT_FOR_DELIVERY, SHIPMENT_DELIVERED};

    (void)state;
    for (size_t i = 0; i <= COUNT_OF(way); i++)
        assert_int_equal(fold(way, i), seen[i]);
}

static void final_is_final_unless_corrected(void **state)
{
    struct tracking_point words[] = {said("EMI", 7),
                                     said("EMG", 8),
                                     said("RETURNED", 9),
                                     {SHIPMENT_LOST, 6, 100, ""},
                                     {SHIPMENT_RETURNED, 5, 200, ""}};

    (void)state;
    assert_int_equal(fold(words, 3), SHIPMENT_DELIVERED);
    assert_int_equal(fold(words, 4), SHIPMENT_LOST);
    assert_int_equal(fold(words, 5), SHIPMENT_RETURNED); /* the last correction */
    words[0] = said("RETURNED", 7), words[2] = said("EMI", 9);
    assert_int_equal(fold(words, 3), SHIPMENT_RETURNED);
}

static void of_one_instant_the_later_state_counts(void **state)
{
    const struct tracking_point words[] = {said("EDG", 5), said("EMG", 5)};
    const struct tracking_point turned[] = {words[1], words[0]};

    (void)state;
    assert_int_equal(fold(words, 2), SHIPMENT_OUT_FOR_DELIVERY);
    assert_int_equal(fold(turned, 2), SHIPMENT_OUT_FOR_DELIVERY);
}

/* xorshift: the same histories at each run. */
static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static struct tracking_point random_word(uint32_t *seed)
{
    static const char *const codes[] = {"EMA", "EMC",       "EMG",      "EDG",  "EMH",
                                        "EMI", "RETURNING", "RETURNED", "LOST", "EDF"};
    struct tracking_point word =
        said(codes[next_random(seed) % COUNT_OF(codes)], next_random(seed) % 12);

    if (next_random(seed) % 20 == 0) {
        word.state = SHIPMENT_DELIVERED;
        word.recorded_at = 1 + next_random(seed) % 3;
    }
    return word;
}

/* Any permutation, with any repeats, of any history folds to the same state. */
static void order_and_repeats_mean_nothing(void **state)
{
    uint32_t seed = 20261122;

    (void)state;
    for (int history = 0; history < 2000; history++) {
        struct tracking_point words[64];
        size_t count = 1 + next_random(&seed) % 12, told = count;
        for (size_t i = 0; i < count; i++)
            words[i] = random_word(&seed);
        struct tracking_point right = rule_fold(words, count, start);
        for (int turn = 0; turn < 8; turn++) {
            while (told < COUNT_OF(words) && next_random(&seed) % 4)
                words[told++] = words[next_random(&seed) % count];
            for (size_t i = told - 1; i > 0; i--) {
                size_t other = next_random(&seed) % (i + 1);
                struct tracking_point swap = words[i];
                words[i] = words[other], words[other] = swap;
            }
            struct tracking_point folded = rule_fold(words, told, start);
            assert_int_equal(folded.state, right.state);
            assert_int_equal(folded.at, right.at);
            /* Shuffled repeats may have left the first `count` places: take all from now on. */
            count = told;
        }
    }
}

/* --- webhook -----------------------------------------------------------------------------------
 */

#define EVENT(number, code, time)                                                                  \
    "{\"tracking_number\":\"" number "\",\"code\":\"" code "\",\"time\":\"" time "\"}"
#define BODY(events)                                                                               \
    "{\"carrier\":\"vnpost\",\"sent_at\":\"2026-11-20T09:15:02+07:00\",\"events\":[" events "]}"
#define GOOD EVENT("EE473124829VN", "EMA", "2026-11-20T02:10:00Z")

static enum rc read_text(const char *text, struct err *err, struct webhook *webhook)
{
    *err = (struct err){0};
    return rule_webhook_read(arena, bytes_of_text(text), err, webhook);
}

static void a_body_is_read(void **state)
{
    struct webhook webhook;
    struct err err;

    (void)state;
    assert_int_equal(
        read_text(
            BODY("{\"tracking_number\":\"EE473124829VN\",\"code\":\"EMG\","
                 "\"time\":\"2026-11-20T09:12:00.5+07:00\",\"place\":\"Bưu cục Hà Nội\"}," GOOD
                 "," GOOD),
            &err, &webhook),
        RC_OK);
    assert_string_equal(webhook.carrier, "vnpost");
    assert_int_equal(webhook.sent_at,
                     clock_day_start(clock_day_of(2026, 11, 20)) + 33302 * USEC_PER_SECOND);
    assert_int_equal(webhook.count, 2); /* in order of time, the repeat gone */
    assert_string_equal(webhook.events[0].code, "EMA");
    assert_int_equal(webhook.events[1].at - webhook.events[0].at, 2 * MINUTE + 500000);
    assert_string_equal(webhook.events[1].place, "Bưu cục Hà Nội");
}

static void a_wrong_body_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text;
        Trien__Error code;
        const char *field;
    } wrong[] = {
        {"", TRIEN__ERROR__MALFORMED, ""},
        {"[]", TRIEN__ERROR__MALFORMED, ""},
        {"{\"carrier\":\"a\",\"carrier\":\"b\"}", TRIEN__ERROR__MALFORMED, ""},
        {"{}", TRIEN__ERROR__FIELD_MISSING, "/carrier"},
        {"{\"carrier\":7}", TRIEN__ERROR__FIELD_INVALID, "/carrier"},
        {"{\"carrier\":\"a\",\"sent_at\":\"yesterday\"}", TRIEN__ERROR__FIELD_INVALID, "/sent_at"},
        {"{\"carrier\":\"a\",\"sent_at\":\"2026-11-20T09:15:02Z\"}", TRIEN__ERROR__FIELD_MISSING,
         "/events"},
        {BODY(""), TRIEN__ERROR__FIELD_INVALID, "/events"},
        {BODY("7"), TRIEN__ERROR__FIELD_MISSING, "/events/0/tracking_number"},
        {BODY(GOOD "," EVENT("EE473124828VN", "EMA", "2026-11-20T02:10:00Z")),
         TRIEN__ERROR__TRACKING_NUMBER_INVALID, "/events/1/tracking_number"},
        {BODY(EVENT("EE473124829VN", "EMQ", "2026-11-20T02:10:00Z")), TRIEN__ERROR__FIELD_INVALID,
         "/events/0/code"},
        {BODY(EVENT("EE473124829VN", "EMA", "2026-02-30T02:10:00Z")), TRIEN__ERROR__FIELD_INVALID,
         "/events/0/time"},
        {BODY("{\"tracking_number\":\"EE473124829VN\",\"code\":\"EMA\",\"time\":"
              "\"2026-11-20T02:10:00Z\",\"place\":\"a\\nb\"}"),
         TRIEN__ERROR__FIELD_INVALID, "/events/0/place"},
        {BODY("{\"tracking_number\":\"EE473124829VN\\u0000\",\"code\":\"EMA\",\"time\":"
              "\"2026-11-20T02:10:00Z\"}"),
         TRIEN__ERROR__MALFORMED, ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct webhook webhook;
        struct err err;
        assert_int_equal(read_text(wrong[i].text, &err, &webhook), RC_REJECT);
        assert_int_equal(err.code, wrong[i].code);
        assert_string_equal(err.field, wrong[i].field);
    }
}

static void more_than_enough_is_refused(void **state)
{
    char *text = arena_alloc(arena, 256 * 1024), *end = text;
    struct webhook webhook;
    struct err err;

    (void)state;
    end = stpcpy(end, "{\"carrier\":\"vnpost\",\"sent_at\":\"2026-11-20T09:15:02Z\",\"events\":[");
    for (int i = 0; i < WEBHOOK_MAX_EVENTS; i++)
        end = stpcpy(stpcpy(end, GOOD), ",");
    stpcpy(end, GOOD "]}");
    assert_int_equal(read_text(text, &err, &webhook), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__TOO_LARGE);
    stpcpy(end - 1, "]}");
    assert_int_equal(read_text(text, &err, &webhook), RC_OK);
    assert_int_equal(webhook.count, 1);
    memset(text, '[', 200000); /* depth */
    text[200000] = 0;
    assert_int_equal(read_text(text, &err, &webhook), RC_REJECT);
    assert_int_equal(
        rule_webhook_read(arena, bytes_of(text, WEBHOOK_MAX_BYTES + 1), &err, &webhook), RC_REJECT);
}

static void old_and_future_words_are_refused(void **state)
{
    struct webhook webhook;
    struct err err;

    (void)state;
    assert_int_equal(read_text(BODY(GOOD), &err, &webhook), RC_OK);
    usec sent = webhook.sent_at;
    assert_int_equal(rule_webhook_times(&webhook, sent + 5 * MINUTE, 5 * MINUTE, &err), RC_OK);
    assert_int_equal(rule_webhook_times(&webhook, sent - 5 * MINUTE, 5 * MINUTE, &err), RC_OK);
    assert_int_equal(rule_webhook_times(&webhook, sent + 5 * MINUTE + 1, 5 * MINUTE, &err),
                     RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__WEBHOOK_TIME);
    assert_int_equal(rule_webhook_times(&webhook, sent - 5 * MINUTE - 1, 5 * MINUTE, &err),
                     RC_REJECT);
    webhook.events[0].at = sent + 6 * MINUTE;
    assert_int_equal(rule_webhook_times(&webhook, sent, 5 * MINUTE, &err), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__FIELD_INVALID);
    webhook.events[0].at = sent - 200 * USEC_PER_DAY;
    assert_int_equal(rule_webhook_times(&webhook, sent, 5 * MINUTE, &err), RC_REJECT);
}

static void signatures_are_hex(void **state)
{
    static const char hex[] = "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8";
    struct bytes mac;

    (void)state;
    assert_true(rule_webhook_signature(arena, hex, &mac));
    assert_int_equal(mac.n, 32);
    assert_true(rule_webhook_signature(arena, arena_printf(arena, "sha256=%s", hex), &mac));
    assert_false(rule_webhook_signature(arena, "", &mac));
    assert_false(rule_webhook_signature(arena, "sha256=", &mac));
    assert_false(rule_webhook_signature(arena, hex + 1, &mac));
    assert_false(rule_webhook_signature(arena, arena_printf(arena, "%sff", hex), &mac));
    assert_false(rule_webhook_signature(arena, arena_printf(arena, "sha1=%s", hex), &mac));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_have_their_states),
        cmocka_unit_test(a_journey),
        cmocka_unit_test(final_is_final_unless_corrected),
        cmocka_unit_test(of_one_instant_the_later_state_counts),
        cmocka_unit_test(order_and_repeats_mean_nothing),
        cmocka_unit_test(a_body_is_read),
        cmocka_unit_test(a_wrong_body_is_refused_with_its_place),
        cmocka_unit_test(more_than_enough_is_refused),
        cmocka_unit_test(old_and_future_words_are_refused),
        cmocka_unit_test(signatures_are_hex),
    };

    return cmocka_run_group_tests(tests, up, down);
}
