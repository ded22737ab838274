/* The check of a journal's copy: each way of changing it is told apart and named at its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ec.h>

#include "common/ossl.h"
#include "proto/audit.pb-c.h"
#include "services/trienctl/audit_check.h"

#define ORIGIN "trien.example/journal"
#define ENTRIES 300
#define FIRST_CHECKPOINT 100
#define SECOND_CHECKPOINT 257

static struct arena *arena;
static EVP_PKEY *ours, *theirs;
static struct x509_key *public_key;

struct journal {
    struct audit_entry entries[ENTRIES + 1];
    size_t count;
    struct bytes notes[4];
    size_t note_count;
};

static struct bytes spki(EVP_PKEY *key)
{
    uint8_t *out = NULL;
    int n = i2d_PUBKEY(key, &out);
    struct bytes copy = arena_bytes(arena, bytes_of(out, (size_t)n));

    OPENSSL_free(out);
    return copy;
}

static struct bytes sign_note_of(EVP_PKEY *key, const char *origin, uint64_t size,
                                 const struct merkle_hash *root)
{
    const struct checkpoint checkpoint = {origin, size, *root};
    struct bytes text = checkpoint_text(arena, &checkpoint);
    uint8_t signature[128];
    size_t n = sizeof(signature);
    autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();

    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(context, signature, &n, text.p, text.n), 1);
    return bytes_of_text(checkpoint_note(arena, &checkpoint, spki(key), bytes_of(signature, n)));
}

static struct bytes sign_note(EVP_PKEY *key, uint64_t size, const struct merkle_hash *root)
{
    return sign_note_of(key, ORIGIN, size, root);
}

static struct bytes pack_leaf(uint64_t sequence, struct bytes salt, struct bytes content)
{
    Trien__JournalLeaf leaf = TRIEN__JOURNAL_LEAF__INIT;
    uint8_t *both = arena_alloc(arena, salt.n + content.n), *digest = arena_alloc(arena, 32), *out;

    memcpy(both, salt.p, salt.n);
    memcpy(both + salt.n, content.p, content.n);
    bytes_sha256(bytes_of(both, salt.n + content.n), digest);
    leaf.version = 1;
    leaf.sequence = sequence;
    leaf.feed = (char *)(sequence % 2 ? "signing" : "intake");
    leaf.partition = (uint32_t)(sequence % 6 / 2);
    leaf.offset = (int64_t)(sequence / 6) + 1;
    leaf.event_id = (ProtobufCBinaryData){16, arena_alloc(arena, 16)};
    leaf.type = (char *)"CertificateIssued";
    leaf.content_sha256 = (ProtobufCBinaryData){32, digest};
    out = arena_alloc(arena, trien__journal_leaf__get_packed_size(&leaf));
    return bytes_of(out, trien__journal_leaf__pack(&leaf, out));
}

static struct audit_entry make_entry(uint64_t sequence, const char *content)
{
    struct audit_entry entry = {.sequence = sequence, .has_content = true};

    entry.salt = bytes_of_text("0123456789abcdef");
    entry.content = bytes_of_text(content);
    entry.leaf = pack_leaf(sequence, entry.salt, entry.content);
    merkle_leaf(entry.leaf, &entry.kept);
    return entry;
}

/* 300 entries, checkpoints at 100 and 257. */
static struct journal *make_journal(void)
{
    struct journal *journal = ARENA_NEW(arena, struct journal);
    struct merkle_range range = {0};

    for (uint64_t i = 0; i < ENTRIES; i++) {
        struct merkle_hash root;

        journal->entries[i] = make_entry(i, arena_printf(arena, "content %d", (int)i));
        merkle_append(&range, &journal->entries[i].kept);
        merkle_root(&range, &root);
        if (i + 1 == FIRST_CHECKPOINT || i + 1 == SECOND_CHECKPOINT)
            journal->notes[journal->note_count++] = sign_note(ours, i + 1, &root);
    }
    journal->count = ENTRIES;
    return journal;
}

static struct audit_result check(const struct journal *journal)
{
    struct audit_check *running = audit_check_new(arena, public_key);
    struct audit_result result;

    for (size_t i = 0; i < journal->note_count; i++)
        audit_check_note(running, "a note", journal->notes[i]);
    for (size_t i = 0; i < journal->count; i++)
        audit_check_entry(running, &journal->entries[i]);
    audit_check_end(running, &result);
    return result;
}

