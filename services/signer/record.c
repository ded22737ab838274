/* The journal's lines: writing, reading, chaining. Refuses any line that is not exactly what
 * record_write() would have written. No I/O. */
#include "services/signer/record.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"

/* SHA-256 of "<previous> <text>". */
static void chain(const char previous[RECORD_HASH_CHARS + 1], const char *text, size_t length,
                  char ret_hash[RECORD_HASH_CHARS + 1])
{
    char joined[RECORD_HASH_CHARS + 1 + RECORD_MAX_BYTES];
    uint8_t digest[32];

    memcpy(joined, previous, RECORD_HASH_CHARS);
    joined[RECORD_HASH_CHARS] = ' ';
    memcpy(joined + RECORD_HASH_CHARS + 1, text, length);
    if (EVP_Digest(joined, RECORD_HASH_CHARS + 1 + length, digest, NULL, EVP_sha256(), NULL) != 1)
        abort();
    bytes_put_hex(bytes_of(digest, sizeof(digest)), ret_hash);
}

size_t record_write(uint64_t sequence, usec at, const char *body,
                    const char previous[RECORD_HASH_CHARS + 1], char *ret_line,
                    char ret_hash[RECORD_HASH_CHARS + 1])
{
    char hash[RECORD_HASH_CHARS + 1];
    int n = snprintf(ret_line, RECORD_MAX_BYTES, "%" PRIu64 " %" PRId64 " %s", sequence, at, body);
    size_t length = (size_t)n;

    if (n < 0 || length + 1 + RECORD_HASH_CHARS + 1 > RECORD_MAX_BYTES)
        return 0;
    chain(previous, ret_line, length, hash);
    ret_line[length] = ' ';
    memcpy(ret_line + length + 1, hash, RECORD_HASH_CHARS);
    ret_line[length + 1 + RECORD_HASH_CHARS] = '\n';
    memcpy(ret_hash, hash, sizeof(hash));
    return length + 1 + RECORD_HASH_CHARS + 1;
}

/* A decimal number as record_write() writes it: no sign, no leading zero. */
static bool read_number(const char *text, uint64_t *ret_number)
{
    uint64_t number = 0;

    if (!*text || (text[0] == '0' && text[1]))
        return false;
    for (; *text; text++)
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*text - '0'), &number))
            return false;
    *ret_number = number;
    return true;
}

/* Splits at single blanks; false for an empty part or too many. */
static bool split(char *text, const char **ret_parts, size_t max, size_t *ret_count)
{
    size_t count = 0;

    for (;;) {
        char *blank = strchr(text, ' ');
        if (count == max || *text == '\0' || blank == text)
            return false;
        ret_parts[count++] = text;
        if (!blank)
            break;
        *blank = '\0';
        text = blank + 1;
    }
    *ret_count = count;
    return true;
}

bool record_read(char *line, size_t length, const char *previous, struct record *ret_record)
{
    const char *parts[RECORD_MAX_FIELDS + 3];
    char hash[RECORD_HASH_CHARS + 1];
    size_t body_length, count;
    uint64_t at;
    struct record record = {0};

    if (length < RECORD_HASH_CHARS + 2 || length >= RECORD_MAX_BYTES || memchr(line, 0, length))
        return false;
    body_length = length - RECORD_HASH_CHARS - 1;
    if (line[body_length] != ' ')
        return false;
    memcpy(record.hash, line + body_length + 1, RECORD_HASH_CHARS);
    if (previous) {
        chain(previous, line, body_length, hash);
        if (memcmp(hash, record.hash, RECORD_HASH_CHARS) != 0)
            return false;
    }
    line[body_length] = '\0';
    if (!split(line, parts, sizeof(parts) / sizeof(parts[0]), &count) || count < 3 ||
        !read_number(parts[0], &record.sequence) || !read_number(parts[1], &at) || at > INT64_MAX)
        return false;
    record.at = (usec)at;
    record.kind = parts[2];
    record.field_count = count - 3;
    memcpy(record.fields, parts + 3, record.field_count * sizeof(parts[0]));
    *ret_record = record;
    return true;
}

bool record_field_ok(const char *text, size_t max)
{
    size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                 "._:/-,=+");

    return length > 0 && length <= max && text[length] == '\0';
}
