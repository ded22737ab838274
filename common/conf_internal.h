/* The parts of conf.c among themselves. */
#pragma once

#include "common/arena.h"
#include "common/conf.h"

#define CONF_MAX_KEY 256

/** Hangs the nodes of a text under root; everything lies in the arena. `path` is for errors. A name
 *  may stand twice only in a list, and there at the top only. */
MUST_USE enum rc conf_read(struct arena *arena, const char *path, struct bytes text, bool is_list,
                           struct err *err, struct conf_node *root);

/** Checks a value by its row and writes it to the member. NULL, or what is wrong with it. An empty
 * text means "not given" where that is the row's default. */
const char *conf_set_value(const struct conf_row *row, const char *value, void *member);