static void assert_first(const struct journal *journal, enum audit_kind kind, uint64_t entry)
{
    struct audit_result result = check(journal);

    assert_true(result.finding_count > 0);
    assert_string_equal(audit_kind_word(result.findings[0].kind), audit_kind_word(kind));
    assert_int_equal(result.findings[0].first, entry);
    assert_true(result.findings[0].is_exact);
}

static int up(void **state)
{
    struct err err = {0};

    (void)state;
    arena = arena_new(1 << 26);
    ours = EVP_EC_gen("P-256");
    theirs = EVP_EC_gen("P-256");
    return x509_key_from_spki(spki(ours), &err, &public_key) == RC_OK ? 0 : -1;
}

static int down(void **state)
{
    (void)state;
    x509_key_free(&public_key);
    EVP_PKEY_free(ours);
    EVP_PKEY_free(theirs);
    arena_free(&arena);
    return 0;
}

static void untouched(void **state)
{
    struct audit_result result = check(make_journal());

    (void)state;
    assert_int_equal(result.finding_count, 0);
    assert_int_equal(result.entries, ENTRIES);
    assert_int_equal(result.covered, SECOND_CHECKPOINT);
    assert_string_equal(result.origin, ORIGIN);
}

static void a_changed_entry(void **state)
{
    struct journal *journal = make_journal();
    struct merkle_hash kept = journal->entries[57].kept;

    (void)state;
    journal->entries[57] = make_entry(57, "another content");
    journal->entries[57].kept = kept;
    assert_first(journal, AUDIT_CHANGED, 57);
    /* The later ones are still judged: one before the second checkpoint, one beyond it. */
    kept = journal->entries[200].kept;
    journal->entries[200] = make_entry(200, "another content");
    journal->entries[200].kept = kept;
    kept = journal->entries[299].kept;
    journal->entries[299] = make_entry(299, "another content");
    journal->entries[299].kept = kept;
    assert_int_equal(check(journal).finding_count, 3);
    assert_int_equal(check(journal).findings[1].first, 200);
    assert_int_equal(check(journal).findings[2].first, 299);
}

static void a_changed_entry_and_its_hash(void **state)
{
    struct journal *journal = make_journal();
    struct audit_result result;

    (void)state;
    journal->entries[130] = make_entry(130, "another content");
    result = check(journal);
    assert_int_equal(result.finding_count, 1);
    assert_false(result.findings[0].is_exact);
    assert_int_equal(result.findings[0].first, FIRST_CHECKPOINT);
    assert_int_equal(result.findings[0].last, SECOND_CHECKPOINT - 1);
}

static void a_changed_hash_alone(void **state)
{
    struct journal *journal = make_journal();

    (void)state;
    journal->entries[130].kept.b[0] ^= 1;
    assert_first(journal, AUDIT_TREE, 130);
}

static void changed_content(void **state)
{
    struct journal *journal = make_journal();

    (void)state;
    journal->entries[99].content = bytes_of_text("another content");
    assert_first(journal, AUDIT_CONTENT, 99);
    journal = make_journal();
    journal->entries[99].salt = bytes_of_text("fedcba9876543210");
    assert_first(journal, AUDIT_CONTENT, 99);
}

static void content_that_is_empty(void **state)
{
    struct journal *journal = make_journal();

    (void)state;
    journal->entries[57].salt = journal->entries[57].content = (struct bytes){0};
    assert_first(journal, AUDIT_CONTENT, 57);
}

static void a_removed_entry(void **state)
{
    struct journal *journal = make_journal();

    (void)state;
    memmove(&journal->entries[40], &journal->entries[41],
            (ENTRIES - 41) * sizeof(*journal->entries));
    journal->count--;
    assert_first(journal, AUDIT_REMOVED, 40);
}

static void a_removed_entry_and_new_numbers(void **state)
{
    struct journal *journal = make_journal();

    (void)state;
    for (uint64_t i = 40; i < ENTRIES - 1; i++) {
        struct merkle_hash kept = journal->entries[i].kept;

        journal->entries[i] = make_entry(i, arena_printf(arena, "content %d", (int)i + 1));
        journal->entries[i].kept = kept;
    }
    journal->count--;
    assert_first(journal, AUDIT_CHANGED, 40);
}

static void a_truncated_journal(void **state)
{
    struct journal *journal = make_journal();

    (void)state;
    journal->count = 250;
    assert_first(journal, AUDIT_REMOVED, 250);
    assert_int_equal(check(journal).findings[0].last, SECOND_CHECKPOINT - 1);
}

static void swapped_entries(void **state)
{
    struct journal *journal = make_journal();
    struct audit_entry other = journal->entries[10];

    (void)state;
    journal->entries[10].leaf = journal->entries[20].leaf;
    journal->entries[20].leaf = other.leaf;
    assert_first(journal, AUDIT_REORDERED, 10);
}

