/* signing's statements against a real PostgreSQL: what an order may become and when, and what stays
 * unique for ever: serial numbers, keys, one order an item, one certificate an order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "common/bus.h"
#include "services/signing/store.h"

#define STORE_SERVICE "signing"
#include "tests/unit/common/store.h"

#define DAY USEC_PER_DAY

static int up(void **state)
{
    (void)state;
    return store_up(NULL);
}

static int down(void **state)
{
    (void)state;
    return store_down();
}

static void begin(void)
{
    store_begin(now_is(), NULL);
}

/* 32 or fewer bytes that differ with the number. */
static struct bytes digest_of(unsigned number)
{
    uint8_t digest[32];

    bytes_sha256(bytes_of(&number, sizeof(number)), digest);
    return arena_bytes(tx->arena, bytes_of(digest, sizeof(digest)));
}

static struct bytes serial_of(unsigned number)
{
    return bytes_of(digest_of(number).p, 16);
}

static struct order_id new_order(const char *state, usec expires_at)
{
    struct order_id id = {.number = 1};
    struct order_row row = {.state = state,
                            .profile = "person",
                            .device_kind = "pki_token",
                            .subscriber_name = "Trần Thị Bình",
                            .expires_at = expires_at,
                            .item = bytes_of_text("item")};

    begin();
    bus_uuid(tx->now, id.request);
    row.id = id;
    assert_int_equal(store_insert_order(tx, &row), RC_OK);
    commit();
    return id;
}

static const char *state_of(const struct order_id *id)
{
    struct order_row row;
    bool found = false;

    begin();
    assert_int_equal(store_find_order(tx, id, &found, &row), RC_OK);
    commit();
    return found ? row.state : "none";
}

static struct intent intent_of(const struct order_id *id, unsigned serial, unsigned key,
                               const char *lineage)
{
    return (struct intent){.order_id = rule_order_text(tx->arena, id),
                           .lineage_id = lineage,
                           .issuer = "issuing1",
                           .serial = serial_of(serial),
                           .key_sha256 = digest_of(key),
                           .tbs_der = bytes_of_text("to be signed")};
}

static void prepare(const struct order_id *id, unsigned serial, unsigned key, const char *lineage,
                    bool expect_mine, bool expect_moved)
{
    struct intent intent;
    bool mine = !expect_mine, moved = !expect_moved;

    begin();
    intent = intent_of(id, serial, key, lineage);
    assert_int_equal(store_set_prepared(tx, id, &intent, &mine, &moved), RC_OK);
    assert_int_equal(mine, expect_mine);
    assert_int_equal(moved, expect_moved);
    commit();
}

static enum rc issue(const struct order_id *id, unsigned serial, usec not_before, usec not_after)
{
    const struct certificate_row row = {.id = *id,
                                        .serial = serial_of(serial),
                                        .certificate_der = bytes_of_text("certificate"),
                                        .profile = "person",
                                        .issuer = "issuing1",
                                        .not_before = not_before,
                                        .not_after = not_after};

    return store_set_issued(tx, &row);
}

/* --- orders --------------------------------------------------------------------------------------
 */

static void an_item_has_one_order(void **state)
{
    struct order_id id = new_order("preparing", now_is() + DAY);
    struct order_row row = {.id = id,
                            .state = "awaiting_key",
                            .profile = "agency",
                            .device_kind = "hsm",
                            .subscriber_name = "another",
                            .expires_at = now_is(),
                            .item = bytes_of_text("other")};
    bool found = false;

    (void)state;
    begin();
    assert_int_equal(store_insert_order(tx, &row), RC_OK); /* the event again: nothing changes */
    commit();
    begin();
    assert_int_equal(store_find_order(tx, &id, &found, &row), RC_OK);
    assert_true(found);
    assert_string_equal(row.state, "preparing");
    assert_string_equal(row.profile, "person");
    assert_string_equal(row.subscriber_name, "Trần Thị Bình");
    assert_true(bytes_equal(row.item, bytes_of_text("item")));
    id.number = 2;
    assert_int_equal(store_find_order(tx, &id, &found, &row), RC_OK);
    assert_false(found);
    commit();
}

