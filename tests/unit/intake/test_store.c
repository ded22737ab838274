/* intake's handlers and statements against a real PostgreSQL with the real migrations: a post once
 * and twice, feeds in every order, refusals, credentials. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "common/bus.h"
#include "proto/bus.pb-c.h"
#include "proto/notification.pb-c.h"
#include "proto/signing.pb-c.h"
#include "proto/validation.pb-c.h"
#include "services/intake/intake.h"

#define STORE_SERVICE "intake"
#include "tests/unit/common/store.h"

#define REQUEST "019aa8f0-0000-7000-8000-0000000000"

static const struct intake_conf conf = {.public_url = "http://127.0.0.1:8080"};
static int up(void **state)
{
    (void)state;
    return store_up(&conf);
}

static int down(void **state)
{
    (void)state;
    return store_down();
}

static void begin(usec now)
{
    static const ProtobufCMessageDescriptor *const out[] = {
        &trien__request_submitted__descriptor, &trien__operator_acted__descriptor, NULL};

    store_begin(now, out);
}

/* --- posts ---
 */

static uint8_t token_sha256[32] = {7};

static void add_client(const char *client_id, uint8_t token)
{
    uint8_t digest[32] = {token};
    char *organs[] = {(char *)"*"};
    Trien__AddClient call = TRIEN__ADD_CLIENT__INIT;
    Trien__AddClientReply reply = TRIEN__ADD_CLIENT_REPLY__INIT;

    call.client_id = (char *)client_id;
    call.name = (char *)"Cổng TEST";
    call.token_sha256 = (ProtobufCBinaryData){32, digest};
    call.organ_ids = organs;
    call.n_organ_ids = 1;
    begin(now_is());
    assert_int_equal(on_add_client(tx, &call, &reply), RC_OK);
    commit();
}

/* A post of the text, all of it in the message's arena. */
static struct new_post post_of(const char *text, const char *key, uint8_t request_id[16])
{
    uint8_t(*sha256)[32] = arena_array(tx->arena, 1, 32);
    struct post *parts = ARENA_NEW(tx->arena, struct post);

    *parts =
        (struct post){.parts = {{"a.pdf", "application/pdf", bytes_of_text(text)}}, .count = 1};
    bytes_sha256(parts->parts[0].content, sha256[0]);
    bus_uuid(tx->now, request_id);
    return (struct new_post){
        .token_sha256 = arena_bytes(tx->arena, bytes_of(token_sha256, 32)).p,
        .request_id = request_id,
        .post_sha256 = sha256[0],
        .part_sha256 = (const uint8_t(*)[32])sha256,
        .idempotency_key = key,
        .channel = "portal",
        .post = parts,
    };
}

/* Posts the text; what became of it. */
static struct stored_post post(const char *text, const char *key, uint8_t ret_request_id[16])
{
    struct stored_post stored;

    begin(now_is());
    const struct new_post new_post = post_of(text, key, ret_request_id);
    assert_int_equal(store_insert_posts(tx, &new_post, 1, &stored), RC_OK);
    if (stored.client_id)
        stored.client_id = "known";
    if (stored.is_new && !stored.key_fits) {
        tx_rollback(tx);
    } else {
        if (stored.is_new)
            assert_int_equal(store_insert_parts(tx, &new_post, 1), RC_OK);
        commit();
    }
    return stored;
}

static void test_a_post_is_stored_once(void **state)
{
    uint8_t first[16], second[16], sha256[32];
    struct first_answer answer;
    bool fits = false;

    (void)state;
    add_client("portal", 7);
    struct stored_post stored = post("one", "key-1", first);
    assert_string_equal(stored.client_id, "known");
    assert_true(stored.is_new && stored.key_fits);
    assert_true(stored.receipt_no > 0);
    assert_false(post("one", "key-1", second).is_new);
    assert_false(post("one", NULL, second).is_new);
    stored = post("two", "key-1", second);
    assert_true(stored.is_new && !stored.key_fits);

    bytes_sha256(bytes_of_text("one"), sha256);
    begin(now_is());
    assert_int_equal(store_get_post(tx, sha256, &answer), RC_OK);
    assert_memory_equal(answer.request_id, first, 16);
    assert_int_equal(store_insert_key(tx, "portal", "key-2", sha256, &fits), RC_OK);
    assert_true(fits);
    commit();
    stored = post("three", "key-2", second);
    assert_true(stored.is_new && !stored.key_fits);
}

