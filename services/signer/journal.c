/* The journal while the signer runs: append, group commit, find. Refuses to go on after a write or
 * a sync that failed, and to guess when a record is not what the index said. */
#include "services/signer/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "services/signer/journal_internal.h"

static enum rc fail_dead(struct journal *journal, const char *what, struct err *err)
{
    journal->dead = true;
    for (size_t i = 0; i < COUNT_OF(journal->synced_by); i++)
        pthread_cond_broadcast(&journal->synced_by[i]);
    FAIL(err, TRIEN__ERROR__JOURNAL_UNWRITABLE, "journal: %s: %s", what, strerror(errno));
}

static enum rc check_alive(const struct journal *journal, struct err *err)
{
    CHECK(!journal->dead, err, TRIEN__ERROR__JOURNAL_UNWRITABLE,
          "an earlier write to the journal failed");
    return RC_OK;
}

/* --- group commit --------------------------------------------------------------------------------
 */

static bool write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, text, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text += n;
        size -= (size_t)n;
    }
    return true;
}

/* Writes and syncs all that is pending, then the head; the lock is released meanwhile. Nobody is
 * told of a record before the head knows it. */
static enum rc sync_pending(struct journal *journal, struct err *err)
{
    char *text = journal->pending;
    size_t size = journal->pending_bytes;
    struct head head = {journal->sequence, journal->position, ""};
    bool ok;

    memcpy(head.hash, journal->hash, sizeof(head.hash));

    journal->pending = journal->writing;
    journal->writing = text;
    journal->pending_bytes = 0;
    journal->writing_to = head.sequence;
    journal->syncing = true;
    pthread_mutex_unlock(&journal->lock);
    ok = write_all(journal->fd, text, size) && fdatasync(journal->fd) == 0 &&
         head_write(&journal->head, &head);
    pthread_mutex_lock(&journal->lock);
    journal->syncing = false;
    if (!ok)
        return fail_dead(journal, "write", err);
    journal->synced = head.sequence;
    pthread_cond_broadcast(&journal->synced_by[journal->syncs++ & 1]);
    pthread_cond_signal(&journal->synced_by[journal->syncs & 1]);
    return RC_OK;
}

/* Waits for the sync that writes the record: the one that runs or, when that came too early, the
 * next; of those who wait for the next, one is woken to do it. */
enum rc journal_sync(struct journal *journal, uint64_t sequence, struct err *err)
{
    while (journal->synced < sequence) {
        uint64_t number = journal->syncs + (sequence > journal->writing_to);

        TRY(check_alive(journal, err));
        if (journal->syncing)
            pthread_cond_wait(&journal->synced_by[number & 1], &journal->lock);
        else
            TRY(sync_pending(journal, err));
    }
    return RC_OK;
}

/* --- appending -----------------------------------------------------------------------------------
 */

static enum rc append_line(struct journal *journal, const char *body, usec now, struct err *err,
                           uint64_t *ret_position)
{
    char line[RECORD_MAX_BYTES];
    size_t length =
        record_write(journal->sequence + 1, now, body, journal->hash, line, journal->hash);

    CHECK(length > 0, err, TRIEN__ERROR__INTERNAL, "a journal record would be too long");
    journal->position = SEGMENT_POSITION(journal->segment, journal->offset);
    *ret_position = journal->position;
    memcpy(journal->pending + journal->pending_bytes, line, length);
    journal->pending_bytes += length;
    journal->offset += length;
    journal->sequence++;
    return RC_OK;
}

/* The next file; everything is synced. Its first line carries the chain on. */
static enum rc next_segment(struct journal *journal, usec now, struct err *err)
{
    char body[32];
    uint64_t position;
    int fd = segment_open(journal->dir_fd, journal->segment + 1, O_RDWR | O_CREAT | O_EXCL);

    if (fd < 0 || fsync(journal->dir_fd) != 0)
        return fail_dead(journal, "next file", err);
    close(journal->fd);
    journal->fd = fd;
    journal->segment++;
    journal->offset = 0;
    snprintf(body, sizeof(body), "segment %u", journal->segment);
    return append_line(journal, body, now, err, &position);
}

enum rc journal_checkpoint(struct journal *journal, struct err *err)
{
    struct index_checkpoint reached = {SEGMENT_POSITION(journal->segment, journal->offset),
                                       journal->sequence, ""};

    memcpy(reached.hash, journal->hash, sizeof(reached.hash));
    return index_freeze(journal->index, &reached, err);
}

/* Room in the buffer, in the file and in the index table. The last two change hands only when
 * nothing is on its way to the disk. */
static enum rc make_room(struct journal *journal, usec now, struct err *err)
{
    while (journal->pending_bytes + 2 * RECORD_MAX_BYTES > JOURNAL_GROUP_BYTES)
        TRY(journal_sync(journal, journal->sequence, err));
    if (journal->offset < journal->segment_bytes &&
        !index_is_full(journal->index, JOURNAL_ENTRIES_A_RECORD))
        return RC_OK;
    while (journal->synced < journal->sequence)
        TRY(journal_sync(journal, journal->sequence, err));
    if (index_is_full(journal->index, JOURNAL_ENTRIES_A_RECORD))
        TRY(journal_checkpoint(journal, err));
    if (journal->offset >= journal->segment_bytes)
        TRY(next_segment(journal, now, err));
    return RC_OK;
}