static void a_state_nobody_knows_is_refused(void **state)
{
    struct order_row row = {.id = {.number = 1},
                            .state = "done",
                            .profile = "person",
                            .device_kind = "pki_token",
                            .subscriber_name = "x",
                            .item = bytes_of_text("item")};

    (void)state;
    begin();
    bus_uuid(tx->now, row.id.request);
    row.expires_at = tx->now;
    refused_by_database(store_insert_order(tx, &row), "23514");
    begin();
    row.state = "preparing";
    row.id.number = 0;
    refused_by_database(store_insert_order(tx, &row), "23514");
    begin(); /* a request of another year: no partition, never a silent loss */
    memset(row.id.request, 0, 8);
    row.id.number = 1;
    refused_by_database(store_insert_order(tx, &row), "23514");
}

static void a_device_key_is_taken_once(void **state)
{
    struct order_id id = new_order("awaiting_key", now_is() + DAY);
    struct device_key key = {bytes_of_text("csr"), bytes_of_text("statement"),
                             bytes_of_text("signature"), "key"};
    struct bytes statement = {0};
    bool moved = false;

    (void)state;
    begin();
    assert_int_equal(store_set_device_key(tx, &id, &key, &moved), RC_OK);
    assert_true(moved);
    commit();
    key.statement = bytes_of_text("another");
    begin();
    assert_int_equal(store_set_device_key(tx, &id, &key, &moved), RC_OK);
    assert_false(moved);
    assert_int_equal(store_find_statement(tx, &id, &statement), RC_OK);
    assert_true(bytes_equal(statement, bytes_of_text("statement")));
    commit();
    assert_string_equal(state_of(&id), "preparing");
}

static void a_key_belongs_to_one_lineage_for_ever(void **state)
{
    struct order_id first = new_order("preparing", now_is() + DAY);
    struct order_id second = new_order("preparing", now_is() + DAY);
    const char *lineage = NULL;

    (void)state;
    prepare(&first, 100, 1, "lineage-a", true, true);
    prepare(&first, 101, 1, "lineage-a", true, false); /* the effect again */
    prepare(&second, 102, 1, "lineage-b", false, false);
    begin();
    assert_int_equal(store_find_key(tx, digest_of(1), &lineage), RC_OK);
    assert_string_equal(lineage, "lineage-a");
    assert_int_equal(store_find_key(tx, digest_of(2), &lineage), RC_OK);
    assert_null(lineage);
    assert_int_equal(store_find_serial(tx, serial_of(102), &lineage), RC_OK);
    assert_null(lineage); /* nothing at all was stored */
    assert_int_equal(store_find_serial(tx, serial_of(100), &lineage), RC_OK);
    assert_string_equal(lineage, rule_order_text(tx->arena, &first));
    commit();
    assert_string_equal(state_of(&second), "preparing");
    prepare(&second, 103, 1, "lineage-a", true, true); /* renewal keeps the key */
}

static void a_serial_number_is_given_once(void **state)
{
    struct order_id first = new_order("preparing", now_is() + DAY);
    struct order_id second = new_order("preparing", now_is() + DAY);
    struct intent intent;
    bool mine, moved;

    (void)state;
    prepare(&first, 200, 20, "lineage-c", true, true);
    begin();
    intent = intent_of(&second, 200, 21, "lineage-d");
    refused_by_database(store_set_prepared(tx, &second, &intent, &mine, &moved), "23505");
    assert_string_equal(state_of(&second), "preparing"); /* draws another number next time */
    begin();
    intent = intent_of(&second, 201, 21, "lineage-d");
    intent.serial.n = 8; /* less than 64 random bits behind the prefix */
    refused_by_database(store_set_prepared(tx, &second, &intent, &mine, &moved), "23514");
    begin();
    intent = intent_of(&second, 202, 21, "lineage-d");
    intent.key_sha256.n = 20;
    refused_by_database(store_set_prepared(tx, &second, &intent, &mine, &moved), "23514");
    prepare(&second, 203, 21, "lineage-d", true, true);
}

