/* PgQ: events in its rotated tables, batches between ticks. A thread ticks every 10 ms, as fast as
 * is sensible.
 *
 *     hop-peer-pgq CONNINFO TARGET_CONNINFO TIMES
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/bus_hop/peer.h"

#define TICK_MS 10

static const char *source;

static void *ticker(void *unused)
{
    PGconn *conn = peer_connect(source);

    (void)unused;
    for (;;) {
        PQclear(peer_run(conn, "SELECT pgq.ticker('hop')", 0, NULL, NULL, NULL));
        nanosleep(&(struct timespec){0, TICK_MS * 1000000L}, NULL);
    }
    return NULL;
}

static void take_batch(PGconn *from, PGconn *to, const char *batch, bool times)
{
    static struct peer_rows rows;
    const char *values[] = {batch};
    PGresult *events = peer_run(from, "SELECT ev_type, ev_data FROM pgq.get_batch_events($1::int8)",
                                1, values, NULL, NULL);
    int n = PQntuples(events);

    for (int i = 0; i < n; i++)
        peer_rows_add(&rows, atoll(PQgetvalue(events, i, 0)), PQgetvalue(events, i, 1),
                      (size_t)PQgetlength(events, i, 1));
    if (n)
        peer_rows_write(to, &rows, NULL);
    for (int i = 0; times && i < n; i++)
        printf("%s %lld\n", PQgetvalue(events, i, 0), (long long)peer_now_us());
    if (times)
        fflush(stdout);
    PQclear(events);
    PQclear(peer_run(from, "SELECT pgq.finish_batch($1::int8)", 1, values, NULL, NULL));
}

int main(int argc, char **argv)
{
    PGconn *from, *to;
    pthread_t thread;

    if (argc != 4)
        return 64;
    source = argv[1];
    from = peer_connect(argv[1]);
    to = peer_connect(argv[2]);
    pthread_create(&thread, NULL, ticker, NULL);
    for (;;) {
        PGresult *next =
            peer_run(from, "SELECT pgq.next_batch('hop', 'beta')::text", 0, NULL, NULL, NULL);

        if (PQgetisnull(next, 0, 0))
            nanosleep(&(struct timespec){0, 1000000L}, NULL);
        else
            take_batch(from, to, PQgetvalue(next, 0, 0), !strcmp(argv[3], "1"));
        PQclear(next);
    }
}
