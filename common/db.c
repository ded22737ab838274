/* The connection: opening with our session settings, errors, liveness, cancelling. The database's
 * users, tables and settings belong to the migrations; nothing is created here. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/db_internal.h"
#include "common/log.h"
#include "common/secret.h"

/* No statement may hold a lock for ever, no dead client a transaction. Plans do not depend on what
 * the tables held when they were made (docs/decisions/0012): every statement of ours looks up by an
 * index, is planned once, and prunes partitions as it runs. */
#define SESSION                                                                                    \
    "-c statement_timeout=30000 -c lock_timeout=10000 "                                            \
    "-c idle_in_transaction_session_timeout=60000 -c TimeZone=UTC -c jit=off "                     \
    "-c plan_cache_mode=force_generic_plan "                                                       \
    "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"

#define MAX_CLOCKS_APART (600 * USEC_PER_SECOND)

void db_misuse(const char *statement, const char *what, size_t at)
{
    log_event(LOG_ERROR, "statement_misused", LOG_TEXT("statement", statement),
              LOG_TEXT("what", what), LOG_INT("at", at));
    log_release();
    abort();
}

/* --- errors --------------------------------------------------------------------------------------
 */

struct state_class {
    const char *prefix; /* of the SQLSTATE */
    Trien__Error code;
};
static const struct state_class classes[] = {
    {"08", TRIEN__ERROR__DATABASE_UNAVAILABLE},    /* connection */
    {"53", TRIEN__ERROR__DATABASE_UNAVAILABLE},    /* resources */
    {"57", TRIEN__ERROR__DATABASE_UNAVAILABLE},    /* operator: shutdown, statement timeout */
    {"25P03", TRIEN__ERROR__DATABASE_UNAVAILABLE}, /* idle in transaction too long */
    {"40", TRIEN__ERROR__DATABASE_CONFLICT},       /* serialisation, deadlock */
    {"55P03", TRIEN__ERROR__DATABASE_CONFLICT},    /* lock timeout */
    {"42", TRIEN__ERROR__SCHEMA_MISMATCH},         /* no such table, column, type, right */
};

/* SQL of ours raises ERRCODE 'T' and a number of the registry: 'T1010' is LEASE_LOST. */
static Trien__Error code_of(const char *state)
{
    if (strlen(state) == 5 && state[0] == 'T' && strspn(state + 1, "0123456789") == 4)
        return (Trien__Error)strtol(state + 1, NULL, 10);
    for (size_t i = 0; i < COUNT_OF(classes); i++)
        if (!strncmp(state, classes[i].prefix, strlen(classes[i].prefix)))
            return classes[i].code;
    return TRIEN__ERROR__INTERNAL;
}

enum rc db_error(struct db *db, const char *statement, const PGresult *result, struct err *err)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *text = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    Trien__Error code = state         ? code_of(state)
                        : db_lost(db) ? TRIEN__ERROR__DATABASE_UNAVAILABLE
                                      : TRIEN__ERROR__INTERNAL;

    if (state)
        err_native(err, "sqlstate %s", state);
    if (!text)
        text = db->conn ? PQerrorMessage(db->conn) : "no connection";
    FAIL(err, code, "statement %s: %.*s", statement, (int)strcspn(text, "\n"), text);
}

/* --- opening -------------------------------------------------------------------------------------
 */

static void ignore_notice(void *arg, const char *text)
{
    (void)arg;
    (void)text;
}

static PGconn *connect_now(const struct db_conf *conf, const char *application,
                           const char *password)
{
    char port[8];
    const char *const pairs[][2] = {
        {"host", conf->host},
        {"port", port},
        {"dbname", conf->name},
        {"user", conf->user},
        {"password", password},
        {"application_name", application},
        {"client_encoding", "UTF8"},
        {"options", SESSION},
        {"sslmode", conf->sslmode && *conf->sslmode ? conf->sslmode : NULL},
        {"sslrootcert", conf->sslrootcert && *conf->sslrootcert ? conf->sslrootcert : NULL},
        {"gssencmode", "disable"},
        {"target_session_attrs", "read-write"},
        {"connect_timeout", "5"},
        {"keepalives_idle", "10"},
        {"keepalives_interval", "5"},
        {"keepalives_count", "3"},
        {"tcp_user_timeout", "20000"},
        {NULL, NULL},
    };
    const char *keys[COUNT_OF(pairs)], *values[COUNT_OF(pairs)];

    snprintf(port, sizeof(port), "%d", (int)conf->port);
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        keys[i] = pairs[i][0];
        values[i] = pairs[i][1];
    }
    return PQconnectdbParams(keys, values, 0);
}

