/* Fuzz target: what a client chooses about a request, through the pure half of http: path and
 * method against a table of routes, percent-decoding, a multipart body by its content type. First
 * line: the method and path; second line: the content type; the rest: the body. Parts must lie in
 * the body. */
#include "common/http_internal.h"

static enum rc nothing(struct tx *tx, const struct http_request *request,
                       struct http_response *response)
{
    (void)tx;
    (void)request;
    (void)response;
    return RC_OK;
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/v1/requests/{id}", .fn = nothing},
    {.method = "POST", .path = "/v1/requests", .fn = nothing},
    {.method = "GET", .path = "/v1/requests/{id}/certificates/{serial}.cer", .fn = nothing},
    {.method = "GET", .path = "/crl/{ca}-{shard}.crl", .fn = nothing},
    {.method = "GET", .path = "/ocsp/{request+}", .fn = nothing},
    {0},
};

/* The line up to '\n' as a text of the arena; the rest of the input. */
static const char *take_line(struct arena *arena, struct bytes *rest)
{
    const uint8_t *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
    size_t n = end ? (size_t)(end - rest->p) : rest->n;
    const char *line = arena_strndup(arena, (const char *)rest->p, n);

    rest->p += n + (end != NULL);
    rest->n -= n + (end != NULL);
    return line;
}

static void try_route(struct arena *arena, const char *line)
{
    struct http_capture captures[HTTP_MAX_CAPTURES] = {0};
    const struct http_route *route = NULL;
    const char *space = strchr(line, ' ');
    const char *path = space ? space + 1 : line;
    const char *method = arena_strndup(arena, line, space ? (size_t)(space - line) : 0);

    if (http_route_find(routes, method, path, arena, captures, &route) == HTTP_MATCHED)
        for (size_t i = 0; i < HTTP_MAX_CAPTURES && captures[i].name; i++)
            if (!*captures[i].value)
                __builtin_trap(); /* a capture is never empty */
    http_route_methods(routes, path, arena);
    http_decode(arena, path, strlen(path));
}

static void try_multipart(struct arena *arena, const char *content_type, struct bytes body)
{
    const struct http_part *parts = NULL;
    struct err err = {0};
    size_t count = 0;

    if (http_multipart(arena, content_type, body, &err, &parts, &count) != RC_OK)
        return;
    for (size_t i = 0; i < count; i++)
        if (!parts[i].name || parts[i].body.p < body.p ||
            parts[i].body.p + parts[i].body.n > body.p + body.n)
            __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct arena *arena = arena_new((size_t)1 << 26);
    struct bytes rest = bytes_of(p, n);
    const char *request = take_line(arena, &rest), *content_type = take_line(arena, &rest);

    try_route(arena, request);
    try_multipart(arena, content_type, rest);
    arena_free(&arena);
    return 0;
}
