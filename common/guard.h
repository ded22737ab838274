/* The four outcomes and the macros that pass them on.
 *
 * There are four outcomes because the frame can do four things with a message: commit it, try it
 * again, refuse it for good, or stop the process. "Not found" and "already there" are values, never
 * errors. No other file defines a macro that changes control flow. */
#pragma once

#include "common/err.h"

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_at, first_at) __attribute__((format(printf, format_at, first_at)))
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Runs at scope exit: `autoptr(X509) cert = NULL;` frees with the function that DEFINE_AUTOPTR
 * named. */
#define DEFINE_AUTOPTR(type, free_fn)                                                              \
    static inline void autoptr_free_##type(type **p)                                               \
    {                                                                                              \
        if (*p)                                                                                    \
            free_fn(*p);                                                                           \
    }
#define autoptr(type) __attribute__((cleanup(autoptr_free_##type))) type *

/* Gives a held pointer away: the cleanup attribute then finds NULL. */
#define TAKE(p)                                                                                    \
    ({                                                                                             \
        __typeof__(p) taken_ = (p);                                                                \
        (p) = NULL;                                                                                \
        taken_;                                                                                    \
    })

/* Passes any outcome but RC_OK to the caller. */
#define TRY(expr)                                                                                  \
    do {                                                                                           \
        enum rc rc_ = (expr);                                                                      \
        if (rc_ != RC_OK)                                                                          \
            return rc_;                                                                            \
    } while (0)

/* Records the error and returns its class. FAIL(err, TRIEN__ERROR__X, "order %s", id). */
#define FAIL(err, code, ...) return err_set((err), (code), __FILE__, __LINE__, __VA_ARGS__)

/* FAIL unless the condition holds. */
#define CHECK(cond, err, code, ...)                                                                \
    do {                                                                                           \
        if (!(cond))                                                                               \
            FAIL((err), (code), __VA_ARGS__);                                                      \
    } while (0)
