/* Shared by the peers of bus-hop. Ends the program at the first failure: a benchmark that stumbles
 * has no figure. */
#include "tests/bench/bus_hop/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void die(PGconn *conn, const char *what)
{
    fprintf(stderr, "%s: %s\n", what, PQerrorMessage(conn));
    exit(1);
}

PGconn *peer_connect(const char *conninfo)
{
    PGconn *conn = PQconnectdb(conninfo);

    if (PQstatus(conn) != CONNECTION_OK)
        die(conn, conninfo);
    return conn;
}

static void check(PGconn *conn, const PGresult *result, const char *what)
{
    ExecStatusType status = PQresultStatus(result);

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_PIPELINE_SYNC)
        die(conn, what);
}

PGresult *peer_run(PGconn *conn, const char *sql, int count, const char *const *values,
                   const int *lengths, const int *formats)
{
    PGresult *result = PQexecParams(conn, sql, count, NULL, values, lengths, formats, 1);

    check(conn, result, sql);
    return result;
}

void peer_prepare(PGconn *conn, const char *name, const char *sql, int count)
{
    PGresult *result = PQprepare(conn, name, sql, count, NULL);

    check(conn, result, sql);
    PQclear(result);
}

void peer_queue(PGconn *conn, const char *name, int count, const char *const *values,
                const int *lengths, const int *formats)
{
    if (!PQsendQueryPrepared(conn, name, count, values, lengths, formats, 1))
        die(conn, name);
}

void peer_sync(PGconn *conn)
{
    PGresult *result;
    bool synced = false;

    if (!PQpipelineSync(conn))
        die(conn, "sync");
    while (!synced) {
        if (PQstatus(conn) != CONNECTION_OK)
            die(conn, "connection");
        while ((result = PQgetResult(conn))) {
            check(conn, result, "pipeline");
            synced |= PQresultStatus(result) == PGRES_PIPELINE_SYNC;
            PQclear(result);
            if (synced)
                break;
        }
    }
}

int64_t peer_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

PGresult *peer_outbox_begin(PGconn *conn)
{
    PQclear(peer_run(conn, "BEGIN", 0, NULL, NULL, NULL));
    return peer_run(conn,
                    "DELETE FROM relay_outbox WHERE id IN (SELECT id FROM relay_outbox ORDER BY id "
                    "LIMIT 256 FOR UPDATE SKIP LOCKED) RETURNING number::text, payload",
                    0, NULL, NULL, NULL);
}

void peer_outbox_end(PGconn *conn, bool took_any)
{
    PQclear(peer_run(conn, took_any ? "COMMIT" : "ROLLBACK", 0, NULL, NULL, NULL));
}

void peer_pause_ms(int ms)
{
    nanosleep(&(struct timespec){0, ms * 1000000L}, NULL);
}

void peer_rows_add(struct peer_rows *rows, int64_t number, const char *payload, size_t length)
{
    size_t take = length < 100 ? length : 100;

    if (rows->room < (rows->count + 2) * 256) {
        rows->room = rows->room ? rows->room * 2 : 65536;
        rows->numbers = realloc(rows->numbers, rows->room);
        rows->digests = realloc(rows->digests, rows->room);
    }
    rows->number_length += (size_t)sprintf(rows->numbers + rows->number_length, "%c%lld",
                                           rows->count ? ',' : '{', (long long)number);
    rows->digest_length +=
        (size_t)sprintf(rows->digests + rows->digest_length, "%c\"\\\\x", rows->count ? ',' : '{');
    for (size_t i = 0; i < take; i++)
        rows->digest_length +=
            (size_t)sprintf(rows->digests + rows->digest_length, "%02x", (unsigned char)payload[i]);
    rows->digests[rows->digest_length++] = '"';
    rows->count++;
}

void peer_rows_write(PGconn *conn, struct peer_rows *rows, const char *also)
{
    static const char *prepared; /* one consumer a program */
    const char *values[2] = {rows->numbers, rows->digests};

    memcpy(rows->numbers + rows->number_length, "}", 2);
    memcpy(rows->digests + rows->digest_length, "}", 2);
    if (!prepared) {
        peer_prepare(conn, "begin", "BEGIN", 0);
        peer_prepare(conn, "commit", "COMMIT", 0);
        peer_prepare(conn, "take",
                     "INSERT INTO hop_taken (number, digest) SELECT * FROM unnest($1::int8[], "
                     "$2::bytea[])",
                     2);
        prepared = "take";
    }
    PQenterPipelineMode(conn);
    peer_queue(conn, "begin", 0, NULL, NULL, NULL);
    if (rows->count)
        peer_queue(conn, "take", 2, values, NULL, NULL);
    if (also && !PQsendQueryParams(conn, also, 0, NULL, NULL, NULL, NULL, 0))
        die(conn, also);
    peer_queue(conn, "commit", 0, NULL, NULL, NULL);
    peer_sync(conn);
    PQexitPipelineMode(conn);
    rows->count = rows->number_length = rows->digest_length = 0;
}
