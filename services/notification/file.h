/* The embedded way out: one file per notice. */
#pragma once

#include "common/bytes.h"
#include "common/guard.h"

/** Writes <directory>/<name>, whole or not at all, and durable when this returns RC_OK: temporary
 *  file, fsync, rename, fsync of the directory. A repeat puts the same file in its own place.
 *  GATEWAY_UNAVAILABLE when the file system refuses. */
enum rc file_write(const char *directory, const char *name, struct bytes content,
                   struct err *err) MUST_USE;

/** Makes the directory (0700) unless it is there. CONFIG_INVALID naming `key` when it cannot. */
enum rc file_make_directory(const char *directory, const char *key, struct err *err) MUST_USE;
