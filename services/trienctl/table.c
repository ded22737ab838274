/* Tables for people. Width is counted in terminal columns, not in bytes: Vietnamese letters take
 * two or three bytes and one column, combining marks none. It wraps nothing. */
#include "services/trienctl/table.h"

#include <stdbool.h>
#include <string.h>
#include <uniwidth.h>

#define MAX_COLUMNS 24
#define GAP 2

enum kind { ROW, RULE, HEADING };

struct line {
    struct line *next;
    enum kind kind;
    const char *cells[MAX_COLUMNS];
};

struct table {
    struct arena *arena;
    const char *alignment;
    size_t columns;
    size_t widths[MAX_COLUMNS];
    struct line *first, **end;
};

size_t table_width(const char *text)
{
    int width = u8_strwidth((const uint8_t *)text, "UTF-8");

    return width < 0 ? 0 : (size_t)width;
}

struct table *table_new(struct arena *arena, const char *alignment)
{
    struct table *table = ARENA_NEW(arena, struct table);

    table->arena = arena;
    table->alignment = alignment;
    table->columns = strlen(alignment) < MAX_COLUMNS ? strlen(alignment) : MAX_COLUMNS;
    table->end = &table->first;
    return table;
}

static struct line *add_line(struct table *table, enum kind kind)
{
    struct line *line = ARENA_NEW(table->arena, struct line);

    line->kind = kind;
    *table->end = line;
    table->end = &line->next;
    return line;
}

void table_row(struct table *table, const char *const *cells)
{
    struct line *line = add_line(table, ROW);

    for (size_t i = 0; i < table->columns; i++) {
        size_t width = table_width(line->cells[i] = cells[i] ? cells[i] : "");

        if (width > table->widths[i])
            table->widths[i] = width;
    }
}

void table_rule(struct table *table)
{
    add_line(table, RULE);
}

void table_heading(struct table *table, const char *text)
{
    add_line(table, HEADING)->cells[0] = text;
}

static void put_padding(FILE *out, size_t n, const char *with)
{
    while (n-- > 0)
        fputs(with, out);
}

static void put_row(FILE *out, const struct table *table, const struct line *line)
{
    for (size_t i = 0; i < table->columns; i++) {
        size_t padding = table->widths[i] - table_width(line->cells[i]);
        bool right = table->alignment[i] == 'r', last = i + 1 == table->columns;

        put_padding(out, right ? padding : 0, " ");
        fputs(line->cells[i], out);
        put_padding(out, right || last ? 0 : padding, " ");
        put_padding(out, last ? 0 : GAP, " ");
    }
    fputc('\n', out);
}

static size_t whole_width(const struct table *table)
{
    size_t width = 0;

    for (size_t i = 0; i < table->columns; i++)
        width += table->widths[i] + (i ? GAP : 0);
    return width;
}

void table_print(FILE *out, const struct table *table)
{
    for (const struct line *line = table->first; line; line = line->next) {
        if (line->kind == ROW) {
            put_row(out, table, line);
        } else {
            if (line->kind == RULE)
                put_padding(out, whole_width(table), "─");
            else
                fputs(line->cells[0], out);
            fputc('\n', out);
        }
    }
}
