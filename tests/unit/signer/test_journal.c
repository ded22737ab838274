/* The journal: conflicts, restarts, torn tails, damage, full disks, and kill -9 at random moments.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "services/signer/index.h"
#include "services/signer/journal.h"
#include "services/signer/verify.h"

#define DIGEST "00000000000000000000000000000000000000000000000000000000000000"
#define SEGMENT_BYTES 65536

static char folder[64];
static struct arena *arena;

static int up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/trien-journal-XXXXXX");
    assert_non_null(mkdtemp(folder));
    arena = arena_new((size_t)256 * 1024 * 1024);
    return 0;
}

static int down(void **state)
{
    char command[96];

    (void)state;
    arena_free(&arena);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static struct journal *open_journal(void)
{
    struct journal_config config = {folder, SEGMENT_BYTES, false};
    struct journal *journal = NULL;
    struct err err = {0};

    if (journal_open(&config, 1, &err, &journal) != RC_OK)
        fail_msg("%s", err.detail);
    return journal;
}

static enum rc cannot_open(struct err *err)
{
    struct journal_config config = {folder, SEGMENT_BYTES, false};
    struct journal *journal = NULL;

    return journal_open(&config, 1, err, &journal);
}

/* An intent whose serial, ground and bytes follow from its number. */
static struct journal_intent intent_of(struct arena *room, unsigned number)
{
    return (struct journal_intent){
        .order_id = arena_printf(room, "order-%u", number),
        .issuer = "issuing1",
        .profile = "person",
        .serial = arena_printf(room, "5%016x", number),
        .tbs_sha256 = arena_printf(room, DIGEST "%02x", number & 255),
        .ground = "subscriber",
        .ground_sha256 = arena_printf(room, "%056x%08x", 0, number),
        .vouchers = DIGEST "aa",
        .ground_once = true,
    };
}

static struct bytes signature_of(struct arena *room, unsigned number)
{
    return bytes_of_text(arena_printf(room, "signature of %u by %d", number, (int)getpid()));
}

static enum rc sign(struct journal *journal, struct arena *room, unsigned number, struct err *err)
{
    struct journal_intent intent = intent_of(room, number);
    uint64_t sequence, answer;

    TRY(journal_intend(journal, &intent, 2, room, err, &sequence));
    return journal_answer(journal, intent.order_id, sequence, signature_of(room, number), 3, room,
                          err, &answer);
}

static void in_order(void)
{
    struct verify_result result;
    struct err err = {0};

    if (verify_journal(folder, &err, &result) != RC_OK)
        fail_msg("%s", err.detail);
}

static void answers_stay(void **state)
{
    struct journal *journal = open_journal();
    struct journal_order order;
    struct journal_intent intent;
    struct err err = {0};
    uint64_t sequence;

    (void)state;
    for (unsigned i = 0; i < 500; i++)
        assert_int_equal(sign(journal, arena, i, &err), RC_OK);
    intent = intent_of(arena, 500);
    assert_int_equal(journal_intend(journal, &intent, 2, arena, &err, &sequence), RC_OK);
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 500; i++) {
            assert_int_equal(
                journal_find(journal, arena_printf(arena, "order-%u", i), arena, &err, &order),
                RC_OK);
            assert_true(order.answer_sequence > order.intent_sequence);
            assert_true(bytes_equal(order.signature, signature_of(arena, i)));
        }
        assert_int_equal(journal_find(journal, "order-500", arena, &err, &order), RC_OK);
        assert_true(order.intent_sequence == sequence && order.answer_sequence == 0);
        assert_int_equal(journal_find(journal, "order-501", arena, &err, &order), RC_OK);
        assert_int_equal(order.intent_sequence, 0);
        journal_close(&journal);
        journal = open_journal();
    }
    journal_close(&journal);
    in_order();
}

