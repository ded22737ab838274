/* What the peers of bus-hop share: libpq in pipeline mode, as our own writers use it. */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

/** Connects or ends the program. */
PGconn *peer_connect(const char *conninfo);
/** Runs one command, ends the program when it fails; the caller clears the result. */
PGresult *peer_run(PGconn *conn, const char *sql, int count, const char *const *values,
                   const int *lengths, const int *formats);
void peer_prepare(PGconn *conn, const char *name, const char *sql, int count);
/** Queues a prepared statement in pipeline mode. */
void peer_queue(PGconn *conn, const char *name, int count, const char *const *values,
                const int *lengths, const int *formats);
/** Syncs the pipeline and takes all answers; ends the program when one failed. */
void peer_sync(PGconn *conn);
int64_t peer_now_us(void);

/** The relay of an outbox: begins a transaction and takes up to 256 events (number, payload) out;
 * the caller clears the result and ends with peer_outbox_end() once a broker has them. */
PGresult *peer_outbox_begin(PGconn *conn);
void peer_outbox_end(PGconn *conn, bool took_any);
void peer_pause_ms(int ms);

/* Rows of (number, payload) on their way into hop_taken: text arrays for unnest. */
struct peer_rows {
    char *numbers, *digests;
    size_t number_length, digest_length, room, count;
};
void peer_rows_add(struct peer_rows *rows, int64_t number, const char *payload, size_t length);
/** Writes them in one transaction (BEGIN … COMMIT in one round trip) and forgets them; `also` is
 * one more statement of the transaction, or NULL. */
void peer_rows_write(PGconn *conn, struct peer_rows *rows, const char *also);