static void an_order_is_issued_once_and_only_while_signing(void **state)
{
    struct order_id id = new_order("preparing", now_is() + DAY);
    struct certificate_row found_row;
    bool found = false, moved = true;
    struct err why = {.code = TRIEN__ERROR__KEY_WEAK};

    (void)state;
    begin();
    assert_int_equal(issue(&id, 300, tx->now, tx->now + DAY), RC_OK); /* not signing: no row */
    commit();
    assert_string_equal(state_of(&id), "preparing");
    prepare(&id, 300, 30, "lineage-e", true, true);
    begin();
    refused_by_database(issue(&id, 300, tx->now, tx->now), "23514"); /* no validity */
    assert_string_equal(state_of(&id), "signing");
    for (int i = 0; i < 2; i++) {
        begin();
        assert_int_equal(issue(&id, 300, tx->now, tx->now + DAY), RC_OK);
        commit();
    }
    assert_string_equal(state_of(&id), "issued");
    begin();
    assert_int_equal(store_find_certificate(tx, &id, &found, &found_row), RC_OK);
    assert_true(found && bytes_equal(found_row.serial, serial_of(300)));
    assert_int_equal(store_set_failed(tx, &id, &why, &moved), RC_OK);
    assert_false(moved); /* what was issued cannot fail */
    commit();
    assert_string_equal(state_of(&id), "issued");
}

static void a_failed_order_has_its_reason(void **state)
{
    struct order_id id = new_order("preparing", now_is() + DAY);
    struct err why = {.code = TRIEN__ERROR__KEY_WEAK, .detail = "too short"};
    bool moved = false;

    (void)state;
    begin();
    assert_int_equal(store_set_failed(tx, &id, &why, &moved), RC_OK);
    assert_true(moved);
    commit();
    begin();
    assert_int_equal(store_set_failed(tx, &id, &why, &moved), RC_OK);
    assert_false(moved);
    commit();
    assert_string_equal(state_of(&id), "failed");
    assert_int_equal(pg_sql(STORE_DATABASE, "DO 'BEGIN ASSERT (SELECT count(*) = 1 FROM item_order "
                                            "WHERE state = ''failed'' AND reason = ''key_weak'' "
                                            "AND detail = ''too short''); END'"),
                     0);
    assert_int_not_equal(pg_sql(STORE_DATABASE, "UPDATE item_order SET state = 'failed'"), 0);
}

static void orders_are_listed_by_state_and_age(void **state)
{
    struct order_id expired = new_order("awaiting_key", now_is() - 1);
    struct order_id waiting = new_order("awaiting_key", now_is() + DAY);
    struct order_row *rows;
    size_t count;

    (void)state;
    begin();
    assert_int_equal(store_list_expired(tx, 10, &rows, &count), RC_OK);
    assert_int_equal(count, 1);
    assert_memory_equal(rows[0].id.request, expired.request, 16);
    assert_int_equal(store_list_orders(tx, "awaiting_key", NULL, 10, &rows, &count), RC_OK);
    assert_int_equal(count, 2);
    assert_memory_equal(rows[0].id.request, expired.request, 16); /* oldest first */
    assert_int_equal(store_list_orders(tx, "awaiting_key", NULL, 1, &rows, &count), RC_OK);
    assert_int_equal(count, 1);
    assert_int_equal(store_list_orders(tx, NULL, waiting.request, 10, &rows, &count), RC_OK);
    assert_int_equal(count, 1);
    assert_int_equal(store_list_orders(tx, "issued", waiting.request, 10, &rows, &count), RC_OK);
    assert_int_equal(count, 0);
    commit();
}