static void conflicts_are_refused(void **state)
{
    struct journal *journal = open_journal();
    struct journal_intent intent = intent_of(arena, 7);
    struct err err = {0};
    uint64_t sequence;

    (void)state;
    assert_int_equal(journal_intend(journal, &intent, 2, arena, &err, &sequence), RC_OK);
    intent.tbs_sha256 = DIGEST "ff";
    assert_int_equal(journal_intend(journal, &intent, 2, arena, &err, &sequence), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__ORDER_CONFLICT);
    intent = intent_of(arena, 9001);
    intent.serial = intent_of(arena, 7).serial;
    assert_int_equal(journal_intend(journal, &intent, 2, arena, &err, &sequence), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__ORDER_CONFLICT);
    intent.issuer = "issuing2"; /* a serial number is the issuer's own */
    assert_int_equal(journal_intend(journal, &intent, 2, arena, &err, &sequence), RC_OK);
    intent = intent_of(arena, 9002);
    intent.ground_sha256 = intent_of(arena, 7).ground_sha256;
    assert_int_equal(journal_intend(journal, &intent, 2, arena, &err, &sequence), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__ORDER_CONFLICT);
    journal_close(&journal);
    in_order();
}

static void one_process_at_a_time(void **state)
{
    struct journal *journal = open_journal();
    struct err err = {0};

    (void)state;
    assert_int_equal(cannot_open(&err), RC_FATAL);
    assert_int_equal(err.code, TRIEN__ERROR__JOURNAL_UNWRITABLE);
    journal_close(&journal);
}

/* --- files
 * ----------------------------------------------------------------------------------------- */

static void flip_byte(char *text, off_t at)
{
    text[at] ^= 1;
}

static const char *last_file(void)
{
    const char *path = NULL;

    for (unsigned i = 1;; i++) {
        const char *next = arena_printf(arena, "%s/journal-%06u.log", folder, i);
        if (access(next, F_OK) != 0)
            return path;
        path = next;
    }
}

static off_t size_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static void append(const char *path, const void *what, size_t size)
{
    int fd = open(path, O_WRONLY | O_APPEND);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, what, size), size);
    close(fd);
}

static void expect_answer(unsigned number)
{
    struct journal *journal = open_journal();
    struct journal_order order;
    struct err err = {0};

    assert_int_equal(
        journal_find(journal, arena_printf(arena, "order-%u", number), arena, &err, &order), RC_OK);
    assert_true(bytes_equal(order.signature, signature_of(arena, number)));
    journal_close(&journal);
    in_order();
}

/* What a power cut leaves at the end: nothing, zeros, half a line, a line without its beginning. */
static void torn_tails_are_cut(void **state)
{
    static const char zeros[5000];
    static const char half[] = "12345 1795320449100061 answer order-1 17 c2lnbmF0";
    struct journal *journal = open_journal();
    struct err err = {0};

    (void)state;
    assert_int_equal(sign(journal, arena, 20000, &err), RC_OK);
    journal_close(&journal);
    append(last_file(), zeros, sizeof(zeros));
    expect_answer(20000);
    append(last_file(), half, sizeof(half) - 1);
    expect_answer(20000);
    append(last_file(), "\n\n\nxyz\n", 7);
    expect_answer(20000);
}

/* --- what was acknowledged
 * -------------------------------------------------------------------------- */

static void expect_cut_is_seen(const char *path, off_t size)
{
    struct verify_result result;
    struct err err = {0};

    assert_int_equal(truncate(path, size), 0);
    if (cannot_open(&err) != RC_FATAL ||
        !strstr(err.detail, "was acknowledged: its end was cut off"))
        fail_msg("cut to %ld bytes: %s", (long)size, err.detail);
    assert_true(size_of(path) == size); /* nothing was repaired */
    assert_int_not_equal(verify_journal(folder, &err, &result), RC_OK);
}

static char *keep(const char *path, off_t *ret_size)
{
    int fd = open(path, O_RDONLY);
    char *text;

    *ret_size = size_of(path);
    text = arena_alloc(arena, (size_t)*ret_size);
    assert_int_equal(read(fd, text, (size_t)*ret_size), *ret_size);
    close(fd);
    return text;
}

static void put_back(const char *path, const char *text, off_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_int_equal(write(fd, text, (size_t)size), size);
    close(fd);
}

/* Where the last `records` lines begin. */
static off_t start_of_last(const char *text, off_t size, int records)
{
    off_t at = size - 1;

    for (; records > 0; records--)
        for (at--; at > 0 && text[at] != '\n'; at--)
            ;
    return at + 1;
}

/* A torn end is what nobody was told of. The answer that left last and its intent have no record
 * behind them; still no byte of theirs can be cut, in the middle of a line or between lines. */
