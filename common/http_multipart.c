/* multipart/form-data (RFC 7578) of a body that is wholly there: parts are views into it, nothing
 * is copied but names. Strict: what is not exactly such a body is refused. Pure. */
#include <stdio.h>
#include <strings.h>

#include "common/http_internal.h"

#define MAX_BOUNDARY 70 /* RFC 2046 */
#define MAX_PART_HEADER 2048
#define MAX_NAME 255

/* The value of `name` in "type/subtype; name=value; name="quoted"": into `to`, NUL-ended. False
 * when it is not there, too long, or malformed. */
static bool parameter(const char *header, const char *name, char *to, size_t size)
{
    size_t length = strlen(name), n = 0;
    const char *s = strchr(header, ';');

    while (s) {
        s += 1 + strspn(s + 1, " \t");
        bool found = !strncasecmp(s, name, length) && s[length] == '=';
        s += strcspn(s, "=;");
        if (*s == '=' && s[1] == '"') {
            for (s += 2; *s && *s != '"'; s++) {
                if (*s == '\\' && (s[1] == '"' || s[1] == '\\'))
                    s++;
                if (found && n + 1 < size)
                    to[n] = *s;
                n += found;
            }
            if (*s != '"')
                return false;
        } else if (*s == '=') {
            for (s++; *s && *s != ';' && *s != ' ' && *s != '\t'; s++) {
                if (found && n + 1 < size)
                    to[n] = *s;
                n += found;
            }
        }
        if (found) {
            to[n + 1 < size ? n : 0] = 0;
            return n + 1 < size;
        }
        s = strchr(s, ';');
    }
    return false;
}

struct reader {
    struct arena *arena;
    struct err *err;
    struct bytes rest; /* what is not read yet */
    char delimiter[MAX_BOUNDARY + 5];
    size_t delimiter_length; /* of CRLF "--" boundary */
};

static void advance(struct reader *r, size_t n)
{
    r->rest.p += n;
    r->rest.n -= n;
}

static bool starts_with(const struct reader *r, const char *text, size_t length)
{
    return r->rest.n >= length && !memcmp(r->rest.p, text, length);
}

/* One header line of a part, without its CRLF, as a NUL-ended text in the arena. */
static enum rc read_line(struct reader *r, const char **ret_line)
{
    size_t look = r->rest.n < MAX_PART_HEADER ? r->rest.n : MAX_PART_HEADER;
    const uint8_t *end = memmem(r->rest.p, look, "\r\n", 2);
    size_t n = end ? (size_t)(end - r->rest.p) : 0;

    CHECK(end, r->err, TRIEN__ERROR__MALFORMED, "a part's header does not end");
    CHECK(bytes_are_text(bytes_of(r->rest.p, n)), r->err, TRIEN__ERROR__MALFORMED,
          "a part's header is not text");
    *ret_line = arena_strndup(r->arena, (const char *)r->rest.p, n);
    advance(r, n + 2);
    return RC_OK;
}

static const char *header_value(const char *line, const char *name)
{
    size_t length = strlen(name);

    if (strncasecmp(line, name, length) || line[length] != ':')
        return NULL;
    return line + length + 1 + strspn(line + length + 1, " \t");
}

static enum rc read_disposition(struct reader *r, const char *value, struct http_part *part)
{
    char text[MAX_NAME + 1];

    CHECK(!strncasecmp(value, "form-data", 9) && (value[9] == ';' || value[9] == ' '), r->err,
          TRIEN__ERROR__MALFORMED, "a part is not form-data");
    CHECK(!part->name && parameter(value, "name", text, sizeof(text)), r->err,
          TRIEN__ERROR__MALFORMED, "a part has no name, or two");
    part->name = arena_strdup(r->arena, text);
    if (parameter(value, "filename", text, sizeof(text)))
        part->filename = arena_strdup(r->arena, text);
    return RC_OK;
}

static enum rc read_headers(struct reader *r, struct http_part *part)
{
    const char *line = "", *value;

    for (int i = 0; i < 8; i++) {
        TRY(read_line(r, &line));
        if (!*line) {
            CHECK(part->name, r->err, TRIEN__ERROR__MALFORMED, "a part has no name");
            return RC_OK;
        }
        if ((value = header_value(line, "Content-Disposition")))
            TRY(read_disposition(r, value, part));
        else if ((value = header_value(line, "Content-Type")))
            part->content_type = value;
        else if ((value = header_value(line, "Content-Transfer-Encoding")))
            CHECK(!strcasecmp(value, "binary") || !strcasecmp(value, "8bit") ||
                      !strcasecmp(value, "7bit"),
                  r->err, TRIEN__ERROR__MALFORMED, "a part has a transfer encoding");
    }
    FAIL(r->err, TRIEN__ERROR__MALFORMED, "a part has too many headers");
}

static enum rc read_body(struct reader *r, struct http_part *part)
{
    const uint8_t *end = memmem(r->rest.p, r->rest.n, r->delimiter, r->delimiter_length);

    CHECK(end, r->err, TRIEN__ERROR__MALFORMED, "the last part is cut off");
    part->body = bytes_of(r->rest.p, (size_t)(end - r->rest.p));
    advance(r, part->body.n + r->delimiter_length);
    return RC_OK;
}

static enum rc open_reader(struct reader *r, const char *content_type)
{
    char boundary[MAX_BOUNDARY + 1];
    int n;

    CHECK(content_type && !strncasecmp(content_type, "multipart/form-data", 19) &&
              strchr("; ", content_type[19]),
          r->err, TRIEN__ERROR__UNSUPPORTED_TYPE, "expected multipart/form-data");
    CHECK(parameter(content_type, "boundary", boundary, sizeof(boundary)) && *boundary, r->err,
          TRIEN__ERROR__MALFORMED, "no boundary of 1 to 70 characters");
    n = snprintf(r->delimiter, sizeof(r->delimiter), "\r\n--%s", boundary);
    r->delimiter_length = (size_t)n;
    /* The first delimiter needs no line break before it. No preamble is accepted. */
    if (starts_with(r, "\r\n", 2))
        advance(r, 2);
    CHECK(starts_with(r, r->delimiter + 2, r->delimiter_length - 2), r->err,
          TRIEN__ERROR__MALFORMED, "the body does not begin with its boundary");
    advance(r, r->delimiter_length - 2);
    return RC_OK;
}

enum rc http_multipart(struct arena *arena, const char *content_type, struct bytes body,
                       struct err *err, const struct http_part **ret_parts, size_t *ret_count)
{
    struct http_part parts[HTTP_MAX_PARTS] = {0}, *copy;
    struct reader r = {.arena = arena, .err = err, .rest = body};
    size_t count = 0;

    TRY(open_reader(&r, content_type));
    while (!starts_with(&r, "--", 2)) {
        CHECK(starts_with(&r, "\r\n", 2), err, TRIEN__ERROR__MALFORMED, "text behind a boundary");
        advance(&r, 2);
        CHECK(count < HTTP_MAX_PARTS, err, TRIEN__ERROR__TOO_LARGE, "more than %d parts",
              HTTP_MAX_PARTS);
        TRY(read_headers(&r, &parts[count]));
        TRY(read_body(&r, &parts[count]));
        count++;
    }
    copy = ARENA_ARRAY(arena, struct http_part, count + 1);
    memcpy(copy, parts, count * sizeof(*parts));
    *ret_parts = copy;
    *ret_count = count;
    return RC_OK;
}