static void certificates_are_listed_in_the_order_of_orders(void **state)
{
    struct order_id first = {.number = 0}, last;
    struct certificate_row *rows;
    size_t count, pages = 0;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct order_id id = new_order("preparing", now_is() + DAY);
        prepare(&id, 400 + i, 40 + i, "lineage-f", true, true);
        begin();
        assert_int_equal(issue(&id, 400 + i, tx->now, tx->now + DAY), RC_OK);
        commit();
    }
    last = first;
    begin();
    do {
        assert_int_equal(store_list_certificates(tx, &last, 2, &rows, &count), RC_OK);
        for (size_t i = 0; i < count; i++) {
            assert_true(memcmp(rows[i].id.request, last.request, 16) > 0);
            last = rows[i].id;
        }
        pages += count > 0;
    } while (count > 0);
    commit();
    assert_true(pages >= 2);
}

static void what_is_there_for_ever_cannot_be_taken_away(void **state)
{
    static const char *const forbidden[] = {"DELETE FROM serial",
                                            "UPDATE serial SET order_id = 'x'",
                                            "DELETE FROM key_lineage",
                                            "UPDATE certificate SET serial = serial",
                                            "DELETE FROM certificate",
                                            "UPDATE order_tbs SET tbs_der = tbs_der",
                                            "UPDATE responder_approval SET issuer = issuer"};

    (void)state;
    if (!have_database)
        skip();
    for (size_t i = 0; i < COUNT_OF(forbidden); i++)
        assert_int_not_equal(pg_sql(STORE_DATABASE, arena_printf(tx->arena, "SET ROLE %s; %s",
                                                                 STORE_ROLE, forbidden[i])),
                             0);
}

/* --- responders ----------------------------------------------------------------------------------
 */

static void approve(unsigned key, const char *officer, usec expires_at)
{
    struct approval_row row = {.key_id = officer,
                               .issuer = "issuing1",
                               .signature = bytes_of_text("signature"),
                               .approval = bytes_of_text("approval"),
                               .csr_der = bytes_of_text("csr"),
                               .expires_at = expires_at};

    begin();
    row.sha256 = digest_of(key + 1000);
    row.key_sha256 = digest_of(key);
    assert_int_equal(store_insert_approval(tx, &row), RC_OK);
    commit();
}

/* So many approvals have a certificate due, `ahead` from now. */
static size_t due(usec ahead)
{
    struct bytes *digests;
    size_t count;

    begin();
    tx->now += ahead;
    assert_int_equal(store_list_responders_due(tx, &digests, &count), RC_OK);
    commit();
    return count;
}

static void order_responder(const char *order_id, unsigned serial, unsigned key, usec life,
                            const char *lineage, bool expect_mine)
{
    struct responder_order order;
    bool mine = !expect_mine;

    begin();
    order = (struct responder_order){.order_id = order_id,
                                     .issuer = "issuing1",
                                     .lineage_id = lineage,
                                     .key_sha256 = digest_of(key),
                                     .approval_sha256 = digest_of(key + 1000),
                                     .serial = serial_of(serial),
                                     .tbs_der = bytes_of_text("to be signed"),
                                     .not_before = tx->now,
                                     .not_after = tx->now + life};
    assert_int_equal(store_insert_responder_order(tx, &order, &mine), RC_OK);
    assert_int_equal(mine, expect_mine);
    commit();
}

static void end_responder(const char *order_id, bool issued)
{
    struct err why = {.detail = "no"};

    begin();
    assert_int_equal(issued ? store_set_responder_issued(tx, order_id, bytes_of_text("certificate"))
                            : store_set_responder_failed(tx, order_id, &why),
                     RC_OK);
    commit();
}

static size_t responder_valid(unsigned key, usec ahead)
{
    struct bytes der = {0};

    begin();
    tx->now += ahead;
    assert_int_equal(store_find_responder(tx, "issuing1", digest_of(key), &der), RC_OK);
    commit();
    return der.n;
}

/* The life of a responder's key: approved by two, certified, renewed when a third of the life is
 * left, again after a failure a minute later, over when the approval ends. */