static void what_was_acknowledged_cannot_be_cut(void **state)
{
    struct journal *journal = open_journal();
    struct err err = {0};
    const char *path;
    char *text;
    off_t size, from;

    (void)state;
    assert_int_equal(sign(journal, arena, 20001, &err), RC_OK);
    journal_close(&journal);
    path = last_file();
    text = keep(path, &size);
    from = start_of_last(text, size, 2);
    assert_non_null(strstr(text + from, " intent order-20001 "));
    for (off_t to = from; to < size; to++) {
        expect_cut_is_seen(path, to);
        put_back(path, text, size);
    }
    text[size - 1] = 'x'; /* not cut, but changed */
    put_back(path, text, size);
    assert_int_equal(cannot_open(&err), RC_FATAL);
    text[size - 1] = '\n';
    put_back(path, text, size);
    expect_answer(20001);
}

/* The head lags behind after a power cut, and a record that nobody was told of may be whole: it is
 * kept. A head that is away, or of no use, stops the start; --journal-accept is an operator's act.
 */
static void the_head(void **state)
{
    const char *head = arena_printf(arena, "%s/head", folder);
    struct journal *journal = open_journal();
    struct err err = {0};
    off_t size, before_size;
    char *before, *text;

    (void)state;
    before = keep(head, &before_size);
    assert_int_equal(sign(journal, arena, 20002, &err), RC_OK);
    journal_close(&journal);
    text = keep(head, &size);
    put_back(head, before, before_size);
    expect_answer(20002);
    for (off_t at = 0; at < 256; at++) { /* one place torn: the other one is good for a start */
        flip_byte(before, at);
        put_back(head, before, before_size);
        flip_byte(before, at);
        if (at % 32 == 0)
            expect_answer(20002);
    }
    text[6] ^= 1;
    text[4096 + 6] ^= 1;
    put_back(head, text, size);
    assert_int_equal(cannot_open(&err), RC_FATAL);
    assert_non_null(strstr(err.detail, "neither of its places"));
    assert_int_equal(unlink(head), 0);
    assert_int_equal(cannot_open(&err), RC_FATAL);
    assert_non_null(strstr(err.detail, "no head"));
    in_order(); /* the chain alone */
    assert_int_equal(verify_accept_main(folder), 0);
    expect_answer(20002);
    journal = open_journal();
    assert_int_equal(verify_accept_main(folder), 1); /* not under a signer that runs */
    journal_close(&journal);
}

static void flip(const char *path, off_t at)
{
    int fd = open(path, O_RDWR);
    char c;

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &c, 1, at), 1);
    c ^= 1;
    assert_int_equal(pwrite(fd, &c, 1, at), 1);
    close(fd);
}

static void empty_folder(void)
{
    char command[160];

    snprintf(command, sizeof(command), "rm -rf %s/*", folder);
    assert_int_equal(system(command), 0);
}

/* --- one authorisation, many orders -------------------------------------------------------------
 */

#define RIVALS 4

struct contest {
    struct journal *journal;
    pthread_barrier_t barrier;
    unsigned rounds;
    atomic_uint won[4096]; /* rivals that were let in, by round */
    atomic_bool over;
};

struct rival {
    struct contest *contest;
    unsigned number;
};

/* Rivals intend orders of their own on one ground, all at the same moment. */
static void *compete(void *arg)
{
    struct rival *rival = arg;
    struct contest *contest = rival->contest;
    struct arena *room = arena_new((size_t)1024 * 1024);

    for (unsigned round = 0; round < contest->rounds; round++) {
        struct journal_intent intent = intent_of(room, 2000000 + round * RIVALS + rival->number);
        struct err err = {0};
        uint64_t sequence;

        intent.ground_sha256 = intent_of(room, 2000000 + round).ground_sha256;
        pthread_barrier_wait(&contest->barrier);
        if (journal_intend(contest->journal, &intent, 2, room, &err, &sequence) == RC_OK)
            atomic_fetch_add(&contest->won[round], 1);
        arena_reset(room);
    }
    arena_free(&room);
    return NULL;
}

/* Fills files and groups, so that the rivals have to wait for room now and then. */
static void *fill(void *arg)
{
    struct rival *rival = arg;
    struct arena *room = arena_new((size_t)1024 * 1024);

    for (unsigned i = 0; !atomic_load(&rival->contest->over); i++) {
        struct err err = {0};
        assert_int_equal(
            sign(rival->contest->journal, room, 3000000 + i * RIVALS + rival->number, &err), RC_OK);
        arena_reset(room);
    }
    arena_free(&room);
    return NULL;
}

