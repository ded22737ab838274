/* A zygote and its children: one child per job, forked from a small single-threaded process that
 * was forked before anything else and holds nothing worth stealing.
 *
 * A child maps its input read-only, gives up every file and every system call but the few that
 * memory and one answer need (seccomp, allow-list, KILL), and lives under limits the kernel
 * enforces: CPU time, wall clock, address space, no core, no file growth, no new privileges. It can
 * write to one pipe and exit. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/guard.h"

struct sandbox;

struct sandbox_profile {
    const char *name; /* of the processes, at most 15 characters */
    /* Runs once in the zygote, so that children need not; false: do not start. May be NULL. */
    bool (*warm_up)(void);
    /* Runs in the child; what it returns is written to the caller. */
    struct bytes (*job)(struct bytes input);
    unsigned cpu_ms;      /* CPU time of one child */
    unsigned deadline_ms; /* wall clock of one child */
    unsigned memory_mib;  /* address space beyond the zygote's; not limited under ASan */
    size_t answer_limit_bytes;
};

/** Forks the zygote. Before any thread or ZeroMQ context exists, and before secrets are loaded.
 *  FATAL INTERNAL when the sandbox cannot be built. Free with sandbox_free(). */
enum rc sandbox_new(const struct sandbox_profile *profile, struct err *err,
                    struct sandbox **ret_sandbox) MUST_USE;

/** Closes the zygote's socket, which ends it, and waits for it. NULL is fine. */
void sandbox_free(struct sandbox **sandbox);

/** The zygote is there, or is just being replaced after it was killed. Cheap, any thread. */
bool sandbox_alive(const struct sandbox *sandbox);

enum sandbox_end {
    SANDBOX_ANSWERED,
    SANDBOX_CRASHED, /* killed by a signal, by seccomp or by itself; or an answer that breaks the
                        frame */
    SANDBOX_LIMIT,   /* CPU time, wall clock or size of the answer */
};

/** Runs the job on a copy of the input in a child of its own and waits for its end. Thread-safe.
 *  A child that crashed is tried once more: it may have died of something else than its input.
 *  *ret_answer is in the arena, and only there after SANDBOX_ANSWERED; it is a stranger's bytes.
 *  RETRY INSPECTOR_UNAVAILABLE when no child came to life. */
enum rc sandbox_run(struct sandbox *sandbox, struct bytes input, struct arena *arena,
                    struct err *err, enum sandbox_end *ret_end, struct bytes *ret_answer) MUST_USE;