static void a_responder_is_renewed_within_its_approval(void **state)
{
    const usec life = 30 * DAY;
    int64_t officers = 0, orders = 0;

    (void)state;
    approve(500, "officer1", now_is() + 100 * DAY);
    approve(500, "officer1", now_is() + 100 * DAY); /* the same officer again is one */
    assert_int_equal(due(0), 0);
    approve(500, "officer2", now_is() + 100 * DAY);
    assert_int_equal(due(0), 1);
    order_responder("r-1", 500, 500, life, "responder-a", true);
    assert_int_equal(due(0), 0); /* being signed */
    end_responder("r-1", false);
    assert_int_equal(due(0), 0);
    assert_int_equal(due(61 * USEC_PER_SECOND), 1);
    order_responder("r-2", 501, 500, life, "responder-a", true);
    end_responder("r-2", true);
    end_responder("r-2", false); /* too late: it is issued */
    assert_int_equal(responder_valid(500, 0), strlen("certificate"));
    assert_int_equal(due(life * 2 / 3 - USEC_PER_SECOND * 10), 0);
    assert_int_equal(due(life * 2 / 3 + USEC_PER_SECOND), 1);
    assert_int_equal(responder_valid(500, life - USEC_PER_SECOND * 10), strlen("certificate"));
    assert_int_equal(responder_valid(500, life + USEC_PER_SECOND), 0); /* expired */
    assert_int_equal(due(101 * DAY), 0);                               /* so has the approval */
    begin();
    assert_int_equal(store_count_responder_approvals(tx, "issuing1", digest_of(500), &officers),
                     RC_OK);
    assert_int_equal(store_count_responder_orders(tx, "issuing1", digest_of(500), &orders), RC_OK);
    assert_true(officers == 2 && orders == 2);
    tx->now += 101 * DAY;
    assert_int_equal(store_count_responder_approvals(tx, "issuing1", digest_of(500), &officers),
                     RC_OK);
    assert_int_equal(officers, 0);
    commit();
}

static void a_responder_takes_nobodys_key_or_number(void **state)
{
    struct order_id id = new_order("preparing", now_is() + DAY);
    struct responder_order order;
    const char *owner = NULL;
    bool mine;

    (void)state;
    prepare(&id, 600, 60, "lineage-g", true, true);
    order_responder("r-3", 601, 60, DAY, "responder-b", false);
    begin();
    assert_int_equal(store_find_serial(tx, serial_of(601), &owner), RC_OK);
    assert_null(owner);
    order = (struct responder_order){.order_id = "r-4",
                                     .issuer = "issuing1",
                                     .lineage_id = "responder-b",
                                     .key_sha256 = digest_of(61),
                                     .approval_sha256 = digest_of(1061),
                                     .serial = serial_of(600), /* a subscriber's */
                                     .tbs_der = bytes_of_text("x"),
                                     .not_before = tx->now,
                                     .not_after = tx->now + DAY};
    refused_by_database(store_insert_responder_order(tx, &order, &mine), "23505");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_item_has_one_order),
        cmocka_unit_test(a_state_nobody_knows_is_refused),
        cmocka_unit_test(a_device_key_is_taken_once),
        cmocka_unit_test(a_key_belongs_to_one_lineage_for_ever),
        cmocka_unit_test(a_serial_number_is_given_once),
        cmocka_unit_test(an_order_is_issued_once_and_only_while_signing),
        cmocka_unit_test(a_failed_order_has_its_reason),
        cmocka_unit_test(orders_are_listed_by_state_and_age),
        cmocka_unit_test(certificates_are_listed_in_the_order_of_orders),
        cmocka_unit_test(what_is_there_for_ever_cannot_be_taken_away),
        cmocka_unit_test(a_responder_is_renewed_within_its_approval),
        cmocka_unit_test(a_responder_takes_nobodys_key_or_number),
    };

    return cmocka_run_group_tests_name("signing store", tests, up, down);
}
