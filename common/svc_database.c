/* The database part of a service: connection settings, connections for every thread, the deep
 * health check; and it puts the transaction's operations and the lanes in place. A service that
 * does not name it links neither libpq nor the outbox. */
#include <stddef.h>

#include "common/log.h"
#include "common/svc_parts.h"

#define AT(member) offsetof(struct svc, database.member)

static const struct conf_row rows[] = {
    {"database/host", CONF_TEXT, AT(db.host), NULL, "Socket folder or host of PostgreSQL.", 0, 0,
     0},
    {"database/port", CONF_INT, AT(db.port), "5432", "Its port.", 1, 65535, 0},
    {"database/name", CONF_TEXT, AT(db.name), "", "Database; default trien_<service>.", 0, 0, 0},
    {"database/user", CONF_TEXT, AT(db.user), "", "Role; default trien_<service>.", 0, 0, 0},
    {"database/password_file", CONF_SECRET, AT(db.password_file), "", "File with its password.", 0,
     0, 0},
    {"database/sslmode", CONF_CHOICE, AT(db.sslmode), "verify-full",
     "TLS to PostgreSQL over TCP; a socket folder needs none.", 0, 0,
     "disable require verify-ca verify-full"},
    {"database/sslrootcert", CONF_FILE, AT(db.sslrootcert), "", "Trust anchor of PostgreSQL's TLS.",
     0, 0, 0},
    {"lanes/threads", CONF_INT, AT(lanes), "1", "Threads that apply events of other services.", 1,
     64, 0},
    {"lanes/batch_events", CONF_INT, AT(batch_events), "256", "Events in one transaction at most.",
     1, 4096, 0},
    {"lanes/batch_bytes", CONF_BYTES, AT(batch_bytes), "4M", "Bytes of events fetched at a time.",
     65536, 4194304, 0},
    {"lanes/max_attempts", CONF_INT, AT(max_attempts), "5",
     "Tries of an event before it becomes a dead letter.", 1, 100, 0},
    {"lanes/rebalance", CONF_MS, AT(rebalance_ms), "300ms",
     "How often replicas share the partitions anew.", 50, 60000, 0},
    {"feed/wait", CONF_MS, AT(fetch_wait_ms), "20s", "How long a fetch waits at the publisher.",
     100, 60000, 0},
    {"feed/poll", CONF_MS, AT(feed_poll_ms), "50ms",
     "Safety look at the outbox while a fetch waits; 3 to 5 ms when replicas publish.", 1, 10000,
     0},
    {"feed/retention", CONF_MS, AT(retention_ms), "0",
     "Events older than this are dropped once every consumer group has them; 0: kept for ever.", 0,
     0, 0},
    {"effects/threads", CONF_INT, AT(effect_threads), "2", "Threads that do effects.", 1, 64, 0},
    {0},
};

/* --- connections ---------------------------------------------------------------------------------
 */

static const struct db_statement ask = {.name = "frame_ask",
                                        .sql = "SELECT pg_is_in_recovery()",
                                        .column_count = 1,
                                        .columns = {DB_BOOL}};

static size_t count_statements(const struct db_statement *statements)
{
    size_t n = 0;

    while (statements && statements[n].name)
        n++;
    return n;
}

static enum rc connect_and_prepare(struct svc *svc, const char *application, struct err *err,
                                   struct db **ret_db)
{
    const struct db_statement *own = svc->service->statements;
    struct db *db = NULL;
    enum rc rc;

    TRY(db_open(&svc->database.db, application, err, &db));
    rc = db_prepare(db, &ask, 1, err);
    if (rc == RC_OK)
        rc = db_prepare(db, frame_statements, count_statements(frame_statements), err);
    if (rc == RC_OK)
        rc = db_prepare(db, own, count_statements(own), err);
    if (rc != RC_OK)
        db_close(&db);
    else
        *ret_db = db;
    return rc;
}

static const struct tx_ops operations = {
    .connect = connect_and_prepare,
    .close = db_close,
    .alive = db_alive,
    .begin = db_begin,
    .flush = outbox_flush,
    .commit = db_commit,
    .rollback = db_rollback,
    .events_added = outbox_events_added,
    .effects_added = lanes_effects_added,
};

/* --- health --------------------------------------------------------------------------------------
 */

/* One connection for all who ask; an answer is good for a second, so that asking costs nothing. */
static struct {
    pthread_mutex_t lock;
    struct tx *tx;
    usec at;
    struct err err;
    bool well;
} probe = {.lock = PTHREAD_MUTEX_INITIALIZER};

static enum rc ask_database(struct svc *svc)
{
    struct tx *tx;

    if (!probe.tx)
        probe.tx = tx_new(svc, NULL, "trien health", (size_t)1024 * 1024);
    tx = probe.tx;
    tx_reset(tx);
    tx->frame->reconnect_at = 0; /* who asks wants to know now */
    TRY(tx_begin(tx, clock_now(), "", "", NULL));
    TRY(db_run(tx, &ask, NULL, 0, NULL));
    return tx_commit(tx);
}

static bool database_health(struct svc *svc, struct arena *arena, const char **ret_json_members)
{
    const char *lanes = NULL;
    bool well;

    pthread_mutex_lock(&probe.lock);
    if (!probe.at || clock_monotonic() - probe.at > USEC_PER_SECOND) {
        probe.well = ask_database(svc) == RC_OK;
        probe.err = probe.tx->err;
        probe.at = clock_monotonic();
        tx_reset(probe.tx);
    }
    well = probe.well;
    *ret_json_members =
        arena_printf(arena, "\"database\":{\"ok\":%s,\"code\":\"%s\"}", well ? "true" : "false",
                     well ? "none" : err_entry(probe.err.code)->name);
    pthread_mutex_unlock(&probe.lock);
    well &= lanes_health(svc, arena, &lanes);
    if (lanes && *lanes)
        *ret_json_members = arena_printf(arena, "%s,%s", *ret_json_members, lanes);
    return well;
}

/* --- the part ------------------------------------------------------------------------------------
 */

static enum rc configure(struct svc *svc, struct err *err)
{
    const char *own = arena_printf(svc->arena, "trien_%s", svc->service->name);
    struct db_conf *conf = &svc->database.db;

    (void)err;
    if (!*conf->name)
        conf->name = own;
    if (!*conf->user)
        conf->user = own;
    svc->tx_ops = &operations;
    svc->feed_ops = &feed_ops_outbox;
    pthread_mutex_init(&svc->fresh.lock, NULL);
    return RC_OK;
}

static enum rc check(struct svc *svc, struct err *err)
{
    struct db *db = NULL;

    TRY(connect_and_prepare(svc, "trien check", err, &db));
    db_close(&db);
    return RC_OK;
}

const struct svc_part svc_part_database = {
    .name = "database",
    .conf_rows = rows,
    .configure = configure,
    .check = check,
    .start = lanes_start,
    .stop = lanes_stop,
    .health = database_health,
};
