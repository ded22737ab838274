/* All the memory this program ever has, put by before it is needed: a child in strict mode cannot
 * ask the kernel for more. It takes the place of the C library's malloc(), in the one program that
 * links it, for everybody in it. One thread only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/** Puts by so many bytes, of which only those that are used cost anything; what was allocated
 * before stays. When they are gone malloc() says NULL. False: the kernel has no room. */
bool heap_give(size_t bytes);

/** Leaves what was freed so far alone and goes on at the beginning of a page; what lies free beyond
 *  goes back. A forked child then writes to pages nobody wrote before it, and none is copied. */
void heap_settle(void);

/** Asks for the pages of an ordinary document at once instead of one by one. In the child, before
 *  it is locked in. */
void heap_touch(void);
