/* The inner half of sandbox.c: what a program does that is started by sandbox_new(). */
#pragma once

#include "common/sandbox.h"

/* Where the program finds its end of the socket, and a child the place of its answer. */
enum { SANDBOX_ANSWER_FD = 3, SANDBOX_CONTROL_FD = 4 };

/* What a child writes: one byte when it is locked in, then one of the others. */
enum {
    SANDBOX_SAYS_READY = 'S',
    SANDBOX_SAYS_ANSWER =
        'A', /* followed by uint32_t size in host order and the answer, then the end */
    SANDBOX_SAYS_LIMIT = 'L',
};

struct sandbox_work {
    const char *name; /* of the processes, at most 15 characters */
    /* Puts by all the memory that the program will ever have; false: there is none. NULL when the
     * job allocates nothing, and under ASan. */
    bool (*give_memory)(size_t bytes);
    /* Makes some of it ready at once, in the child before it is locked in. May be NULL. */
    void (*touch_memory)(void);
    /* Runs once in the zygote, so that children need not; false: do not start. May be NULL. */
    bool (*warm_up)(void);
    /* Runs in the child; what it returns is written to the caller. */
    struct bytes (*job)(struct bytes input);
};

/** The life of keeper and zygote; a zygote that is killed is replaced. The arguments are those of
 * sandbox_new(). Serves {input, answer pipe} pairs of descriptors until the service closes its end.
 * Writes one byte to the socket when it is ready. Never returns; ends with 64 when it was not
 * started by sandbox_new(). */
_Noreturn void sandbox_serve(const struct sandbox_work *work, int argc, char **argv);

/** Makes ready what sandbox_lock() needs; in the zygote. False: the kernel refuses. */
bool sandbox_lock_prepare(void);

/** From here on this process can compute, write to the answer and exit by SYS_exit. False: the
 * kernel refuses. */
bool sandbox_lock(void);