static void an_inserted_entry(void **state)
{
    struct journal *journal = make_journal();

    (void)state;
    memmove(&journal->entries[71], &journal->entries[70],
            (ENTRIES - 70) * sizeof(*journal->entries));
    journal->entries[71] = make_entry(70, "inserted");
    journal->count++;
    assert_first(journal, AUDIT_INSERTED, 70);
}

static void a_missing_event(void **state)
{
    struct journal *journal = make_journal();

    (void)state;
    /* Beyond every checkpoint only the offsets can tell. */
    for (uint64_t i = 290; i < ENTRIES - 1; i++)
        journal->entries[i] = make_entry(i, "new"),
        journal->entries[i].leaf = journal->entries[i + 1].leaf;
    journal->count--;
    assert_true(check(journal).finding_count > 0);
    assert_int_equal(check(journal).findings[0].first, 290);
}

/* Whoever can change entries can leave the checkpoints out. */
static void no_checkpoint_at_all(void **state)
{
    struct journal *journal = make_journal();
    struct audit_result result;

    (void)state;
    journal->note_count = 0;
    result = check(journal);
    assert_int_equal(result.finding_count, 1);
    assert_int_equal(result.findings[0].kind, AUDIT_CHECKPOINT);
    journal->count = 0;
    assert_int_equal(check(journal).finding_count, 0);
}

static void a_forged_checkpoint(void **state)
{
    struct journal *journal = make_journal();
    struct audit_result result;
    struct merkle_hash root = {{1}};

    (void)state;
    journal->notes[journal->note_count++] = sign_note(theirs, 200, &root);
    result = check(journal);
    assert_int_equal(result.finding_count, 1);
    assert_int_equal(result.findings[0].kind, AUDIT_CHECKPOINT);
    assert_int_equal(result.findings[0].first, 200);
}

/* Who can write rows can forge any number of checkpoints: the changed entry is named all the same.
 */
static void many_forged_checkpoints_hide_nothing(void **state)
{
    enum { FORGED = 1200 };
    struct audit_check *running = audit_check_new(arena, public_key);
    struct journal *journal = make_journal();
    struct merkle_hash root = {{1}}, kept = journal->entries[57].kept;
    struct bytes forged = sign_note(theirs, 200, &root);
    struct audit_result result;
    size_t of_checkpoints = 0, of_entries = 0;

    (void)state;
    journal->entries[57] = make_entry(57, "another content");
    journal->entries[57].kept = kept;
    for (size_t i = 0; i < FORGED; i++)
        audit_check_note(running, NULL, forged);
    for (size_t i = 0; i < journal->note_count; i++)
        audit_check_note(running, NULL, journal->notes[i]);
    for (size_t i = 0; i < journal->count; i++)
        audit_check_entry(running, &journal->entries[i]);
    audit_check_end(running, &result);
    for (size_t i = 0; i < result.finding_count; i++)
        if (result.findings[i].kind == AUDIT_CHECKPOINT)
            of_checkpoints++;
        else if (result.findings[i].kind == AUDIT_CHANGED && result.findings[i].first == 57)
            of_entries++;
    assert_int_equal(of_entries, 1);
    assert_int_equal(result.findings[0].first, 57);
    assert_int_equal(of_checkpoints, AUDIT_MAX_FINDINGS);
    assert_int_equal(result.unlisted[AUDIT_CHECKPOINT], FORGED - AUDIT_MAX_FINDINGS);
    assert_int_equal(result.unlisted[AUDIT_CHANGED], 0);
}

static void a_forked_journal(void **state)
{
    struct journal *journal = make_journal();
    struct merkle_hash root = {{1}};

    (void)state;
    journal->notes[journal->note_count++] = sign_note(ours, FIRST_CHECKPOINT, &root);
    assert_int_equal(check(journal).findings[0].kind == AUDIT_CHECKPOINT ||
                         check(journal).findings[1].kind == AUDIT_CHECKPOINT,
                     1);
}

static void unreadable_entries(void **state)
{
    struct journal *journal = make_journal();

    (void)state;
    journal->entries[5].leaf = bytes_of_text("\xff\xff\xff");
    assert_first(journal, AUDIT_CHANGED, 5);
}

/* --- a journal that begins after another lost its end --------------------------------------------
 * The old one had 200 entries; its database came back with 120 of them, of which 100 are under a
 * checkpoint; entry 150 begins the new one, whose checkpoint covers 257. */

