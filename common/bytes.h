/* A view of bytes somebody else owns, and the few things everybody does with one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena;

struct bytes {
    const uint8_t *p;
    size_t n;
};

/** View of a NUL-terminated text, without its NUL. */
static inline struct bytes bytes_of_text(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static inline struct bytes bytes_of(const void *p, size_t n)
{
    return (struct bytes){(const uint8_t *)p, n};
}

/** Both views hold the same bytes. Not constant-time: see bytes_equal_secret(). */
bool bytes_equal(struct bytes a, struct bytes b);

/** The same in time that depends on the length only; for tokens and MACs. */
bool bytes_equal_secret(struct bytes a, struct bytes b);

/** Lower-case hexadecimal and a NUL into 2 * in.n + 1 characters. */
void bytes_put_hex(struct bytes in, char *ret_hex);

/** The same in the arena. */
char *bytes_to_hex(struct arena *arena, struct bytes in);

/** Standard base64 with padding, NUL-terminated, in the arena. */
char *bytes_to_base64(struct arena *arena, struct bytes in);

/** The value of one hexadecimal digit of either case; -1 when it is none. */
int hex_digit(char c);

/** Decodes hexadecimal of either case. False when the text is not hexadecimal. */
bool bytes_from_hex(struct arena *arena, const char *hex, struct bytes *ret_bytes);

/** Decodes standard base64 (padding required, no white space). False when it is not. */
bool bytes_from_base64(struct arena *arena, struct bytes text, struct bytes *ret_bytes);

/** SHA-256 of the bytes into ret_digest. */
void bytes_sha256(struct bytes in, uint8_t ret_digest[32]);

/** The bytes are valid UTF-8 without NUL, control characters other than TAB/CR/LF, or surrogates.
 */
bool bytes_are_text(struct bytes in);