/* Whatever their order: a known one, a new one with a key, its own bytes again, another one under
 * the same key, a stranger. */
static void test_posts_stored_together(void **state)
{
    static const char *const texts[] = {"known", "fresh", "fresh", "other", "strange", "last"};
    static const char *const keys[] = {NULL, "key-m", NULL, "key-m", NULL, NULL};
    uint8_t ids[COUNT_OF(texts)][16], id[16];
    struct new_post posts[COUNT_OF(texts)];
    struct stored_post stored[COUNT_OF(texts)];

    (void)state;
    post("known", NULL, id);
    begin(now_is());
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        token_sha256[0] = i == 4 ? 8 : 7;
        posts[i] = post_of(texts[i], keys[i], ids[i]);
    }
    token_sha256[0] = 7;
    assert_int_equal(store_insert_posts(tx, posts, COUNT_OF(texts), stored), RC_OK);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_int_equal(stored[i].client_id != NULL, i != 4);
    assert_false(stored[0].is_new);
    assert_int_equal(stored[1].is_new + stored[2].is_new, 1);
    assert_true(stored[3].is_new && stored[5].is_new && stored[5].key_fits);
    assert_true(stored[3].receipt_no != stored[5].receipt_no);
    /* The key is the one's that took it: of the other bytes it says that it does not fit. */
    bool taken_by_other = stored[3].key_fits;
    assert_true(taken_by_other || !stored[1].is_new || stored[1].key_fits);
    assert_true(!taken_by_other || !stored[1].is_new || !stored[1].key_fits);
    tx_rollback(tx);
}

static void test_parts_of_every_size(void **state)
{
    uint8_t sha256[2][32] = {{1}, {2}}, id[16];
    struct part_slice slice;
    bool found = false;

    (void)state;
    begin(now_is());
    struct new_post large = post_of("a large attachment", NULL, id);
    struct post parts = {.count = 2};
    parts.parts[0] = large.post->parts[0];
    parts.parts[1] = (struct posted_part){"b.pdf", "application/pdf",
                                          bytes_of(arena_alloc(tx->arena, 300000), 300000)};
    large.post = &parts;
    large.part_sha256 = (const uint8_t(*)[32])sha256;
    assert_int_equal(store_insert_parts(tx, &large, 1), RC_OK);
    assert_int_equal(store_find_part(tx, id, 1, 299999, 10, &found, &slice), RC_OK);
    assert_true(found);
    assert_int_equal(slice.chunk.n, 1);
    assert_int_equal(slice.size_bytes, 300000);
    assert_int_equal(store_find_part(tx, id, 0, 2, 5, &found, &slice), RC_OK);
    assert_memory_equal(slice.chunk.p, "large", 5);
    tx_rollback(tx);
}

static void test_a_stranger_stores_nothing(void **state)
{
    uint8_t id[16];

    (void)state;
    token_sha256[0] = 8;
    struct stored_post stored = post("stranger", NULL, id);
    token_sha256[0] = 7;
    assert_null(stored.client_id);
    assert_false(stored.is_new);
    assert_true(post("stranger", NULL, id).is_new);
}

static void test_slices_of_a_document(void **state)
{
    uint8_t id[16];
    struct part_slice slice;
    bool found = false;

    (void)state;
    post("0123456789", NULL, id);
    begin(now_is());
    assert_int_equal(store_find_part(tx, id, 0, 4, 3, &found, &slice), RC_OK);
    assert_true(found);
    assert_int_equal(slice.size_bytes, 10);
    assert_memory_equal(slice.chunk.p, "456", 3);
    assert_int_equal(store_find_part(tx, id, 0, 10, 3, &found, &slice), RC_OK);
    assert_int_equal(slice.chunk.n, 0);
    assert_int_equal(store_find_part(tx, id, 1, 0, 3, &found, &slice), RC_OK);
    assert_false(found);
    commit();
}

/* --- feeds ---
 */

static char request_text[37], item_text[2][50];

/* A fresh request whose two items the events below are about. */
static void new_request(const char *text, uint8_t ret_id[16])
{
    post(text, NULL, ret_id);
    begin(now_is());
    snprintf(request_text, sizeof(request_text), "%s", bus_uuid_text(tx->arena, ret_id));
    for (int i = 0; i < 2; i++)
        snprintf(item_text[i], sizeof(item_text[i]), "%s/%d", request_text, i + 1);
    commit();
}

