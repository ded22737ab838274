/* audit's journal in a real PostgreSQL, as its own role: batches of every size make one tree whose
 * tiles, heads and proofs are those of the definitions; what was changed is not built upon; nothing
 * that stands can be changed by the service. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "common/bus.h"
#include "services/audit/append.h"
#include "services/audit/audit.h"
#include "services/audit/store.h"
#include "services/audit/tree.h"

#define STORE_SERVICE "audit"
#include "tests/unit/common/store.h"

#define ENTRIES 66200 /* beyond 256 tiles: two levels of them and the beginning of a third */

static const struct audit_conf conf = {.origin = "trien.test/journal"};
static struct merkle_hash *leaves; /* of all that was appended, in order */
static uint64_t appended;

static int up(void **state)
{
    (void)state;
    leaves = calloc(ENTRIES + 1000, sizeof(*leaves));
    return leaves ? store_up(&conf) : -1;
}

static int down(void **state)
{
    (void)state;
    free(leaves);
    return store_down();
}

static void begin(void)
{
    static const ProtobufCMessageDescriptor *const out[] = {&trien__checkpoint_signed__descriptor,
                                                            NULL};
    store_begin(now_is(), out);
}

static Trien__Event **make_events(size_t count, const char *type)
{
    Trien__Event **events = ARENA_ARRAY(tx->arena, Trien__Event *, count);

    for (size_t i = 0; i < count; i++) {
        Trien__Event *event = events[i] = ARENA_NEW(tx->arena, Trien__Event);

        trien__event__init(event);
        event->partition = (uint32_t)(i % 64);
        event->offset = (int64_t)(appended + i) + 1;
        event->id = (ProtobufCBinaryData){16, arena_alloc(tx->arena, 16)};
        event->type = (char *)type;
        event->key = (char *)"K/1";
        event->payload = (ProtobufCBinaryData){5, (uint8_t *)"hello"};
    }
    return events;
}

/* The tree as it was when it had `size` entries, from the leaves as they were stored. */
static struct merkle_hash head_of(uint64_t size)
{
    struct merkle_range range = {0};
    struct merkle_hash root;

    for (uint64_t i = 0; i < size; i++)
        merkle_append(&range, &leaves[i]);
    merkle_root(&range, &root);
    return root;
}

static void append(size_t count)
{
    struct journal_row *rows;
    size_t found;

    begin();
    assert_int_equal(journal_append(tx, "signing", make_events(count, "CertificateIssued"), count),
                     RC_OK);
    commit();
    begin();
    assert_int_equal(store_list_entries(tx, appended, appended + count, &rows, &found), RC_OK);
    assert_int_equal(found, count);
    for (size_t i = 0; i < count; i++) {
        merkle_leaf(rows[i].leaf, &leaves[appended + i]);
        assert_memory_equal(rows[i].leaf_hash.p, leaves[appended + i].b, MERKLE_HASH_BYTES);
        assert_int_equal(rows[i].sequence, appended + i);
    }
    commit();
    appended += count;
}

static void check_head(void)
{
    struct merkle_hash expected = head_of(appended), root;
    struct journal_head head;

    begin();
    assert_int_equal(store_get_head(tx, &head), RC_OK);
    assert_int_equal(head.range.size, appended);
    merkle_root(&head.range, &root);
    assert_true(merkle_equal(&root, &expected));
    commit();
}

static void test_batches_of_every_size(void **state)
{
    static const size_t sizes[] = {1, 1, 253, 1, 1, 255, 256, 257, 512, 1000, 3, 37};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        append(sizes[i]);
        check_head();
    }
    while (appended < ENTRIES)
        append(ENTRIES - appended < 1024 ? (size_t)(ENTRIES - appended) : 1024);
    check_head();
}

static void prove(uint64_t entry, uint64_t size)
{
    struct merkle_hash path[MERKLE_MAX_PATH], root = head_of(size), leaf;
    struct merkle_plan plan;

    begin();
    assert_true(merkle_plan_inclusion(entry, size, &plan));
    assert_int_equal(tree_inclusion(tx, appended, entry, &plan, &leaf, path), RC_OK);
    assert_true(merkle_equal(&leaf, &leaves[entry]));
    assert_true(
        merkle_verify_inclusion(entry, size, &leaves[entry], path, plan.element_count, &root));
    commit();
}

static void test_proofs(void **state)
{
    static const uint64_t sizes[] = {1,     2,     255,   256,   257,    4096,
                                     65535, 65536, 65537, 66100, ENTRIES};

    (void)state;
    for (size_t s = 0; s < COUNT_OF(sizes); s++) {
        struct merkle_hash root = head_of(sizes[s]), now, path[MERKLE_MAX_PATH];
        struct merkle_hash whole = head_of(ENTRIES);
        struct merkle_plan plan;

        prove(0, sizes[s]);
        prove(sizes[s] - 1, sizes[s]);
        prove(sizes[s] / 3, sizes[s]);
        begin();
        assert_int_equal(tree_root(tx, appended, sizes[s], &now), RC_OK);
        assert_true(merkle_equal(&now, &root));
        assert_true(merkle_plan_consistency(sizes[s], ENTRIES, &plan));
        assert_int_equal(tree_fold(tx, appended, &plan, path), RC_OK);
        assert_true(
            merkle_verify_consistency(sizes[s], ENTRIES, path, plan.element_count, &root, &whole));
        commit();
    }
}

static void test_its_own_word_is_not_notable(void **state)
{
    struct journal_head before, after;

    (void)state;
    begin();
    assert_int_equal(store_get_head(tx, &before), RC_OK);
    assert_int_equal(before.notable, before.range.size);
    assert_int_equal(journal_append(tx, "audit", make_events(1, "CheckpointSigned"), 1), RC_OK);
    assert_int_equal(store_get_head(tx, &after), RC_OK);
    assert_int_equal(after.range.size, before.range.size + 1);
    assert_int_equal(after.notable, before.notable);
    tx_rollback(tx);
}