/* The spaces of keys in the index. One order, one serial number, one use of a ground. */
static void put(struct journal *journal, const char *space, const char *name, uint64_t position)
{
    uint8_t key[INDEX_KEY_BYTES];

    index_key(space, name, key);
    index_put(journal->index, key, position);
}

static void serial_name(const char *issuer, const char *serial, char ret_name[160])
{
    snprintf(ret_name, 160, "%s/%s", issuer, serial);
}

void journal_index_record(struct journal *journal, const struct record *record, uint64_t position)
{
    char name[160];

    if (strcmp(record->kind, "intent") == 0 && record->field_count == 8) {
        put(journal, "intent", record->fields[0], position);
        serial_name(record->fields[1], record->fields[3], name);
        put(journal, "serial", name, position);
        if (strcmp(record->fields[5], "subscriber") == 0)
            put(journal, "ground", record->fields[6], position);
    } else if (strcmp(record->kind, "answer") == 0 && record->field_count == 3) {
        put(journal, "answer", record->fields[0], position);
    }
}

/* There is room (make_room()): this never waits, so what was asked before under the same hold of
 * the lock is still true when the line stands. */
static enum rc append_now(struct journal *journal, const char *body, usec now, struct err *err,
                          uint64_t *ret_sequence)
{
    uint64_t position;
    struct record record;
    char copy[RECORD_MAX_BYTES];
    size_t start = journal->pending_bytes, length;

    TRY(append_line(journal, body, now, err, &position));
    length = journal->pending_bytes - start - 1;
    memcpy(copy, journal->pending + start, length);
    copy[length] = '\0';
    if (!record_read(copy, length, NULL, &record))
        FAIL(err, TRIEN__ERROR__INTERNAL, "a journal record cannot be read back");
    journal_index_record(journal, &record, position);
    *ret_sequence = journal->sequence;
    return RC_OK;
}

enum rc journal_append(struct journal *journal, const char *body, usec now, struct err *err,
                       uint64_t *ret_sequence)
{
    TRY(check_alive(journal, err));
    TRY(make_room(journal, now, err));
    return append_now(journal, body, now, err, ret_sequence);
}

/* --- finding -------------------------------------------------------------------------------------
 */

/* The record that a key leads to; field_count 0 when there is none. It may not be on the disk yet:
 * then this waits, so that nobody answers from what a crash could undo. */
static enum rc find_record(struct journal *journal, const char *space, const char *name,
                           struct arena *arena, struct err *err, struct record *ret_record)
{
    uint8_t key[INDEX_KEY_BYTES];
    uint64_t position = 0;
    char *room;

    *ret_record = (struct record){0};
    TRY(check_alive(journal, err));
    index_key(space, name, key);
    TRY(index_find(journal->index, key, err, &position));
    if (position == 0)
        return RC_OK;
    TRY(journal_sync(journal, journal->sequence, err));
    room = arena_alloc(arena, RECORD_MAX_BYTES + 1);
    CHECK(segment_read_at(journal->dir_fd, position, room, ret_record), err,
          TRIEN__ERROR__JOURNAL_UNWRITABLE, "no record where the index says for %s %s", space,
          name);
    return RC_OK;
}

static enum rc find_locked(struct journal *journal, const char *order_id, struct arena *arena,
                           struct err *err, struct journal_order *ret_order)
{
    struct record intent, answer;
    struct journal_order order = {0};

    TRY(find_record(journal, "intent", order_id, arena, err, &intent));
    if (intent.field_count > 0) {
        CHECK(intent.field_count == 8 && strcmp(intent.fields[0], order_id) == 0, err,
              TRIEN__ERROR__ORDER_CONFLICT, "the index knows another order under this id");
        order.intent_sequence = intent.sequence;
        order.tbs_sha256 = intent.fields[4];
        TRY(find_record(journal, "answer", order_id, arena, err, &answer));
        if (answer.field_count > 0) {
            CHECK(answer.field_count == 3 && strcmp(answer.fields[0], order_id) == 0 &&
                      bytes_from_base64(arena, bytes_of_text(answer.fields[2]), &order.signature),
                  err, TRIEN__ERROR__JOURNAL_UNWRITABLE, "the answer to the order is unreadable");
            order.answer_sequence = answer.sequence;
        }
    }
    *ret_order = order;
    return RC_OK;
}

enum rc journal_find(struct journal *journal, const char *order_id, struct arena *arena,
                     struct err *err, struct journal_order *ret_order)
{
    enum rc rc;

    pthread_mutex_lock(&journal->lock);
    rc = find_locked(journal, order_id, arena, err, ret_order);
    pthread_mutex_unlock(&journal->lock);
    return rc;
}