static void apply(enum rc (*handler)(struct tx *, const void *), const void *event)
{
    begin(now_is());
    enum rc rc = handler(tx, event);
    if (rc != RC_OK)
        fail_msg("%s", tx->err.detail);
    commit();
}

static void accept_request(int items)
{
    Trien__RequestAccepted event = TRIEN__REQUEST_ACCEPTED__INIT;
    Trien__OfficialDocument document = TRIEN__OFFICIAL_DOCUMENT__INIT;
    Trien__Item rows[2] = {TRIEN__ITEM__INIT, TRIEN__ITEM__INIT};
    Trien__Item *list[2] = {&rows[0], &rows[1]};

    document.number = (char *)"452/SKHCN-CNTT";
    document.date = (char *)"2026-11-20";
    for (int i = 0; i < 2; i++) {
        rows[i].item_id = item_text[i];
        rows[i].subscriber_name = (char *)(i ? "Lê Hoàng Cường" : "Trần Thị Bình");
        rows[i].profile = (char *)"person";
        rows[i].device_kind = (char *)"pki_token";
    }
    event.request_id = request_text;
    event.form = (char *)"01";
    event.organ_id = (char *)"H26.14";
    event.agency_name = (char *)"Sở TEST";
    event.document = &document;
    event.due_on = (char *)"2026-11-25";
    event.items = list;
    event.n_items = (size_t)items;
    event.accepted_at = now_is();
    apply(on_request_accepted, &event);
}

static void authorize(int item)
{
    Trien__ItemAuthorized event = TRIEN__ITEM_AUTHORIZED__INIT;
    event.item_id = item_text[item];
    event.subscriber_name = (char *)"Trần Thị Bình";
    apply(on_item_authorized, &event);
}

static void await_key(int item)
{
    Trien__KeyAwaited event = TRIEN__KEY_AWAITED__INIT;
    event.item_id = item_text[item];
    apply(on_key_awaited, &event);
}

static void issue(int item)
{
    Trien__CertificateIssued event = TRIEN__CERTIFICATE_ISSUED__INIT;
    event.item_id = item_text[item];
    event.subscriber_name = (char *)"Trần Thị Bình";
    event.serial = (char *)(item ? "b0" : "a0");
    event.issuer = (char *)"issuing1";
    event.certificate_der = (ProtobufCBinaryData){3, (uint8_t *)(uintptr_t) "DER"};
    event.issued_at = now_is();
    event.not_before = event.issued_at;
    event.not_after = event.issued_at + USEC_PER_DAY;
    apply(on_certificate_issued, &event);
}

static void fail_item(int item)
{
    Trien__IssuanceFailed event = TRIEN__ISSUANCE_FAILED__INIT;
    Trien__Reason reason = TRIEN__REASON__INIT;
    Trien__Reason *list[] = {&reason};
    reason.code = TRIEN__ERROR__KEY_REUSED;
    reason.text_vi = (char *)"Khóa đã được dùng.";
    reason.text_en = (char *)"The key was used.";
    event.item_id = item_text[item];
    event.reasons = list;
    event.n_reasons = 1;
    event.failed_at = now_is();
    apply(on_issuance_failed, &event);
}

/* State of the request and the JSON people see. */
static const char *look(const uint8_t id[16], const char **ret_json)
{
    const struct request_row *row = NULL;
    begin(now_is());
    assert_int_equal(store_find_request(tx, id, &row), RC_OK);
    assert_non_null(row);
    assert_int_equal(view_request(tx, id, ret_json), RC_OK);
    assert_int_equal(tx_commit(tx), RC_OK);
    return row->state;
}

