/* A zygote and its children: one child per job, forked from a small single-threaded program of its
 * own that holds nothing of the service: no memory, no file, no library, no environment.
 *
 * A child maps its input read-only, gives up every file, and enters seccomp's strict mode: from
 * there on it can compute, write to one pipe and exit; every other system call kills it, the ones
 * that ask for memory too (what it may use was put by before: inspector/heap.h). It lives under
 * limits the kernel enforces: CPU time, wall clock, no core, no file growth, no new privileges.
 * (Sanitizers need more calls: their build has an allow-list instead, sandbox_lock.c.) */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/guard.h"

struct sandbox;

struct sandbox_profile {
    const char *program;  /* path of a program whose main() is sandbox_serve() */
    unsigned cpu_ms;      /* CPU time of one child */
    unsigned deadline_ms; /* wall clock of one child */
    unsigned memory_mib;  /* what the job may allocate; not limited under ASan */
    unsigned answer_limit_bytes;
};

/** Starts the program: it becomes keeper and zygote. Before any thread exists.
 *  FATAL INTERNAL when it does not start. Free with sandbox_free(). */
enum rc sandbox_new(const struct sandbox_profile *profile, struct err *err,
                    struct sandbox **ret_sandbox) MUST_USE;

/** Closes the zygote's socket, which ends it, and waits for it. NULL is fine. */
void sandbox_free(struct sandbox **sandbox);

/** The zygote is there, or is just being replaced after it was killed by the keeper, this process'
 *  child. Once false it stays false; svc.c ends a service whose child ended. Cheap, any thread. */
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