static void test_pages(void **state)
{
    Trien__ListJournal call = TRIEN__LIST_JOURNAL__INIT;
    Trien__ListJournalReply reply = TRIEN__LIST_JOURNAL_REPLY__INIT;
    Trien__JournalContent *content;
    struct journal_row *rows;
    uint64_t first_bytes;
    size_t count;

    (void)state;
    call.from = 65530;
    begin();
    assert_int_equal(on_list_journal(tx, &call, &reply), RC_OK);
    assert_int_equal(reply.n_entries, AUDIT_PAGE_ENTRIES);
    assert_int_equal(reply.size, appended);
    for (size_t i = 0; i < reply.n_entries; i++) {
        assert_int_equal(reply.entries[i]->sequence, 65530 + i);
        assert_memory_equal(reply.entries[i]->leaf_hash.data, leaves[65530 + i].b, 32);
    }
    content = trien__journal_content__unpack(
        arena_allocator(tx->arena), reply.entries[3]->content.len, reply.entries[3]->content.data);
    assert_string_equal(content->key, "K/1");
    assert_memory_equal(content->payload.data, "hello", 5);
    /* The database cuts by size: the row that goes beyond is the last. */
    assert_int_equal(store_list_journal(tx, 65530, 10, appended, 1, &rows, &count), RC_OK);
    assert_int_equal(count, 1);
    first_bytes = rows[0].leaf.n + rows[0].content.n + 128;
    assert_int_equal(store_list_journal(tx, 65530, 10, appended, first_bytes, &rows, &count),
                     RC_OK);
    assert_int_equal(count, 1);
    assert_int_equal(store_list_journal(tx, 65530, 10, appended, first_bytes + 1, &rows, &count),
                     RC_OK);
    assert_int_equal(count, 2);
    call.from = appended - 2;
    assert_int_equal(on_list_journal(tx, &call, &reply), RC_OK);
    assert_int_equal(reply.n_entries, 2);
    call.from = MERKLE_MAX_SIZE + 1;
    assert_int_equal(on_list_journal(tx, &call, &reply), RC_REJECT);
    tx_rollback(tx);
}

static void test_a_checkpoint_is_said_once(void **state)
{
    struct merkle_hash root = head_of(100);
    Trien__SignCheckpoint intent = TRIEN__SIGN_CHECKPOINT__INIT;
    Trien__CheckpointMade made = TRIEN__CHECKPOINT_MADE__INIT;
    Trien__GetCheckpointReply reply = TRIEN__GET_CHECKPOINT_REPLY__INIT;
    size_t before = flushed;

    (void)state;
    intent.size = 100;
    intent.root_sha256 = (ProtobufCBinaryData){32, root.b};
    made.signed_at = now_is();
    for (int i = 0; i < 2; i++) {
        made.note = (char *)(i ? "another signature of the same head" : "a note");
        begin();
        assert_int_equal(done_checkpoint(tx, "100", &intent, &made), RC_OK);
        commit();
    }
    assert_int_equal(flushed, before + 1);
    begin();
    assert_int_equal(on_get_checkpoint(tx, NULL, &reply), RC_OK);
    assert_int_equal(reply.size, 100);
    assert_string_equal(reply.note, "a note");
    commit();
}

static void test_changed_hashes_are_not_built_upon(void **state)
{
    (void)state;
    if (!have_database)
        skip();
    assert_int_equal(pg_sql(STORE_DATABASE, "UPDATE entry SET leaf_hash = sha256('x') WHERE "
                                            "sequence = (SELECT size - 1 FROM journal_head)"),
                     0);
    begin();
    assert_int_equal(journal_append(tx, "signing", make_events(256, "CertificateIssued"), 256),
                     RC_REJECT);
    assert_int_equal(tx->err.code, TRIEN__ERROR__JOURNAL_FORKED);
    tx_rollback(tx);
    assert_int_equal(pg_sql(STORE_DATABASE, "DELETE FROM entry WHERE "
                                            "sequence = (SELECT size - 1 FROM journal_head)"),
                     0);
    begin();
    assert_int_equal(journal_append(tx, "signing", make_events(256, "CertificateIssued"), 256),
                     RC_REJECT);
    assert_int_equal(tx->err.code, TRIEN__ERROR__JOURNAL_FORKED);
    tx_rollback(tx);
}

static void test_the_service_changes_nothing_that_stands(void **state)
{
    static const char *const sql[] = {
        "UPDATE entry SET leaf = leaf",
        "DELETE FROM entry",
        "UPDATE entry_content SET salt = salt",
        "DELETE FROM entry_content",
        "UPDATE tile SET root = root",
        "DELETE FROM tile",
        "UPDATE checkpoint SET note = note",
        "DELETE FROM checkpoint",
        "DELETE FROM journal_head",
        "TRUNCATE entry",
    };

    (void)state;
    if (!have_database)
        skip();
    for (size_t i = 0; i < COUNT_OF(sql); i++) {
        char statement[200];

        snprintf(statement, sizeof(statement), "SET ROLE trien_audit; %s", sql[i]);
        assert_int_not_equal(pg_sql(STORE_DATABASE, statement), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batches_of_every_size),
        cmocka_unit_test(test_proofs),
        cmocka_unit_test(test_its_own_word_is_not_notable),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_a_checkpoint_is_said_once),
        cmocka_unit_test(test_the_service_changes_nothing_that_stands),
        cmocka_unit_test(test_changed_hashes_are_not_built_upon),
    };

    return cmocka_run_group_tests(tests, up, down);
}