/* The four events of one item in all 24 orders end the same. */
static void test_feeds_in_every_order(void **state)
{
    (void)state;
    for (int order = 0; order < 24; order++) {
        int left[4] = {0, 1, 2, 3}, choice = order;
        uint8_t id[16];
        const char *json;
        char text[32];
        snprintf(text, sizeof(text), "order %d", order);
        new_request(text, id);
        for (int n = 4; n > 0; n--) {
            int at = choice % n;
            choice /= n;
            switch (left[at]) {
            case 0:
                accept_request(1);
                break;
            case 1:
                authorize(0);
                break;
            case 2:
                await_key(0);
                break;
            default:
                issue(0);
            }
            memmove(&left[at], &left[at + 1], (size_t)(n - at - 1) * sizeof(int));
        }
        assert_string_equal(look(id, &json), "completed");
        assert_non_null(strstr(json, "\"state\":\"issued\""));
        assert_non_null(strstr(json, "\"serial\":\"a0\""));
        assert_non_null(strstr(json, "\"due_on\":\"2026-11-25\""));
        assert_non_null(strstr(json, "Trần Thị Bình"));
    }
}

static void test_a_request_is_finished_with_its_last_item(void **state)
{
    uint8_t id[16];
    const char *json;

    (void)state;
    new_request("two items", id);
    accept_request(2);
    issue(0);
    assert_string_equal(look(id, &json), "accepted");
    fail_item(1);
    assert_string_equal(look(id, &json), "completed");
    assert_non_null(strstr(json, "\"code\":\"key_reused\""));

    new_request("both fail", id);
    fail_item(0);
    accept_request(2);
    assert_string_equal(look(id, &json), "accepted");
    fail_item(1);
    assert_string_equal(look(id, &json), "failed");

    new_request("failed before it was accepted", id);
    fail_item(0);
    accept_request(1);
    assert_string_equal(look(id, &json), "failed");
}

/* What is final stays: a late event adds its line and changes nothing. */
static void test_a_final_state_stays(void **state)
{
    uint8_t id[16];
    const char *json;

    (void)state;
    new_request("final", id);
    accept_request(1);
    issue(0);
    await_key(0);
    fail_item(0);
    assert_string_equal(look(id, &json), "completed");
    assert_non_null(strstr(json, "\"state\":\"issued\""));
}

/* Differences only: other tests leave open requests behind. Accepted ones are due on 2026-11-25. */
static void test_what_is_open_is_counted_by_due_day(void **state)
{
    struct open_requests before, after;
    uint8_t id[16];

    (void)state;
    begin(now_is());
    assert_int_equal(store_count_open(tx, "2026-11-25", "2026-11-26", &before), RC_OK);
    commit();
    new_request("open 1", id);
    begin(now_is());
    assert_int_equal(store_count_open(tx, "2026-11-25", "2026-11-26", &after), RC_OK);
    commit();
    assert_int_equal(after.undecided, before.undecided + 1);
    assert_true(after.undecided_since > 0 && after.undecided_since <= now_is());
    accept_request(1);
    begin(now_is());
    assert_int_equal(store_count_open(tx, "2026-11-25", "2026-11-26", &after), RC_OK);
    assert_int_equal(after.undecided, before.undecided);
    assert_int_equal(after.due_soon, before.due_soon + 1);
    assert_int_equal(after.overdue, before.overdue);
    assert_int_equal(store_count_open(tx, "2026-11-24", "2026-11-24", &after), RC_OK);
    assert_int_equal(after.due_soon, 0);
    assert_int_equal(store_count_open(tx, "2026-11-26", "2026-11-27", &after), RC_OK);
    assert_int_equal(after.overdue, before.due_soon + 1);
    commit();
    issue(0);
    begin(now_is());
    assert_int_equal(store_count_open(tx, "2026-11-25", "2026-11-26", &after), RC_OK);
    assert_int_equal(after.due_soon, before.due_soon);
    assert_int_equal(on_due_timer(tx), RC_OK);
    commit();
}

static void test_a_refusal_keeps_every_reason(void **state)
{
    uint8_t id[16];
    const char *json;
    Trien__Reason reasons[2] = {TRIEN__REASON__INIT, TRIEN__REASON__INIT};
    Trien__Reason *list[] = {&reasons[0], &reasons[1]};
    Trien__RequestRejected event = TRIEN__REQUEST_REJECTED__INIT;

    (void)state;
    new_request("refused", id);
    for (int i = 0; i < 2; i++) {
        reasons[i].code = i ? TRIEN__ERROR__COUNT_MISMATCH : TRIEN__ERROR__CITIZEN_ID_INVALID;
        reasons[i].field = (char *)(i ? NULL : "/subscribers/0/citizen_id");
        reasons[i].text_vi = (char *)"Lý do \"1\"";
        reasons[i].text_en = (char *)"Reason";
    }
    event.request_id = request_text;
    event.reasons = list;
    event.n_reasons = 2;
    event.rejected_at = now_is();
    apply(on_request_rejected, &event);
    assert_string_equal(look(id, &json), "rejected");
    assert_non_null(strstr(json, "\"code\":\"citizen_id_invalid\",\"field\":\"/subscribers/0"));
    assert_non_null(strstr(json, "\"code\":\"count_mismatch\",\"field\":null"));
    accept_request(1);
    assert_string_equal(look(id, &json), "rejected");
}

