/* Files that are whole or not there: notices of the embedded default, checkpoints for a witness. */
#pragma once

#include "common/arena.h"
#include "common/bytes.h"
#include "common/guard.h"

/* A file that was not finished for so long never will be. */
#define FILE_UNFINISHED_SECONDS 600

/** Opens the folder, which is made (0700) unless it is there; *ret_folder is its descriptor.
 * Removes what a crash left there half written, FILE_UNFINISHED_SECONDS ago or longer.
 * CONFIG_INVALID naming `key` when the folder cannot be had. */
enum rc file_open_folder(const char *directory, const char *key, struct err *err,
                         int *ret_folder) MUST_USE;

/** Writes <folder>/<name>, whole or not at all, and durable when this returns RC_OK: temporary
 *  file, fsync, rename, fsync of the folder. A repeat puts the same file in its own place.
 *  FILE_UNWRITABLE when the file system refuses. */
enum rc file_write(int folder, const char *name, struct bytes content, struct err *err) MUST_USE;

/** A whole file, in the arena; n is 0 when there is none, or nothing in it. RETRY OVERLOADED when
 * it cannot be read, FATAL INTERNAL when it is no regular file or longer than limit_bytes. */
enum rc file_read(const char *path, size_t limit_bytes, struct arena *arena, struct err *err,
                  struct bytes *ret_content) MUST_USE;
