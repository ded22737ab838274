/* The lists that are given out, as files without a name: each process writes a list down once, when
 * it is asked for first, and the kernel sends it from there. So a list of any length costs no
 * memory, and a request costs no look at its bytes. */
#pragma once

#include "services/status/authority.h"
#include "services/status/store.h"

struct list_files;

/** Room for one list an authority, below `folder`; in the arena. */
struct list_files *list_files_new(struct arena *arena, const char *folder);

/** The newest list of the issuer as a file, which the caller closes. While another thread writes
 * the newest one down, *ret_list is the one before it. *ret_fd -1: there is none. */
enum rc list_files_open(struct tx *tx, struct list_files *files, const char *issuer, int *ret_fd,
                        struct list_row *ret_list) MUST_USE;
