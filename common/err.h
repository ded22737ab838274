/* One error on its way to somebody: code, field, detail for operators, native code.
 *
 * It lives in the transaction (or beside the call), never in a thread-local, so it cannot go stale.
 * The registry of codes is proto/error.proto; the thousands digit of a code is its outcome
 * (1xxx retry, 2xxx reject, 3xxx fatal). Texts for people come from the registry, the detail never
 * leaves the operator's log. */
#pragma once

#include <stdint.h>

#include "proto/error.pb-c.h"

enum rc {
    RC_OK = 0,
    RC_RETRY,  /* nothing wrong with the message: the same again later may succeed */
    RC_REJECT, /* this message can never succeed; say so and go on */
    RC_FATAL,  /* this process must not go on; the supervisor starts it again */
};

struct err {
    Trien__Error code; /* 0 while nothing failed */
    char field[128];   /* JSON pointer or configuration key the error is about, or "" */
    char detail[512];  /* for operators; English; no personal data, no secrets */
    char native[64];   /* "sqlstate 40001", "ckr 0x00000030", "curl 28", or "" */
    const char *file;
    int line;
};

/* One row of the registry, generated from proto/error.proto. */
struct err_entry {
    Trien__Error code;
    const char *name; /* stable machine name, lower case: "document_not_signed" */
    const char *en;   /* one sentence for people */
    const char *vi;   /* the same in Vietnamese */
};

/** Fills *err and returns the outcome that belongs to the code. Keeps `native` and `field` that
 * were set just before with err_native()/err_field(). */
enum rc err_set(struct err *err, Trien__Error code, const char *file, int line, const char *format,
                ...) __attribute__((format(printf, 5, 6), warn_unused_result));

/** Names the field the next err_set() is about. */
void err_field(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Names the native code (SQLSTATE, CKR_, CURLcode …) behind the next err_set(). */
void err_native(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Forgets everything: the state of a fresh error. */
void err_clear(struct err *err);

/** The outcome a code stands for. */
enum rc err_rc(Trien__Error code);

/** The registry row of a code; a row named "unknown" for a number that is not in it. Never NULL. */
const struct err_entry *err_entry(Trien__Error code);

/** The whole registry, in order of code. */
const struct err_entry *err_registry(size_t *ret_count);

/** "ok", "retry", "reject" or "fatal". */
const char *rc_name(enum rc rc);