/* --- intents and answers -------------------------------------------------------------------------
 */

/* Without waiting: what is not on the disk yet would be lost together with what follows it. */
static enum rc is_known(struct journal *journal, const char *space, const char *name,
                        struct err *err, bool *ret_known)
{
    uint8_t key[INDEX_KEY_BYTES];
    uint64_t position = 0;

    index_key(space, name, key);
    TRY(index_find(journal->index, key, err, &position));
    *ret_known = position != 0;
    return RC_OK;
}

/* Waits only when it refuses. */
static enum rc check_unused(struct journal *journal, const struct journal_intent *intent,
                            struct arena *arena, struct err *err)
{
    struct record record;
    char name[160];
    bool known;

    serial_name(intent->issuer, intent->serial, name);
    TRY(find_record(journal, "serial", name, arena, err, &record));
    CHECK(record.field_count == 0, err, TRIEN__ERROR__ORDER_CONFLICT,
          "serial number %s belongs to order %s", intent->serial, record.fields[0]);
    if (intent->follows) {
        serial_name(intent->issuer, intent->follows, name);
        TRY(is_known(journal, "serial", name, err, &known));
        CHECK(known, err, TRIEN__ERROR__ORDER_CONFLICT, "%s cannot come before %s", intent->serial,
              intent->follows);
    }
    if (!intent->ground_once)
        return RC_OK;
    TRY(find_record(journal, "ground", intent->ground_sha256, arena, err, &record));
    CHECK(record.field_count == 0, err, TRIEN__ERROR__ORDER_CONFLICT,
          "the authorisation was used for order %s", record.fields[0]);
    return RC_OK;
}

/* From the question to the line nothing waits, for waiting lets others in: room is made first. */
static enum rc intend_locked(struct journal *journal, const struct journal_intent *intent, usec now,
                             struct arena *arena, struct err *err, uint64_t *ret_sequence)
{
    struct journal_order known;
    uint64_t sequence;

    TRY(check_alive(journal, err));
    TRY(make_room(journal, now, err));
    TRY(find_locked(journal, intent->order_id, arena, err, &known));
    if (known.intent_sequence) {
        CHECK(strcmp(known.tbs_sha256, intent->tbs_sha256) == 0, err, TRIEN__ERROR__ORDER_CONFLICT,
              "order %s was given before with other bytes", intent->order_id);
        *ret_sequence = known.intent_sequence;
        return RC_OK;
    }
    TRY(check_unused(journal, intent, arena, err));
    TRY(append_now(journal,
                   arena_printf(arena, "intent %s %s %s %s %s %s %s %s", intent->order_id,
                                intent->issuer, intent->profile, intent->serial, intent->tbs_sha256,
                                intent->ground, intent->ground_sha256, intent->vouchers),
                   now, err, &sequence));
    TRY(journal_sync(journal, sequence, err));
    *ret_sequence = sequence;
    return RC_OK;
}

enum rc journal_intend(struct journal *journal, const struct journal_intent *intent, usec now,
                       struct arena *arena, struct err *err, uint64_t *ret_sequence)
{
    enum rc rc;

    pthread_mutex_lock(&journal->lock);
    rc = intend_locked(journal, intent, now, arena, err, ret_sequence);
    pthread_mutex_unlock(&journal->lock);
    return rc;
}

enum rc journal_answer(struct journal *journal, const char *order_id, uint64_t intent_sequence,
                       struct bytes signature, usec now, struct arena *arena, struct err *err,
                       uint64_t *ret_sequence)
{
    const char *body = arena_printf(arena, "answer %s %" PRIu64 " %s", order_id, intent_sequence,
                                    bytes_to_base64(arena, signature));
    enum rc rc;
    uint64_t sequence = 0;

    pthread_mutex_lock(&journal->lock);
    rc = journal_append(journal, body, now, err, &sequence);
    if (rc == RC_OK)
        rc = journal_sync(journal, sequence, err);
    pthread_mutex_unlock(&journal->lock);
    if (rc == RC_OK)
        *ret_sequence = sequence;
    return rc;
}

enum rc journal_has_serial(struct journal *journal, const char *issuer, const char *serial,
                           struct arena *arena, struct err *err, bool *ret_has)
{
    struct record record;
    char name[160];
    enum rc rc;

    serial_name(issuer, serial, name);
    pthread_mutex_lock(&journal->lock);
    rc = find_record(journal, "serial", name, arena, err, &record);
    pthread_mutex_unlock(&journal->lock);
    if (rc == RC_OK)
        *ret_has = record.field_count > 0;
    return rc;
}

void journal_look(struct journal *journal, struct journal_state *ret_state)
{
    pthread_mutex_lock(&journal->lock);
    *ret_state = (struct journal_state){.sequence = journal->sequence,
                                        .segment = journal->segment,
                                        .writable = !journal->dead,
                                        .syncs = journal->syncs};
    memcpy(ret_state->hash, journal->hash, sizeof(ret_state->hash));
    pthread_mutex_unlock(&journal->lock);
}
