/* A table for people: columns are as wide as their widest cell on the screen, whatever letters it
 * is written in. */
#pragma once

#include <stddef.h>
#include <stdio.h>

#include "common/arena.h"

struct table;

/** An empty table in the arena. `alignment` has one letter a column: 'l' or 'r'; the last column is
 *  not padded. At most 24 columns. */
struct table *table_new(struct arena *arena, const char *alignment);

/** Adds a row; as many cells as columns, NULL for an empty one. Borrows the texts. */
void table_row(struct table *table, const char *const *cells);

/** A rule as wide as the table stands before the next row. */
void table_rule(struct table *table);

/** A line across all columns before the next row; it widens nothing. Borrows the text. */
void table_heading(struct table *table, const char *text);

void table_print(FILE *out, const struct table *table);

#define TABLE_ROW(table, ...) table_row((table), (const char *const[]){__VA_ARGS__})

/** Columns that the text takes on a terminal. */
size_t table_width(const char *text);