#define KEPT 120
#define LOST 200
#define BEGINS 150

struct told {
    const char *origin, *second_officer, *lost_origin;
    uint64_t lost_size;
    unsigned number;
    EVP_PKEY *key; /* of the lost checkpoint */
};
static const struct told honest = {ORIGIN "/2", "officer2", ORIGIN, LOST, 2, NULL};

static struct bytes pack_message(const ProtobufCMessage *message)
{
    uint8_t *out = arena_alloc(arena, protobuf_c_message_get_packed_size(message));

    return bytes_of(out, protobuf_c_message_pack(message, out));
}

static ProtobufCBinaryData binary(struct bytes bytes)
{
    return (ProtobufCBinaryData){bytes.n, (uint8_t *)(uintptr_t)bytes.p};
}

static Trien__OfficersWord *word_of(const char *officer, Trien__KeySignature *signature)
{
    Trien__OfficersWord *word = ARENA_NEW(arena, Trien__OfficersWord);

    trien__officers_word__init(word);
    trien__key_signature__init(signature);
    signature->key_id = arena_printf(arena, "key of %s", officer);
    signature->signature = binary(bytes_of_text("s"));
    word->officer = arena_strdup(arena, officer);
    word->signature = signature;
    return word;
}

static struct merkle_hash lost_root(void)
{
    return (struct merkle_hash){{42}};
}

static struct audit_entry make_begun(const struct told *told, struct bytes kept_note)
{
    Trien__JournalBreak said = TRIEN__JOURNAL_BREAK__INIT;
    Trien__JournalBegun begun = TRIEN__JOURNAL_BEGUN__INIT;
    Trien__JournalContent content = TRIEN__JOURNAL_CONTENT__INIT;
    Trien__JournalLeaf *leaf;
    Trien__KeySignature signatures[2];
    Trien__OfficersWord *words[] = {word_of("officer1", &signatures[0]),
                                    word_of(told->second_officer, &signatures[1])};
    struct merkle_hash root = lost_root();
    struct audit_entry entry;

    said.version = 1;
    said.journal = (char *)(uintptr_t)ORIGIN;
    said.number = told->number;
    said.lost_note = (char *)(uintptr_t)sign_note_of(told->key ? told->key : ours,
                                                     told->lost_origin, told->lost_size, &root)
                         .p;
    said.kept_note = (char *)(uintptr_t)kept_note.p;
    said.reason = (char *)(uintptr_t) "the disk";
    begun.origin = (char *)(uintptr_t)told->origin;
    begun.statement = binary(pack_message(&said.base));
    begun.officers = words;
    begun.n_officers = 2;
    content.key = (char *)(uintptr_t) "journal";
    content.payload = binary(pack_message(&begun.base));
    entry = make_entry(BEGINS, "");
    entry.content = pack_message(&content.base);
    entry.leaf = pack_leaf(BEGINS, entry.salt, entry.content);
    leaf = trien__journal_leaf__unpack(arena_allocator(arena), entry.leaf.n, entry.leaf.p);
    leaf->feed = (char *)(uintptr_t) "audit";
    leaf->type = (char *)(uintptr_t) "JournalBegun";
    leaf->partition = 0;
    leaf->offset = 1;
    entry.leaf = pack_message(&leaf->base);
    merkle_leaf(entry.leaf, &entry.kept);
    return entry;
}

/* Notes: the old journal's at 100, the lost one at 200, the new one's at 257 when it is signed. */
static struct journal *make_broken(const struct told *told, const char *new_origin)
{
    struct journal *journal = make_journal();
    struct merkle_range range = {0};
    struct merkle_hash root = lost_root();
    size_t n = 0;

    journal->note_count = 1;
    for (size_t i = 0; i < ENTRIES; i++) {
        if (i == BEGINS) { /* in place of an entry of intake: the feed goes on one later */
            if (told)
                journal->entries[n++] = make_begun(told, journal->notes[0]);
            continue;
        }
        journal->entries[n++] = journal->entries[i];
    }
    journal->count = n;
    for (size_t i = 0; i < SECOND_CHECKPOINT; i++)
        merkle_append(&range, &journal->entries[i].kept);
    journal->notes[journal->note_count++] = sign_note(ours, LOST, &root);
    merkle_root(&range, &root);
    if (new_origin)
        journal->notes[journal->note_count++] =
            sign_note_of(ours, new_origin, SECOND_CHECKPOINT, &root);
    return journal;
}

static bool finds(const struct journal *journal, enum audit_kind kind, uint64_t at)
{
    struct audit_result result = check(journal);

    for (size_t i = 0; i < result.finding_count; i++)
        if (result.findings[i].kind == kind && result.findings[i].first == at)
            return true;
    return false;
}

