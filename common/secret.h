/* Secrets: PINs, passwords, private keys. Locked memory, wiped when freed, never in an arena, never
 * in a log. The file must not be readable by everybody. */
#pragma once

#include <stddef.h>

#include "common/guard.h"

struct secret;

/** Reads a secret from a file (64 KiB at most); one trailing newline is not part of it.
 *  KEY_FILE when it cannot be read or is readable by others. */
enum rc secret_load(const char *path, struct err *err, struct secret **ret_secret);
void secret_free(struct secret **secret);

/** The secret as NUL-terminated text; valid until secret_free(). */
const char *secret_text(const struct secret *secret);
size_t secret_length(const struct secret *secret);