static void one_ground_serves_one_order(void **state)
{
    static struct contest contest;
    struct rival rivals[RIVALS];
    pthread_t competing[RIVALS], filling[RIVALS];

    (void)state;
    contest.journal = open_journal();
    contest.rounds = 500;
    pthread_barrier_init(&contest.barrier, NULL, RIVALS);
    for (unsigned i = 0; i < RIVALS; i++) {
        rivals[i] = (struct rival){&contest, i};
        pthread_create(&filling[i], NULL, fill, &rivals[i]);
        pthread_create(&competing[i], NULL, compete, &rivals[i]);
    }
    for (unsigned i = 0; i < RIVALS; i++)
        pthread_join(competing[i], NULL);
    atomic_store(&contest.over, true);
    for (unsigned i = 0; i < RIVALS; i++)
        pthread_join(filling[i], NULL);
    for (unsigned round = 0; round < contest.rounds; round++)
        assert_int_equal(atomic_load(&contest.won[round]), 1);
    journal_close(&contest.journal);
    in_order();
    empty_folder();
}

/* --- kill -9
 * --------------------------------------------------------------------------------------- */

struct worker {
    struct journal *journal;
    unsigned first;
    int acks;
};

static void *work(void *arg)
{
    struct worker *worker = arg;
    struct arena *room = arena_new((size_t)1024 * 1024);
    struct err err = {0};

    for (unsigned i = 0;; i++) {
        unsigned number = worker->first + i * 8;
        if (sign(worker->journal, room, number, &err) != RC_OK)
            _exit(3);
        if (write(worker->acks, &number, sizeof(number)) != sizeof(number))
            _exit(4);
        arena_reset(room);
    }
    return NULL;
}

/* Eight threads sign until they are killed; each answer that was released is told first. */
static _Noreturn void child(unsigned base, int acks)
{
    struct worker workers[8];
    pthread_t thread;
    struct journal_config config = {folder, SEGMENT_BYTES, false};
    struct err err = {0};
    struct journal *journal = NULL;

    if (journal_open(&config, 1, &err, &journal) != RC_OK)
        _exit(2);
    for (unsigned i = 0; i < 8; i++) {
        workers[i] = (struct worker){journal, base + i, acks};
        pthread_create(&thread, NULL, work, &workers[i]);
    }
    for (;;)
        pause();
}

struct released {
    unsigned number;
    pid_t by;
};

