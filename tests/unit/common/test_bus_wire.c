/* The envelope: what is believed, what is refused, and that hand-made protobuf is protobuf. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/bus_wire.h"

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new((size_t)64 * 1024 * 1024);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

/* A fetch of `count` positions that is good. */
static Trien__Fetch *good_fetch(size_t count)
{
    Trien__Fetch *fetch = ARENA_NEW(arena, Trien__Fetch);

    trien__fetch__init(fetch);
    fetch->fetch_id = 7;
    fetch->group = (char *)"reader";
    fetch->max_events = fetch->max_bytes = fetch->wait_ms = 100;
    fetch->n_positions = count;
    fetch->positions = ARENA_ARRAY(arena, Trien__FetchPosition *, count + 1);
    for (size_t i = 0; i < count; i++) {
        fetch->positions[i] = ARENA_NEW(arena, Trien__FetchPosition);
        trien__fetch_position__init(fetch->positions[i]);
        fetch->positions[i]->partition = (uint32_t)i;
        fetch->positions[i]->next_offset = fetch->positions[i]->committed_offset = 1;
    }
    return fetch;
}

static Trien__Error fetch_error(Trien__Fetch *fetch)
{
    struct err err = {0};
    const Trien__Fetch *back = NULL;
    enum rc rc = wire_unpack_fetch(arena, wire_pack_fetch(arena, fetch), &err, &back);

    assert_true((rc == RC_OK) == (back != NULL));
    return err.code;
}

static void test_fetch(void **state)
{
    (void)state;
    assert_int_equal(fetch_error(good_fetch(0)), 0);
    assert_int_equal(fetch_error(good_fetch(64)), 0);
    assert_int_equal(fetch_error(good_fetch(65)), TRIEN__ERROR__MALFORMED);
}

static void test_fetch_refuses(void **state)
{
    Trien__Fetch *f;

    (void)state;
    f = good_fetch(2);
    f->positions[1]->partition = 0; /* twice */
    assert_int_equal(fetch_error(f), TRIEN__ERROR__MALFORMED);
    f = good_fetch(1);
    f->positions[0]->partition = 64;
    assert_int_equal(fetch_error(f), TRIEN__ERROR__MALFORMED);
    f = good_fetch(1);
    f->positions[0]->next_offset = 0;
    assert_int_equal(fetch_error(f), TRIEN__ERROR__MALFORMED);
    f = good_fetch(1);
    f->positions[0]->has_last_id = true;
    f->positions[0]->last_id = (ProtobufCBinaryData){15, (uint8_t *)"fifteen bytes.."};
    assert_int_equal(fetch_error(f), TRIEN__ERROR__MALFORMED);
    f = good_fetch(1);
    f->group = (char *)"";
    assert_int_equal(fetch_error(f), TRIEN__ERROR__MALFORMED);
    f = good_fetch(1);
    f->max_events = 0;
    assert_int_equal(fetch_error(f), TRIEN__ERROR__MALFORMED);
}

static void test_verb_by_first_byte(void **state)
{
    Trien__Call call = TRIEN__CALL__INIT;
    Trien__Reply reply = TRIEN__REPLY__INIT;

    (void)state;
    call.method = (char *)"GetHealth";
    assert_int_equal(wire_verb(wire_pack_fetch(arena, good_fetch(1))), WIRE_FETCH);
    assert_int_equal(wire_verb(wire_pack_call(arena, &call)), WIRE_CALL);
    assert_int_equal(wire_verb(wire_pack_reply(arena, &reply)), WIRE_REPLY);
    assert_int_equal(wire_verb(bytes_of("\x12\x00", 2)), WIRE_EVENTS);
    assert_int_equal(wire_verb(bytes_of("", 0)), WIRE_NONE);
    assert_int_equal(wire_verb(bytes_of("\xff", 1)), WIRE_NONE);
}

static void test_body_must_be_the_one_expected(void **state)
{
    struct err err = {0};
    const Trien__Call *call;

    (void)state;
    assert_int_equal(wire_unpack_call(arena, wire_pack_fetch(arena, good_fetch(1)), &err, &call),
                     RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__MALFORMED);
}

