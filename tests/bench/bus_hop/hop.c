/* Both ends of the benchmark bus-hop as services of the frame: "alpha" writes a business row and
 * events in each commit from several threads, "beta" reads them and writes a row for each.
 *
 *     bus-hop alpha|beta --config FILE
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "common/svc_internal.h"
#include "gen/tests/bench/bus_hop/hop.inc"
#include "tests/bench/bus_hop/hop.pb-c.h"

static const ProtobufCMessageDescriptor *const said_only[] = {&trien__hop_said__descriptor, NULL};

static struct {
    Trien__HopGo go;
    struct svc *svc;
    _Atomic int64_t next, written, first_us, last_us;
    pthread_barrier_t connected;
    int64_t *times;
} run_state;

static enum rc write_commit(struct tx *tx, int64_t commit, struct bytes filler)
{
    const char *key = arena_printf(tx->arena, "%lld", (long long)commit);

    TRY(DB_PUSH(
        tx, order_insert, db_int8(commit),
        db_text("a business row of about one hundred bytes, as a service would have written "
                "beside its event")));
    for (uint32_t i = 0; i < run_state.go.per_commit; i++) {
        Trien__HopSaid said = TRIEN__HOP_SAID__INIT;

        said.number = commit * run_state.go.per_commit + i;
        said.filler = (ProtobufCBinaryData){filler.n, (uint8_t *)filler.p};
        TRY(emit(tx, key, &said));
    }
    return tx_commit(tx);
}

/* Spaces the commits of all writers evenly. */
static void keep_rate(int64_t commit, usec started)
{
    usec due, now = clock_monotonic();

    if (!run_state.go.rate)
        return;
    due = started + commit * USEC_PER_SECOND / run_state.go.rate;
    if (due > now)
        nanosleep(&(struct timespec){(due - now) / 1000000, (due - now) % 1000000 * 1000}, NULL);
}

/* A running service has its connections: time counts from when all writers have theirs. */
static usec start_together(struct tx *tx)
{
    int64_t none = 0;

    if (tx_begin(tx, clock_now(), "", "", NULL) != RC_OK) {
        fprintf(stderr, "writer: %s\n", tx->err.detail);
        exit(1);
    }
    tx_reset(tx);
    pthread_barrier_wait(&run_state.connected);
    atomic_compare_exchange_strong(&run_state.first_us, &none, clock_now());
    return clock_monotonic();
}

static void *writer(void *unused)
{
    struct tx *tx = tx_new(run_state.svc, NULL, "writer", (size_t)16 * 1024 * 1024);
    int64_t all = (int64_t)run_state.go.commits * run_state.go.writers, commit;
    uint8_t filler[8192];
    usec started = start_together(tx);

    (void)unused;
    memset(filler, 'x', sizeof(filler));
    while ((commit = atomic_fetch_add(&run_state.next, 1)) < all) {
        keep_rate(commit, started);
        tx_reset(tx);
        if (tx_begin(tx, clock_now(), "", "", said_only) != RC_OK ||
            write_commit(tx, commit, bytes_of(filler, run_state.go.bytes)) != RC_OK) {
            fprintf(stderr, "writer: %s\n", tx->err.detail);
            exit(1);
        }
        for (uint32_t i = 0; run_state.times && i < run_state.go.per_commit; i++)
            run_state.times[commit * run_state.go.per_commit + i] = clock_now();
        atomic_fetch_add(&run_state.written, run_state.go.per_commit);
        atomic_store(&run_state.last_us, clock_now());
    }
    tx_free(&tx);
    return NULL;
}

static void map_times(const char *path)
{
    size_t size = (size_t)run_state.go.commits * run_state.go.writers * run_state.go.per_commit *
                  sizeof(int64_t);
    int fd = *path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;

    run_state.times = NULL;
    if (fd >= 0 && ftruncate(fd, (off_t)size) == 0)
        run_state.times = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static enum rc on_hop_go(struct tx *tx, const void *in, void *reply)
{
    const Trien__HopGo *go = in;

    (void)reply;
    run_state.svc = tx->svc;
    run_state.go = *go;
    atomic_store(&run_state.next, 0);
    atomic_store(&run_state.written, 0);
    map_times(go->times_file);
    atomic_store(&run_state.first_us, 0);
    pthread_barrier_init(&run_state.connected, NULL, go->writers);
    for (uint32_t i = 0; i < go->writers; i++)
        pthread_detach(svc_thread("writer", writer, NULL));
    return RC_OK;
}

static enum rc on_hop_state(struct tx *tx, const void *in, void *reply)
{
    Trien__HopStateReply *out = reply;

    (void)tx;
    (void)in;
    out->written = atomic_load(&run_state.written);
    out->first_us = atomic_load(&run_state.first_us);
    out->last_us = atomic_load(&run_state.last_us);
    return RC_OK;
}

static enum rc on_hop_said(struct tx *tx, const void *in)
{
    const Trien__HopSaid *said = in;

    return DB_ROW(
        tx, taken_insert, 0, db_int8(said->number),
        db_bytea(bytes_of(said->filler.data, said->filler.len < 100 ? said->filler.len : 100)));
}

static const struct on_call calls[] = {
    {.in = &trien__hop_go__descriptor,
     .reply = &trien__hop_go_reply__descriptor,
     .from = "operator",
     .fn = on_hop_go,
     .no_transaction = true},
    {.in = &trien__hop_state__descriptor,
     .reply = &trien__hop_state_reply__descriptor,
     .from = "operator",
     .fn = on_hop_state,
     .no_transaction = true},
    {0},
};
static const struct on_event events[] = {
    {.feed = "alpha", .in = &trien__hop_said__descriptor, .fn = on_hop_said},
    {0},
};
static const char *const readers[] = {"beta", NULL};
static const struct svc_part *const parts[] = {&svc_part_database, NULL};

static const struct service alpha = {.name = "alpha",
                                     .sentence = "Writes, for the benchmark of one hop.",
                                     .number = 0,
                                     .parts = parts,
                                     .statements = hop_statements,
                                     .calls = calls,
                                     .feed_readers = readers};
static const struct service beta = {.name = "beta",
                                    .sentence = "Reads, for the benchmark of one hop.",
                                    .number = 1,
                                    .parts = parts,
                                    .statements = hop_statements,
                                    .events = events};

int main(int argc, char **argv)
{
    if (argc < 2)
        return 64;
    return svc_main(!strcmp(argv[1], "beta") ? &beta : &alpha, argc - 1, argv + 1);
}
