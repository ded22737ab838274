/* Writers of the peers: a business row and an event in each commit, one round trip, as ours.
 *
 *     hop-peer-writer outbox|pgq CONNINFO WRITERS COMMITS BYTES RATE TIMES_FILE
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

#include "tests/bench/bus_hop/peer.h"

static struct {
    bool pgq;
    const char *conninfo;
    int64_t commits, bytes, rate, writers;
    int64_t *times;
    _Atomic int64_t next, started;
    pthread_barrier_t connected;
} run;

static const char note[] = "a business row of about one hundred bytes, as a service would have "
                           "written beside its event";

static void commit_one(PGconn *conn, int64_t commit, char *payload)
{
    char number[32];
    const char *order[] = {number, note}, *event[] = {number, payload};
    const int lengths[] = {0, (int)run.bytes}, formats[] = {0, 1};

    snprintf(number, sizeof(number), "%lld", (long long)commit);
    peer_queue(conn, "begin", 0, NULL, NULL, NULL);
    peer_queue(conn, "order", 2, order, NULL, NULL);
    if (run.pgq) {
        const char *texts[] = {number, payload};
        peer_queue(conn, "event", 2, texts, NULL, NULL);
    } else {
        peer_queue(conn, "event", 2, event, lengths, formats);
    }
    peer_queue(conn, "commit", 0, NULL, NULL, NULL);
    peer_sync(conn);
}

/* Connected and prepared, as a running service is: time counts from when all writers are. */
static PGconn *start_together(void)
{
    PGconn *conn = peer_connect(run.conninfo);
    int64_t none = 0;

    peer_prepare(conn, "begin", "BEGIN", 0);
    peer_prepare(conn, "commit", "COMMIT", 0);
    peer_prepare(conn, "order", "INSERT INTO hop_order (number, note) VALUES ($1::int8, $2)", 2);
    peer_prepare(conn, "event",
                 run.pgq ? "SELECT pgq.insert_event('hop', $1::text, $2::text)"
                         : "INSERT INTO relay_outbox (number, payload) VALUES ($1::int8, $2)",
                 2);
    PQenterPipelineMode(conn);
    pthread_barrier_wait(&run.connected);
    atomic_compare_exchange_strong(&run.started, &none, peer_now_us());
    return conn;
}

static void *writer(void *unused)
{
    PGconn *conn = start_together();
    char *payload = calloc(1, (size_t)run.bytes + 1);
    int64_t commit;

    (void)unused;
    memset(payload, 'x', (size_t)run.bytes);
    while ((commit = atomic_fetch_add(&run.next, 1)) < run.commits * run.writers) {
        if (run.rate) {
            int64_t due = run.started + commit * 1000000 / run.rate, now = peer_now_us();
            if (due > now)
                nanosleep(&(struct timespec){(due - now) / 1000000, (due - now) % 1000000 * 1000},
                          NULL);
        }
        commit_one(conn, commit, payload);
        if (run.times)
            run.times[commit] = peer_now_us();
    }
    PQfinish(conn);
    free(payload);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[64];

    if (argc != 8)
        return 64;
    run.pgq = !strcmp(argv[1], "pgq");
    run.conninfo = argv[2];
    run.writers = atoll(argv[3]);
    run.commits = atoll(argv[4]);
    run.bytes = atoll(argv[5]);
    run.rate = atoll(argv[6]);
    if (*argv[7]) {
        int fd = open(argv[7], O_RDWR | O_CREAT, 0600);
        size_t size = (size_t)(run.commits * run.writers) * sizeof(int64_t);
        if (fd < 0 || ftruncate(fd, (off_t)size))
            return 1;
        run.times = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    pthread_barrier_init(&run.connected, NULL, (unsigned)run.writers);
    for (int64_t i = 0; i < run.writers && i < 64; i++)
        pthread_create(&threads[i], NULL, writer, NULL);
    for (int64_t i = 0; i < run.writers && i < 64; i++)
        pthread_join(threads[i], NULL);
    printf("%lld %lld\n", (long long)run.started, (long long)peer_now_us());
    return 0;
}