static void test_call_limits(void **state)
{
    Trien__Call call = TRIEN__CALL__INIT;
    const Trien__Call *back;
    struct err err = {0};
    char name[WIRE_MAX_TYPE + 2];

    (void)state;
    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    call.method = name;
    assert_int_equal(wire_unpack_call(arena, wire_pack_call(arena, &call), &err, &back), RC_REJECT);
    call.method = (char *)"Echo";
    call.payload.len = BUS_MAX_CALL + 1;
    call.payload.data = arena_alloc(arena, call.payload.len);
    assert_int_equal(wire_unpack_call(arena, wire_pack_call(arena, &call), &err, &back), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__TOO_LARGE);
    call.payload.len--;
    assert_int_equal(wire_unpack_call(arena, wire_pack_call(arena, &call), &err, &back), RC_OK);
    assert_int_equal(back->payload.len, BUS_MAX_CALL);
}

static void test_frame_limit(void **state)
{
    struct err err = {0};
    const Trien__Events *events;
    uint8_t *frame = arena_alloc(arena, BUS_MAX_FRAME + 1);

    (void)state;
    frame[0] = 0x12;
    assert_int_equal(wire_unpack_events(arena, bytes_of(frame, BUS_MAX_FRAME + 1), &err, &events),
                     RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__TOO_LARGE);
}

/* One event made by hand, as the feed makes it, read by the generated code. */
static void test_blocks_are_protobuf(void **state)
{
    Trien__Event event = TRIEN__EVENT__INIT;
    const Trien__Events *events;
    struct err err = {0};
    struct bytes packed;
    uint8_t frame[4096], *at;
    size_t inner;

    (void)state;
    event.partition = 63;
    event.offset = INT64_C(1) << 40;
    event.id = (ProtobufCBinaryData){16, (uint8_t *)"0123456789abcdef"};
    event.type = (char *)"Said";
    event.key = (char *)"K/1";
    event.payload = (ProtobufCBinaryData){1000, arena_alloc(arena, 1000)};
    packed = wire_message(arena, &event.base);
    inner = 2 + wire_block_size(2, packed.n);
    at = wire_put_block(frame, 2, inner);
    at = wire_put_varint(wire_put_varint(at, 1 << 3), 9);
    at = wire_put_block(at, 2, packed.n);
    memcpy(at, packed.p, packed.n);
    at += packed.n;
    assert_int_equal(wire_block_size(2, inner), at - frame);
    assert_int_equal(
        wire_unpack_events(arena, bytes_of(frame, (size_t)(at - frame)), &err, &events), RC_OK);
    assert_int_equal(events->fetch_id, 9);
    assert_int_equal(events->n_events, 1);
    assert_int_equal(events->events[0]->offset, INT64_C(1) << 40);
    assert_string_equal(events->events[0]->key, "K/1");
    assert_int_equal(events->events[0]->payload.len, 1000);
}

/* Two megabytes of nothing would cost a hundred in memory. */
static void test_many_small_fields_are_refused(void **state)
{
    size_t n = 2 * 1000 * 1000;
    uint8_t *frame = arena_alloc(arena, n + 16), *at = wire_put_block(frame, 3, n);
    const Trien__Call *call;
    struct err err = {0};
    size_t before = arena_used(arena);

    (void)state;
    for (size_t i = 0; i < n; i += 2)
        memcpy(at + i, "\x78\x00", 2); /* field 15, unknown */
    assert_int_equal(
        wire_unpack_call(arena, bytes_of(frame, (size_t)(at - frame) + n), &err, &call), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__MALFORMED);
    assert_int_equal(arena_used(arena), before);
}

static void test_large_fetch_is_refused(void **state)
{
    Trien__Fetch *fetch = good_fetch(1);
    struct err err = {0};
    const Trien__Fetch *back;

    (void)state;
    fetch->group = arena_alloc(arena, WIRE_MAX_FETCH + 1);
    memset(fetch->group, 'x', WIRE_MAX_FETCH);
    assert_int_equal(wire_unpack_fetch(arena, wire_pack_fetch(arena, fetch), &err, &back),
                     RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__TOO_LARGE);
}

static void test_varints(void **state)
{
    static const uint64_t values[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
    uint8_t room[16];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++)
        assert_int_equal(wire_put_varint(room, values[i]) - room, wire_varint_size(values[i]));
    assert_int_equal(wire_varint_size(UINT64_MAX), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fetch),
        cmocka_unit_test(test_fetch_refuses),
        cmocka_unit_test(test_verb_by_first_byte),
        cmocka_unit_test(test_body_must_be_the_one_expected),
        cmocka_unit_test(test_call_limits),
        cmocka_unit_test(test_frame_limit),
        cmocka_unit_test(test_blocks_are_protobuf),
        cmocka_unit_test(test_many_small_fields_are_refused),
        cmocka_unit_test(test_large_fetch_is_refused),
        cmocka_unit_test(test_varints),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
