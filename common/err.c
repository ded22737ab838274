/* The error struct and its registry. Texts come from proto/error.proto through error_table.inc;
 * this file only looks them up. It never logs. */
#include "common/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct err_entry registry[] = {
#include "gen/error_table.inc"
};
static const size_t registry_count = sizeof(registry) / sizeof(registry[0]);

enum rc err_rc(Trien__Error code)
{
    switch ((int)code / 1000) {
    case 0:
        return RC_OK;
    case 1:
        return RC_RETRY;
    case 2:
        return RC_REJECT;
    default:
        return RC_FATAL;
    }
}

enum rc err_set(struct err *err, Trien__Error code, const char *file, int line, const char *format,
                ...)
{
    va_list args;

    err->code = code;
    err->file = file;
    err->line = line;
    va_start(args, format);
    vsnprintf(err->detail, sizeof(err->detail), format, args);
    va_end(args);
    return err_rc(code);
}

void err_field(struct err *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(err->field, sizeof(err->field), format, args);
    va_end(args);
}

void err_native(struct err *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(err->native, sizeof(err->native), format, args);
    va_end(args);
}

void err_clear(struct err *err)
{
    memset(err, 0, sizeof(*err));
}

const struct err_entry *err_entry(Trien__Error code)
{
    static const struct err_entry unknown = {0, "unknown", "Unknown error.", "Lỗi không xác định."};

    for (size_t i = 0; i < registry_count; i++)
        if (registry[i].code == code)
            return &registry[i];
    return &unknown;
}

const struct err_entry *err_registry(size_t *ret_count)
{
    *ret_count = registry_count;
    return registry;
}

const char *rc_name(enum rc rc)
{
    static const char *const names[] = {"ok", "retry", "reject", "fatal"};

    return names[rc];
}
