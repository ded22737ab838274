/* Small strict CSV: the tables people keep in a spreadsheet. RFC 4180 with these limits: UTF-8 text
 * (a byte order mark at its start is skipped), the header known beforehand, every row as wide as
 * the header, no line break inside a field, lines ended by LF or CRLF; empty lines are skipped. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/guard.h"

#define CSV_MAX_COLUMNS 16

struct csv {
    struct arena *arena;
    const char *at;
    const char *header;
    size_t columns;
    size_t line; /* number of the row read last, the header is 1 */
};

/** Begins to read a file of at most limit_bytes whose first line is exactly `header`; its commas
 * say how many columns there are (at most CSV_MAX_COLUMNS). The text is copied into the arena.
 * REJECT TOO_LARGE, FIELD_INVALID. */
MUST_USE enum rc csv_open(struct arena *arena, struct bytes file, const char *header,
                          size_t limit_bytes, struct err *err, struct csv *ret_csv);

/** The next row's fields, `columns` of them, in the arena. *ret_more is false at the end of the
 * file. REJECT FIELD_INVALID for a row of another width or an open quote. *err names the line of a
 * row that was read until err_clear(), for what the caller finds wrong in it. */
MUST_USE enum rc csv_next(struct csv *csv, struct err *err, const char *fields[CSV_MAX_COLUMNS],
                          bool *ret_more);

/** Writes one row, CRLF-free: fields with a comma, quote or line break are quoted; NULL is empty.
 */
void csv_put_row(FILE *out, const char *const *fields, size_t count);
