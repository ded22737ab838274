/* One line of the journal: how it is written, read and chained. Pure.
 *
 *     <sequence> <time in microseconds> <kind> <fields…> <hash>\n
 *
 * Fields are separated by one blank and hold none. hash is the lower-case hex SHA-256 of the
 * previous line's hash, one blank, and this line up to the blank before its own hash (the first
 * line follows 64 zeros), so any line can be checked with a shell: printf '%s %s' "$previous"
 * "$line_without_hash" | sha256sum
 *
 * kind     fields
 * segment  <number>                              first line of every file
 * open     <bytes cut> <SHA-256 of them or ->    a start of the signer; what a crash left half
 * written intent   <order> <issuer> <profile> <serial> <SHA-256 of the to-be-signed bytes> <ground>
 *          <SHA-256 of the ground> <key ids that vouched, by commas>
 * answer   <order> <sequence of the intent> <signature, base64> */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"

#define RECORD_MAX_BYTES ((size_t)4096)
#define RECORD_HASH_CHARS 64
#define RECORD_MAX_FIELDS 10
#define RECORD_FIRST_HASH "0000000000000000000000000000000000000000000000000000000000000000"

struct record {
    uint64_t sequence;
    usec at;
    const char *kind;
    const char *fields[RECORD_MAX_FIELDS]; /* what follows the kind, without the hash */
    size_t field_count;
    char hash[RECORD_HASH_CHARS + 1];
};

/** Writes one line (with its newline) into `ret_line`, RECORD_MAX_BYTES large. `body` is kind and
 *  fields. Returns its length; 0 when it does not fit. ret_hash may be the array `previous` is. */
size_t record_write(uint64_t sequence, usec at, const char *body,
                    const char previous[RECORD_HASH_CHARS + 1], char *ret_line,
                    char ret_hash[RECORD_HASH_CHARS + 1]);

/** Reads one line of `length` bytes without its newline; blanks in it are overwritten by NULs, and
 *  *ret points into it. False when it is malformed or, with `previous` not NULL, does not follow.
 */
bool record_read(char *line, size_t length, const char *previous, struct record *ret_record);

/** A text that may stand as a field: 1..max of A-Z a-z 0-9 . _ : / - , = + */
bool record_field_ok(const char *text, size_t max);
