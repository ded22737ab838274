/* An arena for the tests of one program: set_up() and tear_down() for a group or for each. After
 * cmocka.h. */
#pragma once

#include "common/arena.h"

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}
