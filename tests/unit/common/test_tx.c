/* The transaction without a database: what rows may emit, what is collected, what is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/bus.pb-c.h"
#include "tests/unit/common/frame.h"

static const struct on_effect effects[] = {{.kind = "mail"}, {0}};
static const struct service service = {.name = "test", .effects = effects};
static struct svc svc = {.service = &service};
static struct tx *tx;
static const ProtobufCMessageDescriptor *const out[MAX_OUT] = {&trien__operator_acted__descriptor};
static const ProtobufCMessageDescriptor *const full[MAX_OUT] = {
    &trien__fetch__descriptor, &trien__fetch__descriptor,     &trien__fetch__descriptor,
    &trien__fetch__descriptor, &trien__fetch__descriptor,     &trien__fetch__descriptor,
    &trien__fetch__descriptor, &trien__get_health__descriptor};

static int up(void **state)
{
    (void)state;
    tx = tx_new(&svc, NULL, "test", (size_t)1 << 24);
    return 0;
}

static int down(void **state)
{
    (void)state;
    tx_free(&tx);
    return tx != NULL;
}

static enum rc say(const char *key, const char *subject)
{
    Trien__OperatorActed event = TRIEN__OPERATOR_ACTED__INIT;

    event.principal = event.act = (char *)"test";
    event.subject = (char *)(uintptr_t)subject;
    return emit(tx, key, &event);
}

static void begin(const ProtobufCMessageDescriptor *const *list)
{
    tx_reset(tx);
    assert_int_equal(tx_begin(tx, 5, "intake", "00-trace", list), RC_OK);
}

static void events_are_collected_in_order(void **state)
{
    char key[16];

    (void)state;
    begin(out);
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        assert_int_equal(say(key, "x"), RC_OK);
    }
    assert_int_equal(tx->frame->event_count, 1000);
    assert_string_equal(tx->frame->events[999].key, "k999");
    assert_string_equal(tx->frame->events[0].type, "OperatorActed");
    assert_string_equal(tx->frame->events[0].traceparent, "00-trace");
    assert_true(tx->frame->events[0].payload.n > 0);
    assert_int_equal(tx_commit(tx), RC_OK);
}

static void a_row_emits_what_it_names(void **state)
{
    Trien__GetHealth other = TRIEN__GET_HEALTH__INIT;

    (void)state;
    begin(out);
    assert_int_equal(emit(tx, "k", &other), RC_FATAL);
    assert_int_equal(tx->err.code, TRIEN__ERROR__UNDECLARED_MESSAGE);
    tx_enter(tx, "00-other", full); /* the next event of the batch: another row, another trace */
    assert_int_equal(emit(tx, "k", &other), RC_OK);
    assert_string_equal(tx->frame->events[0].traceparent, "00-other");
    assert_int_equal(say("k", "x"), RC_FATAL);
    tx_enter(tx, NULL, NULL);
    assert_int_equal(emit(tx, "k", &other), RC_FATAL);
    assert_string_equal(tx->traceparent, "");
}

static void an_event_has_a_largest_size(void **state)
{
    char *subject = test_malloc(BUS_MAX_EVENT + 1);

    (void)state;
    memset(subject, 'x', BUS_MAX_EVENT);
    subject[BUS_MAX_EVENT] = 0;
    begin(out);
    assert_int_equal(say("k", subject), RC_REJECT);
    assert_int_equal(tx->err.code, TRIEN__ERROR__TOO_LARGE);
    subject[BUS_MAX_EVENT - 100] = 0;
    assert_int_equal(say("k", subject), RC_OK);
    test_free(subject);
}

static void effects_have_a_row(void **state)
{
    Trien__GetHealth intent = TRIEN__GET_HEALTH__INIT;

    (void)state;
    begin(NULL);
    assert_int_equal(effect_add(tx, "fax", "k", &intent, 0), RC_FATAL);
    assert_int_equal(tx->err.code, TRIEN__ERROR__UNDECLARED_MESSAGE);
    assert_int_equal(effect_add(tx, "mail", "k", &intent, 77), RC_OK);
    assert_int_equal(tx->frame->effect_count, 1);
    assert_string_equal(tx->frame->effects[0].kind, "mail");
    assert_int_equal(tx->frame->effects[0].not_before, 77);
}

static void a_rollback_forgets_what_was_said(void **state)
{
    (void)state;
    begin(out);
    assert_int_equal(say("k", "x"), RC_OK);
    tx_rollback(tx);
    assert_int_equal(tx->frame->event_count, 0);
    tx_enter(tx, "", out);
    assert_int_equal(say("k", "y"), RC_OK);
    assert_int_equal(tx->frame->event_count, 1);
    tx_reset(tx);
    assert_int_equal(tx->frame->event_count, 0);
    assert_int_equal(arena_used(tx->arena), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_collected_in_order),
        cmocka_unit_test(a_row_emits_what_it_names),
        cmocka_unit_test(an_event_has_a_largest_size),
        cmocka_unit_test(effects_have_a_row),
        cmocka_unit_test(a_rollback_forgets_what_was_said),
    };

    return cmocka_run_group_tests(tests, up, down);
}
