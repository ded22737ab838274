/* Consuming, among its files. A lane is one thread with one database connection and one DEALER per
 * feed it reads. The lanes of all replicas of a service share the 64 partitions by leases; whoever
 * holds a partition applies its events from every feed, retries its dead letters and does its
 * effects. Frame only.
 *
 *   lane.c         the thread's loop, start, stop, health
 *   lane_lease.c   leases: join, share, take over, give back; cursors loaded with them
 *   lane_fetch.c   FETCH out, EVENTS in, nothing believed unchecked
 *   lane_batch.c   a batch in one transaction; one by one when that fails
 *   lane_heard.c   how long ago each partition was followed to its end, for services that ask
 *   lane_event.c   one event of a batch, and what is told about it afterwards
 *   lane_letter.c  events that cannot be applied: parked, dead, behind
 *   lane_retry.c   letters tried again
 *   lane_effect.c  intents handed to the effect threads
 *   lane_end.c     their results committed
 *   effect.c       the effect threads
 *   timer.c        work at intervals, and the log's own maintenance */
#pragma once

#include "common/bus_peer.h"
#include "common/bus_wire.h"
#include "common/svc_internal.h"

#define LANE_MAX_FEEDS 12
#define LANE_NEVER INT64_MAX

/* Where this group stands in one partition of a feed. */
struct cursor {
    int64_t next;  /* committed: the next offset to apply */
    int64_t asked; /* the next offset to ask for: beyond `next` while a batch is being applied */
    int64_t head;  /* of the publisher, as last heard */
    uint8_t last_id[16], asked_id[16];
    int32_t attempts;   /* begun without an end: the process died while it worked at this place */
    bool fresh;         /* nothing applied since the lease was taken */
    usec stopped_until; /* diverged: not asked before; 0: goes on */
    usec heard_at;      /* wall clock: all that the publisher had then is applied */
};

struct lane_feed {
    const char *name;
    struct link *link;
    uint64_t fetch_id;
    bool asked;        /* a fetch is out */
    usec ask_at;       /* not before; after an error, or while events wait for company */
    usec answered_at;  /* when the last answer came */
    usec tell_at;      /* the publisher hears of our last commit even if nothing else comes */
    usec answer_by;    /* the publisher has gone silent after that */
    usec missed_since; /* no connection since then; 0: there is one */
    uint64_t retried;  /* partitions that stood still and are in the fetch that is out */
    uint64_t heard;    /* partitions followed to their end since they were leased */
    unsigned failures;
    unsigned guarded; /* batches to go with a savepoint per event */
    struct cursor cursors[BUS_PARTITIONS];
};

/* A key with open letters. Lives in a bucket by the hash of the key's partition part. */
struct blocked {
    struct blocked *next;
    const struct lane_feed *feed;
    unsigned partition;
    uint64_t stem;
    usec due; /* monotonic; LANE_NEVER: people decide */
    unsigned attempts;
    bool loaded; /* from the table: count before trying, it may have killed the process */
    char key[];
};

#define LANE_BUCKETS 1024
struct letters {
    struct blocked *buckets[LANE_BUCKETS];
    size_t count;
    usec due; /* the earliest; monotonic */
};

/* One intent on its way through a thread and back. */
struct effect_job {
    struct effect_job *next, *bucket;
    struct lane *lane;
    const struct on_effect *row;
    char *key, *traceparent;
    unsigned partition;
    struct bytes intent; /* owned, like key, traceparent and result */
    unsigned attempt;    /* 1 for the first */
    int32_t counted;     /* attempts as the table has them while we work */
    usec started;
    enum rc rc;
    struct err err;
    struct bytes result;
    bool has_result;
};

#define EFFECT_BUCKETS 512
struct lane_effects {
    struct effect_job *flying[EFFECT_BUCKETS];
    atomic_size_t count;
    bool crowded;
    uint8_t busy[BUS_PARTITIONS]; /* flying jobs a partition has, at most 255 are counted */
    usec due;                     /* monotonic: look into the table */
    /* From other threads. */
    pthread_mutex_t lock;
    struct effect_job *fresh, **fresh_last; /* committed just now */
    struct effect_job *done, **done_last;
    size_t ended;  /* in `done` */
    usec end_due;  /* monotonic: their ends are committed then */
    usec ended_at; /* monotonic: the last act that ended, or began the rush */
};

struct lane {
    struct svc *svc;
    unsigned number;
    pthread_t thread;
    struct tx *tx;
    int wake_fd;
    struct identity *identity;
    struct lane_feed feeds[LANE_MAX_FEEDS];
    size_t feed_count;
    struct arena *arena; /* of the batch that is being applied */
    _Atomic uint64_t held;
    usec lease_due, table_due, hung_due;
    bool joined;
    struct letters letters;
    struct lane_effects effects;
    atomic_llong lag;
    atomic_int stopped; /* partitions of feeds that diverged */
};

struct effect_pool;

struct lanes {
    struct svc *svc;
    struct lane *lane;
    size_t count;
    struct effect_pool *pool;
    struct timers *timers;
    atomic_bool stopping;
};

