/* Small strict CSV. It refuses what it does not know: a wrong row ends the reading, nothing is
 * guessed. */
#include "common/csv.h"

#include <string.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

static size_t count_columns(const char *header)
{
    size_t n = 1;

    for (; *header; header++)
        n += *header == ',';
    return n;
}

/* One field from *at on, which ends behind it (on ',' or NUL). NULL when a quote is not closed or
 * stands inside a bare field. */
static const char *read_field(struct arena *arena, const char **at)
{
    size_t length = strcspn(*at, ",");
    const char *start = *at;
    char *out;

    if (**at != '"') {
        *at += length;
        return memchr(start, '"', length) ? NULL : arena_strndup(arena, start, length);
    }
    out = arena_alloc(arena, strlen(start) + 1);
    length = 0;
    for (start++; *start; start++) {
        if (*start == '"' && start[1] != '"')
            break;
        start += *start == '"' ? 1 : 0;
        out[length++] = *start;
    }
    if (*start != '"' || (start[1] != ',' && start[1] != 0))
        return NULL;
    *at = start + 1;
    return out;
}

static bool split(const struct csv *csv, const char *line, const char *fields[CSV_MAX_COLUMNS])
{
    for (size_t i = 0; i < csv->columns; i++) {
        fields[i] = read_field(csv->arena, &line);
        if (!fields[i] || (i + 1 < csv->columns && *line != ','))
            return false;
        line += i + 1 < csv->columns ? 1 : 0;
    }
    return *line == 0;
}

/* The line at csv->at, without its end; moves behind it. */
static const char *next_line(struct csv *csv)
{
    size_t length = strcspn(csv->at, "\n");
    const char *line = csv->at;

    csv->at += length + (csv->at[length] == '\n' ? 1 : 0);
    csv->line++;
    if (length > 0 && line[length - 1] == '\r')
        length--;
    return arena_strndup(csv->arena, line, length);
}

enum rc csv_open(struct arena *arena, struct bytes file, const char *header, size_t limit_bytes,
                 struct err *err, struct csv *ret_csv)
{
    struct csv csv = {.arena = arena, .header = header, .columns = count_columns(header)};

    CHECK(csv.columns <= CSV_MAX_COLUMNS, err, TRIEN__ERROR__INTERNAL, "header %s", header);
    CHECK(file.n <= limit_bytes, err, TRIEN__ERROR__TOO_LARGE, "%zu bytes, %zu are allowed", file.n,
          limit_bytes);
    CHECK(bytes_are_text(file), err, TRIEN__ERROR__FIELD_INVALID, "the file is not UTF-8 text");
    csv.at = (const char *)arena_bytes(arena, file).p;
    if (strncmp(csv.at, BYTE_ORDER_MARK, 3) == 0)
        csv.at += 3;
    CHECK(strcmp(next_line(&csv), header) == 0, err, TRIEN__ERROR__FIELD_INVALID,
          "the first line must be %s", header);
    *ret_csv = csv;
    return RC_OK;
}

enum rc csv_next(struct csv *csv, struct err *err, const char *fields[CSV_MAX_COLUMNS],
                 bool *ret_more)
{
    const char *line = "";

    while (*line == 0 && *csv->at)
        line = next_line(csv);
    *ret_more = *line != 0;
    if (!*ret_more)
        return RC_OK;
    err_field(err, "line %zu", csv->line);
    CHECK(split(csv, line, fields), err, TRIEN__ERROR__FIELD_INVALID, "line %zu is not %s",
          csv->line, csv->header);
    return RC_OK;
}

static void put_field(FILE *out, const char *field)
{
    if (!strpbrk(field, ",\"\r\n")) {
        fputs(field, out);
        return;
    }
    fputc('"', out);
    for (; *field; field++) {
        if (*field == '"')
            fputc('"', out);
        fputc(*field, out);
    }
    fputc('"', out);
}

void csv_put_row(FILE *out, const char *const *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i)
            fputc(',', out);
        put_field(out, fields[i] ? fields[i] : "");
    }
    fputc('\n', out);
}
