/* Log: one JSON object a line on stdout, one write(2) a line, or one a batch between log_hold() and
 * log_release(). A line that would be too long loses whole members at its end, never its form.
 * Nothing here blocks on a lock; writes below PIPE_BUF do not mix. */
#include "common/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>
#include <unistr.h>

#include "common/clock.h"

#define LINE_BYTES ((size_t)4096) /* PIPE_BUF */
#define HELD_BYTES ((size_t)65536)
#define TAIL_BYTES ((size_t)2) /* "}\n" always fits */

static char who[300];
static size_t who_length;
static atomic_int lowest = LOG_INFO;

static _Thread_local char held[HELD_BYTES];
static _Thread_local size_t held_length;
static _Thread_local bool holding;

struct line {
    char text[LINE_BYTES];
    size_t length;
    bool full;
};

static void put(struct line *line, const char *text, size_t length)
{
    if (line->full || line->length + length > LINE_BYTES - TAIL_BYTES) {
        line->full = true;
        return;
    }
    memcpy(line->text + line->length, text, length);
    line->length += length;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

static void put_escaped(struct line *line, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    char code[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};

    if (c == '"' || c == '\\')
        put(line, (char[]){'\\', (char)c}, 2);
    else if (c == '\n')
        put(line, "\\n", 2);
    else
        put(line, code, sizeof(code));
}

/* A JSON string. Bytes that are not UTF-8 become '?'. */
static void put_string(struct line *line, const char *text)
{
    size_t length = strlen(text), from = 0;
    bool is_utf8 = !u8_check((const uint8_t *)text, length);

    put(line, "\"", 1);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        bool plain = c >= 0x20 && c != '"' && c != '\\' && c != 0x7f && (c < 0x80 || is_utf8);

        if (plain)
            continue;
        put(line, text + from, i - from);
        if (c >= 0x80)
            put(line, "?", 1);
        else
            put_escaped(line, c);
        from = i + 1;
    }
    put(line, text + from, length - from);
    put(line, "\"", 1);
}

static void put_number(struct line *line, long long number)
{
    char digits[24];
    size_t at = sizeof(digits);
    unsigned long long rest =
        number < 0 ? 0ULL - (unsigned long long)number : (unsigned long long)number;

    do
        digits[--at] = (char)('0' + rest % 10);
    while (rest /= 10);
    if (number < 0)
        digits[--at] = '-';
    put(line, digits + at, sizeof(digits) - at);
}

/* Whole or not at all. */
static void put_field(struct line *line, const struct log_field *field)
{
    size_t before = line->length;

    if (line->full || (field->kind == LOG_FIELD_TEXT && !field->text))
        return;
    put(line, ",\"", 2);
    put_text(line, field->name);
    put(line, "\":", 2);
    if (field->kind == LOG_FIELD_TEXT)
        put_string(line, field->text);
    else
        put_number(line, field->number);
    if (line->full)
        line->length = before;
}

static void write_all(const char *text, size_t length)
{
    while (length) {
        ssize_t n = write(STDOUT_FILENO, text, length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* nobody reads the log: that must not stop the work */
        text += n;
        length -= (size_t)n;
    }
}

static void flush_held(void)
{
    write_all(held, held_length);
    held_length = 0;
}

static void send_line(struct line *line)
{
    memcpy(line->text + line->length, "}\n", 2);
    line->length += 2;
    if (!holding) {
        write_all(line->text, line->length);
        return;
    }
    if (held_length + line->length > HELD_BYTES)
        flush_held();
    memcpy(held + held_length, line->text, line->length);
    held_length += line->length;
}

void log_open(const char *service, const char *instance)
{
    struct line line = {.length = 0};

    put(&line, ",\"service\":", 11);
    put_string(&line, service);
    put(&line, ",\"instance\":", 12);
    put_string(&line, instance);
    if (line.length > sizeof(who))
        return;
    memcpy(who, line.text, line.length);
    who_length = line.length;
}

void log_set_level(enum log_level level)
{
    atomic_store(&lowest, (int)level);
}

bool log_wants(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&lowest, memory_order_relaxed);
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    static const char *const names[] = {"debug", "info", "notice", "warning", "error"};
    char time[CLOCK_UTC_SIZE];
    struct line line;

    if (!log_wants(level))
        return;
    line.length = 0;
    line.full = false;
    clock_utc_write(clock_now(), time);
    put(&line, "{\"time\":\"", 9);
    put(&line, time, CLOCK_UTC_SIZE - 1);
    put(&line, "\",\"level\":\"", 11);
    put_text(&line, names[level]);
    put(&line, "\"", 1);
    put(&line, who, who_length);
    put(&line, ",\"event\":", 9);
    put_string(&line, event);
    for (; fields->kind != LOG_FIELD_END; fields++)
        put_field(&line, fields);
    send_line(&line);
}

void log_error(enum log_level level, const char *event, const struct err *err)
{
    log_event(level, event, LOG_TEXT("code", err_entry(err->code)->name),
              LOG_TEXT("detail", err->detail), LOG_TEXT("field", *err->field ? err->field : NULL),
              LOG_TEXT("native", *err->native ? err->native : NULL), LOG_TEXT("file", err->file),
              LOG_INT("line", err->line));
}

void log_hold(void)
{
    holding = true;
}

void log_release(void)
{
    holding = false;
    flush_held();
}
