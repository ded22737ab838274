/* Answering fetches, among its files: feed.c is the thread and its waiting fetches, feed_answer.c
 * builds EVENTS, feed_check.c who may read and whether histories agree, feed_groups.c how far each
 * group has come. Frame only. */
#pragma once

#include "common/bus_server.h"
#include "common/outbox.h"

#define FEED_MAX_SESSIONS 512
#define FEED_MAX_GROUPS 64

/* One connection of a consumer, with the one fetch that may wait on it. */
struct session {
    struct route route;
    char group[WIRE_MAX_TYPE + 1];
    bool used, waiting;
    bool unsure; /* the positions must be compared with the log first */
    uint64_t fetch_id;
    size_t count;
    struct {
        uint8_t partition;
        bool has_id;
        int64_t next;
        uint8_t last_id[16];
    } positions[BUS_PARTITIONS];
    unsigned turn; /* which partition is first in the next answer */
    uint32_t max_events, max_bytes;
    usec until, heard;            /* monotonic */
    int64_t sent[BUS_PARTITIONS]; /* next offset after what was sent; 0: nothing */
};

struct group {
    char name[WIRE_MAX_TYPE + 1];
    int64_t committed[BUS_PARTITIONS];
    uint64_t dirty; /* bit per partition */
    usec seen;
};

struct feed {
    struct svc *svc;
    struct tx *tx; /* of this thread; statements commit by themselves */
    pthread_t thread;
    struct job_queue jobs;
    int wake_fd;
    atomic_bool closing;
    struct tail *tail;
    unsigned turn;     /* which partition is first in the next refresh */
    bool poked;        /* events were committed here since the last refresh */
    bool more;         /* the last refresh was cut short: there is more to read */
    bool tail_known;   /* positions of the log were read from this connection */
    struct db_log log; /* in which they are */
    uint64_t gaps; /* partitions of which something newer was committed here than the tail has */
    struct session *sessions;
    struct group groups[FEED_MAX_GROUPS];
    size_t group_count;
    usec polled, groups_saved, lag_measured; /* monotonic */
};

/** A live connection, or false (not due yet, or not to be had). A new one forgets all that was
 *  known of the log: it may be an older moment of it. */
bool feed_connected(struct feed *feed);

/* feed_check.c */

/** May this principal read, under this group's name? */
bool feed_may_read(const struct feed *feed, const char *principal, const char *group);
/** Compares unsure positions with the log; diverged ones are taken out of the fetch and answered.
 *  False when the database could not say. */
bool feed_check(struct feed *feed, struct session *session);

/* feed_answer.c */

/** Brings what was committed here into the tail; looks for what others committed when `look` is
 * set. False without the database. */
bool feed_refresh(struct feed *feed, bool look);
/** Answers the waiting fetch if there is anything to say. */
void feed_serve(struct feed *feed, struct session *session);
/** Answers with no event: wait is over (err NULL), or why not. */
void feed_answer_empty(struct feed *feed, struct session *session, const struct err *err);
void feed_answer_diverged(struct feed *feed, struct session *session,
                          Trien__Divergence **divergences, size_t count);

/* feed_groups.c */

/** Notes what the group has committed. */
void feed_group_heard(struct feed *feed, const char *name, const Trien__Fetch *fetch, usec now);
/** Writes what has changed, every two seconds; measures the lag every ten. */
void feed_groups_save(struct feed *feed, usec now);
/** The configured readers exist as groups, so that retention waits for them from the start. */
bool feed_groups_expect(struct feed *feed);