static void test_malformed_ids_are_refused(void **state)
{
    Trien__NoticeDelivered notice = TRIEN__NOTICE_DELIVERED__INIT;
    Trien__KeyAwaited awaited = TRIEN__KEY_AWAITED__INIT;

    (void)state;
    notice.request_id = (char *)"x";
    awaited.item_id = (char *)REQUEST "01";
    begin(now_is());
    assert_int_equal(on_notice_delivered(tx, &notice), RC_REJECT);
    assert_int_equal(on_key_awaited(tx, &awaited), RC_REJECT);
    tx_rollback(tx);
}

/* --- reading ---
 */

static void test_pages_and_who_may_read(void **state)
{
    uint8_t id[16];
    bool readable = false;
    const struct request_row *rows = NULL;
    size_t count = 0;

    (void)state;
    new_request("page", id);
    accept_request(1);
    begin(now_is());
    assert_int_equal(store_find_readable(tx, id, "portal", &readable), RC_OK);
    assert_true(readable);
    assert_int_equal(store_find_readable(tx, id, "nobody", &readable), RC_OK);
    assert_false(readable);
    struct page_query query = {.client_id = "portal", .limit = 2, .state = "accepted"};
    memcpy(query.after, id, 16);
    query.after[15]--;
    assert_int_equal(store_list_requests(tx, &query, &rows, &count), RC_OK);
    assert_int_equal(count, 1);
    assert_memory_equal(rows[0].request_id, id, 16);
    query.agency = "H26.15";
    assert_int_equal(store_list_requests(tx, &query, &rows, &count), RC_OK);
    assert_int_equal(count, 0);
    query = (struct page_query){.client_id = "portal", .limit = 5};
    assert_int_equal(store_list_requests(tx, &query, &rows, &count), RC_OK);
    assert_int_equal(count, 5);
    for (size_t i = 1; i < count; i++)
        assert_true(memcmp(rows[i - 1].request_id, rows[i].request_id, 16) < 0);
    commit();
}

static void test_a_receipt_number_finds_its_request(void **state)
{
    uint8_t id[16];
    const uint8_t *found = NULL;
    const struct request_row *row = NULL;

    (void)state;
    new_request("receipt", id);
    begin(now_is());
    assert_int_equal(store_find_request(tx, id, &row), RC_OK);
    civil_day day = clock_civil_day(row->received_at);
    assert_int_equal(store_find_by_receipt(tx, day, row->receipt_no, &found), RC_OK);
    assert_non_null(found);
    assert_memory_equal(found, id, 16);
    assert_int_equal(store_find_by_receipt(tx, day - 2, row->receipt_no, &found), RC_OK);
    assert_null(found);
    commit();
}

static void test_partitions_are_made_once(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        begin(now_is());
        assert_int_equal(on_partition_timer(tx), RC_OK);
        commit();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_post_is_stored_once),
        cmocka_unit_test(test_posts_stored_together),
        cmocka_unit_test(test_parts_of_every_size),
        cmocka_unit_test(test_a_stranger_stores_nothing),
        cmocka_unit_test(test_slices_of_a_document),
        cmocka_unit_test(test_feeds_in_every_order),
        cmocka_unit_test(test_a_request_is_finished_with_its_last_item),
        cmocka_unit_test(test_a_final_state_stays),
        cmocka_unit_test(test_what_is_open_is_counted_by_due_day),
        cmocka_unit_test(test_a_refusal_keeps_every_reason),
        cmocka_unit_test(test_malformed_ids_are_refused),
        cmocka_unit_test(test_pages_and_who_may_read),
        cmocka_unit_test(test_a_receipt_number_finds_its_request),
        cmocka_unit_test(test_partitions_are_made_once),
    };
    return cmocka_run_group_tests(tests, up, down);
}