/* An event must be on disk before the feed may show it: a role whose commits do not wait is
 * refused. */
static enum rc check_commits(const char *synchronous_commit, struct err *err)
{
    CHECK(strcmp(synchronous_commit, "off") != 0 && strcmp(synchronous_commit, "local") != 0, err,
          TRIEN__ERROR__CONFIG_INVALID,
          "the database role has synchronous_commit = %s: events could be lost",
          synchronous_commit);
    return RC_OK;
}

/* Two clocks that say the same are hardly both wrong: with one that is off nothing is written. */
static enum rc check_clocks(usec servers, struct err *err)
{
    usec ahead = clock_now() - servers;

    CHECK(ahead < MAX_CLOCKS_APART && ahead > -MAX_CLOCKS_APART, err,
          TRIEN__ERROR__DATABASE_UNAVAILABLE,
          "this host's clock is %lld seconds %s that of the database: set the wrong one right",
          (long long)(llabs(ahead) / USEC_PER_SECOND), ahead > 0 ? "ahead of" : "behind");
    return RC_OK;
}

static enum rc check_session(struct db *db, struct err *err)
{
    PGresult *result = PQexec(
        db->conn, "SELECT current_setting('synchronous_commit'),"
                  "       (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::int8, oid,"
                  "       (extract(epoch FROM clock_timestamp()) * 1000000)::int8"
                  "  FROM pg_database WHERE datname = current_database()");
    enum rc rc;

    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1) {
        rc = db_error(db, "settings of the session", result, err);
    } else {
        db->log.server_started = strtoll(PQgetvalue(result, 0, 1), NULL, 10);
        db->log.database = strtoll(PQgetvalue(result, 0, 2), NULL, 10);
        rc = check_commits(PQgetvalue(result, 0, 0), err);
        if (rc == RC_OK)
            rc = check_clocks(strtoll(PQgetvalue(result, 0, 3), NULL, 10), err);
    }
    PQclear(result);
    return rc;
}

static enum rc open_session(struct db *db, struct err *err)
{
    CHECK(PQstatus(db->conn) == CONNECTION_OK, err, TRIEN__ERROR__DATABASE_UNAVAILABLE, "%.*s",
          (int)strcspn(PQerrorMessage(db->conn), "\n"), PQerrorMessage(db->conn));
    PQsetNoticeProcessor(db->conn, ignore_notice, NULL);
    TRY(check_session(db, err));
    CHECK(PQenterPipelineMode(db->conn), err, TRIEN__ERROR__INTERNAL, "no pipeline mode");
    return db_prepare_own(db, err);
}

enum rc db_open(const struct db_conf *conf, const char *application, struct err *err,
                struct db **ret_db)
{
    struct secret *password = NULL;
    struct db *db;
    enum rc rc;

    if (conf->password_file && *conf->password_file)
        TRY(secret_load(conf->password_file, err, &password));
    db = calloc(1, sizeof(*db));
    if (!db)
        abort();
    db->conn = connect_now(conf, application, password ? secret_text(password) : NULL);
    secret_free(&password);
    rc = open_session(db, err);
    if (rc != RC_OK)
        db_close(&db);
    else
        *ret_db = db;
    return rc;
}

void db_close(struct db **db)
{
    if (!*db)
        return;
    PQfinish((*db)->conn);
    free(*db);
    *db = NULL;
}

bool db_alive(const struct db *db)
{
    struct pollfd fd = {.fd = db_socket(db), .events = POLLIN};

    if (db_lost(db))
        return false;
    /* Nothing is expected on an idle connection: what came is the server's farewell, or a changed
     * setting, and a new connection is right for both. */
    return db->count > 0 || poll(&fd, 1, 0) == 0;
}

int db_socket(const struct db *db)
{
    return db->conn ? PQsocket(db->conn) : -1;
}

struct db_log db_log(const struct db *db)
{
    return db->log;
}

void db_cancel(struct db *db)
{
    PGcancel *cancel = db->conn ? PQgetCancel(db->conn) : NULL;
    char why[256];

    if (!cancel)
        return;
    PQcancel(cancel, why, sizeof(why));
    PQfreeCancel(cancel);
}
