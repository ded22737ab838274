/* Pure rules of intake: the shape of a post, headers, receipt numbers, ids. They refuse what is not
 * exactly as interfaces promise; they never look inside a document. */
#include "services/intake/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bus.h"

#define MAX_NAME_BYTES 255
#define MAX_TYPE_BYTES 127

/* The name behind the last folder of either kind; `fallback` when nothing is left. */
static const char *base_name(const char *filename, const char *fallback)
{
    if (!filename)
        return fallback;
    for (const char *at = filename; *at; at++)
        if (*at == '/' || *at == '\\')
            filename = at + 1;
    return *filename ? filename : fallback;
}

/* Text of one line: what may stand in a file name or a media type. */
static bool is_line(const char *text, size_t limit_bytes)
{
    size_t length = strlen(text);
    return length <= limit_bytes && strcspn(text, "\t\r\n") == length &&
           bytes_are_text(bytes_of(text, length));
}

static enum rc take_part(const struct http_part *part, const char *fallback, struct err *err,
                         struct posted_part *into)
{
    const char *name = base_name(part->filename, fallback);
    const char *type = part->content_type ? part->content_type : "application/octet-stream";
    err_field(err, "/%s", part->name);
    CHECK(part->body.n > 0, err, TRIEN__ERROR__FIELD_INVALID, "the part is empty");
    CHECK(is_line(name, MAX_NAME_BYTES), err, TRIEN__ERROR__FIELD_INVALID, "file name is no text");
    CHECK(is_line(type, MAX_TYPE_BYTES), err, TRIEN__ERROR__FIELD_INVALID,
          "content type is no text");
    *into = (struct posted_part){name, type, part->body};
    return RC_OK;
}

enum rc rule_split_post(struct arena *arena, const struct http_request *request, struct err *err,
                        struct post *ret_post)
{
    struct post *post = ARENA_NEW(arena, struct post);
    post->count = 1;
    for (size_t i = 0; i < request->part_count; i++) {
        const struct http_part *part = &request->parts[i];
        if (strcmp(part->name, "document") == 0) {
            err_field(err, "/document");
            CHECK(!post->parts[0].name, err, TRIEN__ERROR__FIELD_INVALID, "more than one document");
            TRY(take_part(part, "document.pdf", err, &post->parts[0]));
        } else if (strcmp(part->name, "attachment") == 0) {
            err_field(err, "/attachment");
            CHECK(post->count <= MAX_ATTACHMENTS, err, TRIEN__ERROR__FIELD_INVALID,
                  "more than %d attachments", MAX_ATTACHMENTS);
            TRY(take_part(part, "attachment", err, &post->parts[post->count]));
            post->count++;
        } else {
            err_field(err, "/%.64s", bytes_are_text(bytes_of_text(part->name)) ? part->name : "");
            FAIL(err, TRIEN__ERROR__FIELD_INVALID, "a part that is not known");
        }
    }
    err_field(err, "/document");
    CHECK(post->parts[0].name, err, TRIEN__ERROR__FIELD_MISSING, "no part named document");
    err_clear(err);
    *ret_post = *post;
    return RC_OK;
}

enum rc rule_token(const char *text, struct err *err, struct bytes *ret_token)
{
    static const char b64token[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                   "-._~+/=";
    size_t length = strspn(text, b64token);
    CHECK(length >= 16 && length <= 512 && text[length] == '\0', err, TRIEN__ERROR__UNAUTHENTICATED,
          "malformed bearer credential");
    *ret_token = bytes_of(text, length);
    return RC_OK;
}

enum rc rule_bearer(const char *authorization, struct err *err, struct bytes *ret_token)
{
    CHECK(authorization && strncasecmp(authorization, "Bearer ", 7) == 0, err,
          TRIEN__ERROR__UNAUTHENTICATED, "no bearer credential");
    return rule_token(authorization + 7, err, ret_token);
}

enum rc rule_idempotency_key(const char *key, struct err *err)
{
    if (!key)
        return RC_OK;
    size_t length = strlen(key);
    bool printable = true;
    for (size_t i = 0; i < length; i++)
        printable = printable && key[i] >= 0x20 && key[i] < 0x7f;
    if (length >= 1 && length <= 255 && printable)
        return RC_OK;
    err_field(err, "Idempotency-Key");
    FAIL(err, TRIEN__ERROR__FIELD_INVALID, "not 1..255 printable characters");
}

void rule_post_digest(const uint8_t (*part_sha256)[32], size_t count, uint8_t ret_sha256[32])
{
    if (count == 1)
        memcpy(ret_sha256, part_sha256[0], 32);
    else
        bytes_sha256(bytes_of(part_sha256, count * 32), ret_sha256);
}

const char *rule_receipt_text(struct arena *arena, usec received_at, int64_t receipt_no)
{
    int year, month, day;
    clock_day_parts(clock_civil_day(received_at), &year, &month, &day);
    return arena_printf(arena, "TR-%04d%02d%02d-%06lld", year, month, day, (long long)receipt_no);
}

bool rule_receipt_parse(const char *text, civil_day *ret_day, int64_t *ret_receipt_no)
{
    static const char digits[] = "0123456789";
    if (strncmp(text, "TR-", 3) != 0 || strspn(text + 3, digits) != 8 || text[11] != '-')
        return false;
    size_t length = strspn(text + 12, digits);
    if (length < 6 || length > 18 || text[12 + length] != '\0')
        return false;
    char day[11];
    snprintf(day, sizeof(day), "%.4s-%.2s-%.2s", text + 3, text + 7, text + 9);
    if (!clock_parse_day(day, ret_day))
        return false;
    *ret_receipt_no = strtoll(text + 12, NULL, 10);
    return true;
}

bool rule_item_parse(const char *item_id, uint8_t ret_request_id[16], int32_t *ret_number)
{
    char request_id[37];
    if (strlen(item_id) < 38 || item_id[36] != '/')
        return false;
    snprintf(request_id, sizeof(request_id), "%.36s", item_id);
    const char *number = item_id + 37;
    size_t length = strspn(number, "0123456789");
    if (number[0] == '0' || length > 6 || number[length] != '\0')
        return false;
    if (!bus_uuid_parse(request_id, ret_request_id))
        return false;
    *ret_number = (int32_t)strtol(number, NULL, 10);
    return true;
}

void rule_id_floor(usec at, uint8_t ret_uuid[16])
{
    uint64_t ms = at > 0 ? (uint64_t)(at / USEC_PER_MS) : 0;
    memset(ret_uuid, 0, 16);
    for (int i = 0; i < 6; i++)
        ret_uuid[i] = (uint8_t)(ms >> (40 - 8 * i));
}

bool rule_client_id(const char *client_id)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    static const char others[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t length = strspn(client_id, others);
    return length >= 1 && length <= 63 && client_id[length] == '\0' &&
           strchr(first, client_id[0]) != NULL;
}

enum rc rule_page_limit(const char *limit, struct err *err, int32_t *ret_limit)
{
    if (!limit) {
        *ret_limit = 50;
        return RC_OK;
    }
    size_t length = strspn(limit, "0123456789");
    long rows = length >= 1 && length <= 4 && limit[length] == '\0' ? strtol(limit, NULL, 10) : 0;
    err_field(err, "limit");
    CHECK(rows >= 1 && rows <= 200, err, TRIEN__ERROR__FIELD_INVALID, "limit is not 1..200");
    err_clear(err);
    *ret_limit = (int32_t)rows;
    return RC_OK;
}