static void a_declared_break(void **state)
{
    struct audit_result result = check(make_broken(&honest, ORIGIN "/2"));

    (void)state;
    /* One event of a feed was replaced above: that, and nothing else, is found. */
    assert_int_equal(result.finding_count, 1);
    assert_int_equal(result.findings[0].kind, AUDIT_OFFSET);
    assert_int_equal(result.break_count, 1);
    assert_int_equal(result.breaks[0].entry, BEGINS);
    assert_int_equal(result.breaks[0].proved, FIRST_CHECKPOINT);
    assert_int_equal(result.breaks[0].lost_size, LOST);
    assert_int_equal(result.breaks[0].given_up, 1);
    assert_int_equal(result.covered, SECOND_CHECKPOINT);
    assert_string_equal(result.origin, ORIGIN "/2");
    assert_string_equal(result.breaks[0].officers[1], "officer2");
    assert_false(result.breaks[0].is_verified);
}

static void an_undeclared_break(void **state)
{
    struct journal *journal = make_broken(&honest, NULL);

    (void)state;
    assert_true(finds(journal, AUDIT_BREAK, BEGINS)); /* nothing signed covers it */
    journal = make_broken(NULL, ORIGIN "/2");
    assert_true(finds(journal, AUDIT_CHECKPOINT, SECOND_CHECKPOINT));
    assert_true(finds(make_broken(&honest, ORIGIN "/3"), AUDIT_CHECKPOINT, SECOND_CHECKPOINT));
    assert_true(finds(make_broken(&honest, ORIGIN), AUDIT_BREAK, BEGINS));
    journal = make_broken(&honest, ORIGIN "/2");
    journal->entries[BEGINS].has_content = false;
    assert_true(finds(journal, AUDIT_BREAK, BEGINS));
}

static void a_break_that_says_something_else(void **state)
{
    struct told told[8] = {honest, honest, honest, honest, honest, honest};

    (void)state;
    told[0].second_officer = "officer1";
    told[1].lost_size = FIRST_CHECKPOINT; /* not beyond what is kept */
    told[2].key = theirs;
    told[3].lost_origin = "trien.example/other";
    told[4].origin = ORIGIN "/3"; /* under another name than its number */
    told[5].number = 1;
    for (int i = 0; i < 6; i++)
        assert_true(finds(make_broken(&told[i], ORIGIN "/2"), AUDIT_BREAK, BEGINS));
}

/* A checkpoint of the old journal beyond what officers gave up: more was signed than they knew. */
static void more_was_lost_than_was_said(void **state)
{
    struct told told = honest;
    struct journal *journal;

    (void)state;
    told.lost_size = LOST - 1;
    journal = make_broken(&told, ORIGIN "/2");
    assert_true(finds(journal, AUDIT_CHECKPOINT, LOST));
}

/* What is kept is judged as before. */
static void changed_before_the_break(void **state)
{
    struct journal *journal = make_broken(&honest, ORIGIN "/2");

    (void)state;
    journal->entries[50] = make_entry(50, "another");
    assert_true(finds(journal, AUDIT_BREAK, BEGINS)); /* it says that 100 entries are kept */
    assert_true(finds(journal, AUDIT_CHANGED, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(untouched),
        cmocka_unit_test(a_changed_entry),
        cmocka_unit_test(a_changed_entry_and_its_hash),
        cmocka_unit_test(a_changed_hash_alone),
        cmocka_unit_test(changed_content),
        cmocka_unit_test(content_that_is_empty),
        cmocka_unit_test(a_removed_entry),
        cmocka_unit_test(a_removed_entry_and_new_numbers),
        cmocka_unit_test(a_truncated_journal),
        cmocka_unit_test(swapped_entries),
        cmocka_unit_test(an_inserted_entry),
        cmocka_unit_test(a_missing_event),
        cmocka_unit_test(no_checkpoint_at_all),
        cmocka_unit_test(a_forged_checkpoint),
        cmocka_unit_test(many_forged_checkpoints_hide_nothing),
        cmocka_unit_test(a_forked_journal),
        cmocka_unit_test(unreadable_entries),
        cmocka_unit_test(a_declared_break),
        cmocka_unit_test(an_undeclared_break),
        cmocka_unit_test(a_break_that_says_something_else),
        cmocka_unit_test(more_was_lost_than_was_said),
        cmocka_unit_test(changed_before_the_break),
    };

    return cmocka_run_group_tests(tests, up, down);
}