static size_t kill_after(unsigned base, unsigned count, struct released *ret_released, size_t max)
{
    int pipe_fds[2], status;
    size_t n = 0;
    pid_t pid;

    assert_int_equal(pipe(pipe_fds), 0);
    pid = fork();
    if (pid == 0) {
        close(pipe_fds[0]);
        child(base, pipe_fds[1]);
    }
    close(pipe_fds[1]);
    while (n < max) {
        unsigned number;
        ssize_t got = read(pipe_fds[0], &number, sizeof(number));
        if (got <= 0)
            break;
        ret_released[n++] = (struct released){number, pid};
        if (n == count)
            kill(pid, SIGKILL);
    }
    close(pipe_fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    return n;
}

#define ROUNDS 25
#define MAX_RELEASED 100000

static void released_answers_survive_kills(void **state)
{
    static struct released released[MAX_RELEASED];
    size_t count = 0;
    struct journal *journal;
    struct journal_state look;
    struct err err = {0};

    (void)state;
    srand(20261122);
    for (unsigned round = 0; round < ROUNDS; round++) {
        count += kill_after(1000000 * (round + 1), 1 + (unsigned)rand() % 700, released + count,
                            MAX_RELEASED - count);
        in_order();
    }
    journal = open_journal();
    for (size_t i = 0; i < count; i++) {
        struct arena *room = arena_new((size_t)64 * 1024);
        struct journal_order order;
        const char *expected =
            arena_printf(room, "signature of %u by %d", released[i].number, (int)released[i].by);

        assert_int_equal(journal_find(journal, arena_printf(room, "order-%u", released[i].number),
                                      room, &err, &order),
                         RC_OK);
        assert_true(order.answer_sequence > 0);
        assert_true(bytes_equal(order.signature, bytes_of_text(expected)));
        arena_free(&room);
    }
    journal_look(journal, &look);
    print_message("%zu answers, %u kills, %u files\n", count, ROUNDS, look.segment);
    assert_true(look.segment > 3);
    journal_close(&journal);
    in_order();
}

/* --- damage and growth
 * ----------------------------------------------------------------------------- */

#define HANDS 8

struct hand {
    struct journal *journal;
    unsigned first, count;
};

static void *sign_some(void *arg)
{
    const struct hand *hand = arg;
    struct arena *room = arena_new((size_t)1024 * 1024);
    struct err err = {0};

    for (unsigned i = 0; i < hand->count; i++) {
        if (sign(hand->journal, room, hand->first + i, &err) != RC_OK)
            abort();
        arena_reset(room);
    }
    arena_free(&room);
    return NULL;
}

/* At least so many orders; several threads, since those that wait together share one sync. */
static void sign_many(unsigned first, unsigned count)
{
    struct journal *journal = open_journal();
    struct hand hands[HANDS];
    pthread_t threads[HANDS];
    unsigned each = count / HANDS + 1;

    for (unsigned i = 0; i < HANDS; i++) {
        hands[i] = (struct hand){journal, first + i * each, each};
        assert_int_equal(pthread_create(&threads[i], NULL, sign_some, &hands[i]), 0);
    }
    for (unsigned i = 0; i < HANDS; i++)
        pthread_join(threads[i], NULL);
    journal_close(&journal);
}

/* Sequence number of the last record before the line a byte stands in. */
static uint64_t record_before(const char *path, off_t at)
{
    char text[2 * RECORD_MAX_BYTES + 1] = "";
    off_t from = at > 2 * (off_t)RECORD_MAX_BYTES ? at - 2 * (off_t)RECORD_MAX_BYTES : 0;
    int fd = open(path, O_RDONLY);
    char *line;

    assert_true(pread(fd, text, (size_t)(at - from), from) == at - from);
    close(fd);
    line = strrchr(text, '\n');
    assert_non_null(line);
    *line = '\0';
    line = strrchr(text, '\n');
    return strtoull(line ? line + 1 : text, NULL, 10);
}

/* The verifier's answer to one wrong byte: REJECT, naming the last record that is in order. */
static void verifier_finds(const char *path, off_t at)
{
    struct verify_result result;
    struct err err = {0};

    assert_int_equal(verify_journal(folder, &err, &result), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__MALFORMED);
    assert_non_null(strstr(err.detail, arena_printf(arena, "(after record %llu)",
                                                    (unsigned long long)record_before(path, at))));
    assert_non_null(strstr(err.detail, "byte "));
}

/* Damage before the checkpoint is found by the verifier, never by a start: a start reads the tail
 * only, so that it does not grow. A table of the index is full after some 2,000 orders, and a clean
 * stop waits until it is written. */
static void start_reads_the_tail_only(void **state)
{
    const char *first = arena_printf(arena, "%s/journal-000001.log", folder);
    struct journal *journal;
    struct err err = {0};

    (void)state;
    empty_folder();
    sign_many(2000000000u, INDEX_TABLE_ENTRIES / 4 + 100);
    in_order();
    flip(first, 3000);
    verifier_finds(first, 3000);
    journal = open_journal();
    journal_close(&journal);
    verifier_finds(first, 3000);
    assert_int_equal(unlink(arena_printf(arena, "%s/index", folder)), 0);
    assert_int_equal(cannot_open(&err), RC_FATAL); /* whoever reads it all again sees it */
    assert_non_null(strstr(err.detail, "damaged"));
    flip(first, 3000);
    journal = open_journal();
    journal_close(&journal);
    in_order();
}

static void the_index_can_be_made_anew(void **state)
{
    struct journal_config config = {folder, SEGMENT_BYTES, true};
    struct journal *journal = NULL;
    struct journal_order order;
    struct err err = {0};

    (void)state;
    assert_int_equal(journal_open(&config, 1, &err, &journal), RC_OK);
    assert_int_equal(journal_find(journal, "order-2000000003", arena, &err, &order), RC_OK);
    assert_true(bytes_equal(order.signature, signature_of(arena, 2000000003u)));
    journal_close(&journal);
    expect_answer(2000000003u);
}

/* Behind the checkpoint (here: no table was ever full, so everything) a start reads every byte; a
 * wrong one in a file that is not the last is no crash's work. */
static void damage_in_the_tail_stops_the_start(void **state)
{
    const char *last, *before_last;
    struct err err = {0};
    unsigned number;
    off_t at;

    (void)state;
    empty_folder();
    sign_many(3000000000u, 400);
    last = last_file();
    number = (unsigned)strtoul(strrchr(last, '-') + 1, NULL, 10);
    assert_true(number > 2);
    before_last = arena_printf(arena, "%s/journal-%06u.log", folder, number - 1);
    at = size_of(before_last) - 500;
    flip(before_last, at);
    assert_int_equal(cannot_open(&err), RC_FATAL);
    assert_non_null(strstr(err.detail, arena_printf(arena, "file %u is damaged", number - 1)));
    verifier_finds(before_last, at);
    flip(before_last, at);
    in_order();
    expect_cut_is_seen(last, 0); /* whole lines gone, a file empty */
    assert_int_equal(unlink(last), 0);
    assert_int_equal(cannot_open(&err), RC_FATAL);
    assert_non_null(strstr(err.detail, "was acknowledged"));
    assert_int_equal(verify_accept_main(folder), 0); /* an operator who has no copy */
    in_order();
    journal_close(&(struct journal *){open_journal()});
}

/* In the last file a torn end is cut; but not from where a later record proves that the place was
 * durable, or a signature that was given would be forgotten. Every byte of the last orders; behind
 * the very last answer the head alone knows. */
static void damage_in_what_was_synced_is_not_cut(void **state)
{
    const char *last;
    struct journal *journal;
    struct err err = {0};
    off_t size, end;

    (void)state;
    empty_folder();
    sign_many(4000000000u, 16);
    journal = open_journal(); /* its `open` proves that the last answer was there */
    journal_close(&journal);
    last = last_file();
    size = size_of(last);
    end = size - 120; /* the `open` itself, the only record that no other vouches for */
    for (off_t at = 200; at < size; at += 37) {
        flip(last, at);
        if (cannot_open(&err) != RC_FATAL ||
            !(strstr(err.detail, "no crash did it") ||
              (at >= end && strstr(err.detail, "was acknowledged"))))
            fail_msg("byte %ld of %ld: %s", (long)at, (long)size, err.detail);
        verifier_finds(last, at);
        flip(last, at);
    }
    assert_true(size_of(last) == size);
    expect_answer(4000000015u);
}

static void full_disk_is_fatal(void **state)
{
    struct rlimit before, small;
    struct journal *journal;
    struct journal_order order;
    struct err err = {0};
    enum rc rc = RC_OK;

    (void)state;
    empty_folder();
    journal = open_journal();
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 20000;
    setrlimit(RLIMIT_FSIZE, &small);
    for (unsigned i = 0; rc == RC_OK && i < 1000; i++)
        rc = sign(journal, arena, i, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(rc, RC_FATAL);
    assert_int_equal(err.code, TRIEN__ERROR__JOURNAL_UNWRITABLE);
    assert_int_equal(sign(journal, arena, 9999, &err), RC_FATAL); /* and it stays so */
    assert_int_equal(journal_find(journal, "order-0", arena, &err, &order), RC_FATAL);
    journal_close(&journal);
    journal = open_journal(); /* with room again: the torn end is cut, the rest is there */
    assert_int_equal(journal_find(journal, "order-0", arena, &err, &order), RC_OK);
    assert_true(bytes_equal(order.signature, signature_of(arena, 0)));
    journal_close(&journal);
    in_order();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_stay),
        cmocka_unit_test(conflicts_are_refused),
        cmocka_unit_test(one_ground_serves_one_order),
        cmocka_unit_test(one_process_at_a_time),
        cmocka_unit_test(torn_tails_are_cut),
        cmocka_unit_test(what_was_acknowledged_cannot_be_cut),
        cmocka_unit_test(the_head),
        cmocka_unit_test(released_answers_survive_kills),
        cmocka_unit_test(start_reads_the_tail_only),
        cmocka_unit_test(the_index_can_be_made_anew),
        cmocka_unit_test(damage_in_the_tail_stops_the_start),
        cmocka_unit_test(damage_in_what_was_synced_is_not_cut),
        cmocka_unit_test(full_disk_is_fatal),
    };

    return cmocka_run_group_tests_name("journal", tests, up, down);
}
