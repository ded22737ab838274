/* Log: one JSON object a line on stdout. Only the frame, main() and background threads log;
 * handlers and libraries return their error instead. Never a secret, never personal data beyond
 * ids. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/guard.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARNING, LOG_ERROR };

/* Tests and alarms go by the event's name, never by text. */

/** Names the process in every line; call once before threads. */
void log_open(const char *service, const char *instance);

/** Lines below the level are not written. Default LOG_INFO. */
void log_set_level(enum log_level level);

/** Lines of this level are written. */
bool log_wants(enum log_level level);

/** One line: {"time":…,"level":…,"service":…,"event":name, <fields>}. `fields` is a format of
 *  alternating JSON members made by the LOG_* helpers below:
 *      log_event(LOG_WARNING, "peer_lost", LOG_TEXT("peer", name), LOG_INT("attempt", n));
 *  A text that is NULL leaves its member out. Names are plain ASCII. */
struct log_field {
    const char *name;
    enum { LOG_FIELD_END, LOG_FIELD_TEXT, LOG_FIELD_INT } kind;
    const char *text;
    long long number;
};
#define LOG_TEXT(field_name, value) ((struct log_field){(field_name), LOG_FIELD_TEXT, (value), 0})
#define LOG_INT(field_name, value)                                                                 \
    ((struct log_field){(field_name), LOG_FIELD_INT, 0, (long long)(value)})
#define LOG_END ((struct log_field){0, LOG_FIELD_END, 0, 0})
void log_write(enum log_level level, const char *event, const struct log_field *fields);
/* clang-format off */
#define log_event(level, event, ...)                                                               \
    log_write((level), (event),                                                                    \
              (const struct log_field[]){__VA_OPT__(__VA_ARGS__,) LOG_END})
/* clang-format on */

/** The same with an error's code, detail, native code, file and line as fields. */
void log_error(enum log_level level, const char *event, const struct err *err);

/** Between the two, this thread's lines are collected (64 KiB at most) and written together. Hold
 * around a batch; release before waiting for anything. Not nested. */
void log_hold(void);
void log_release(void);