static inline bool lane_holds(const struct lane *lane, unsigned partition)
{
    return atomic_load_explicit(&lane->held, memory_order_relaxed) >> partition & 1;
}

/** Wakes the lane's thread. From any thread. */
void lane_wake(struct lane *lane);

/* --- lane_lease.c */

/** Shares the partitions anew: gives, takes, loads what belongs to them. Any failure means that the
 *  connection is looked at again. */
MUST_USE enum rc lease_turn(struct lane *lane);
/** The connection is gone, and with it every lease. */
void lease_forget(struct lane *lane);
/** Reads the cursors of these partitions anew. */
MUST_USE enum rc lease_load_cursors(struct lane *lane, uint64_t partitions);

/* --- lane_fetch.c */

MUST_USE enum rc fetch_open(struct lane *lane, struct err *err);
void fetch_close(struct lane *lane);
/** Connections looked after, fetches sent where none is out. */
void fetch_turn(struct lane *lane, usec now);
/** Applies what has come. */
void fetch_receive(struct lane *lane);
/** What was asked does not count any more: ask anew from the committed cursors. */
void fetch_again(struct lane_feed *feed);
/** Sends a fetch from where the last answer ended (prefetch) or from the cursors. */
void fetch_send(struct lane *lane, struct lane_feed *feed, usec now);
usec fetch_due(struct lane *lane);

/* --- lane_batch.c */

/** Applies events (dense after the cursors, checked by the caller). RC_OK when all of them are
 *  behind the cursors now, applied or as letters. */
MUST_USE enum rc batch_apply(struct lane *lane, struct lane_feed *feed, Trien__Event **events,
                             size_t count);
/** The service's row for a type of a feed, or NULL. */
const struct on_event *batch_row(const struct lane *lane, const char *feed, const char *type);
/** A failure that says something about the world, not about the event. */
bool batch_is_outage(const struct err *err);

/* --- lane_letter.c */

void letters_forget(struct letters *letters, uint64_t partitions);
MUST_USE enum rc letters_load(struct lane *lane, uint64_t partitions);
bool letters_block(const struct letters *letters, const struct lane_feed *feed, const char *key);
/** Queues the insert of a letter into the running transaction: 'behind' for a NULL error, else
 *  parked or dead by what the error says. */
MUST_USE enum rc letters_add(struct lane *lane, const struct lane_feed *feed,
                             const Trien__Event *event, const struct err *why);
/** After the commit: the key is blocked from now on. */
void letters_note(struct lane *lane, const struct lane_feed *feed, const Trien__Event *event,
                  const struct err *why);
/** Something happened to this key's family: parked events of it are tried at once. */
void letters_key_moved(struct lane *lane, const char *key);
/** Tries what is due. */
void letters_turn(struct lane *lane, usec now);
/** Looks into the table for letters that operators or successors made due. */
MUST_USE enum rc letters_look(struct lane *lane);

/* --- lane_heard.c */

/** An answer was applied: partitions without anything left are followed to their end. */
void heard_note(const struct lane *lane, struct lane_feed *feed, usec wall);
/** How long a fetch may wait at the publisher: shortly while some partition was not yet followed to
 *  its end and the service wants to know. */
uint32_t heard_wait_ms(const struct lane *lane, struct lane_feed *feed);
/** Writes what was noted into consumer_cursor.heard_at, for services that want it. */
MUST_USE enum rc heard_turn(struct lane *lane);

/* --- lane_effect.c */

void effects_init(struct lane_effects *effects);
/** Takes fresh intents, results, and due ones from the table. */
MUST_USE enum rc effects_turn(struct lane *lane, usec now);
/** The table is looked at in the next turn. */
void effects_look_now(struct lane *lane);
/** The job is in the air no more. */
void effects_land(struct lane_effects *effects, struct effect_job *job);
/** There is enough to do: events wait in the log, which is a cheaper queue than the table. Not
 * while nothing ends: whoever is stuck outside does not stop the rest. */
bool effects_crowded(struct lane_effects *effects, usec now);
/** By an effect thread: the act has ended. */
void effects_done(struct effect_job *job);

/* --- lane_end.c */

#define EFFECT_ENDS_A_TURN 64
/** When the ends are to be committed, monotonic; LANE_NEVER while there is none. */
usec effects_end_due(struct lane_effects *effects);
/** Takes jobs whose act has ended, as many as go into one transaction. */
size_t effects_take_ends(struct lane_effects *effects, struct effect_job **jobs);
/** Commits their ends; on failure those that are left are put back. */
MUST_USE enum rc effects_end(struct lane *lane, struct effect_job **jobs, size_t count);

/* --- effect.c */

MUST_USE enum rc pool_start(struct svc *svc, struct err *err, struct effect_pool **ret_pool);
/** Lets the acts that run end; drops those that wait (they stand in the table). */
void pool_stop(struct effect_pool **pool);
void pool_put(struct effect_pool *pool, struct effect_job *job);
void job_done_free(struct effect_job *job);

/* --- timer.c */

struct timers;
struct timers *timers_start(struct svc *svc);
void timers_stop(struct timers **timers);
