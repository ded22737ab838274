/* Routes: matching raw paths against patterns, and decoding what they capture. Pure. */
#include <stdio.h>
#include <unistr.h>

#include "common/http_internal.h"

#define MAX_CAPTURE ((size_t)255) /* keeps two captures in one segment from costing its square */

const char *http_decode(struct arena *arena, const char *raw, size_t length)
{
    char *start = arena_alloc(arena, length + 1), *to = start;

    for (size_t i = 0; i < length; i++) {
        int high, low;

        if (raw[i] != '%') {
            *to++ = raw[i];
            continue;
        }
        if (length - i < 3)
            return NULL;
        high = hex_digit(raw[i + 1]);
        low = hex_digit(raw[i + 2]);
        if (high < 0 || low < 0 || (high | low) == 0)
            return NULL;
        *to++ = (char)(high << 4 | low);
        i += 2;
    }
    return u8_check((const uint8_t *)start, (size_t)(to - start)) ? NULL : start;
}

/* One match under way; values stay raw until the whole path fits. */
struct match {
    struct http_capture captures[HTTP_MAX_CAPTURES];
    size_t lengths[HTTP_MAX_CAPTURES];
    size_t count;
};

static bool fits(const char *pattern, const char *path, struct match *m);

/* {name}: the shortest text within the segment behind which the rest fits. {name+}: all the rest.
 */
static bool fits_capture(const char *pattern, const char *path, struct match *m)
{
    const char *end = strchr(pattern, '}');
    bool rest = end && end[-1] == '+';
    size_t at = m->count, longest = rest ? strlen(path) : strcspn(path, "/");

    if (!end || at == HTTP_MAX_CAPTURES)
        return false;
    if (!rest && longest > MAX_CAPTURE)
        longest = MAX_CAPTURE;
    m->captures[at] = (struct http_capture){pattern + 1, (size_t)(end - pattern - 1 - rest), path};
    for (size_t n = rest ? longest : 1; n <= longest; n++) {
        m->count = at + 1;
        m->lengths[at] = n;
        if (n && fits(end + 1, path + n, m))
            return true;
    }
    return false;
}

static bool fits(const char *pattern, const char *path, struct match *m)
{
    while (*pattern && *pattern != '{' && *pattern == *path) {
        pattern++;
        path++;
    }
    if (*pattern == '{')
        return fits_capture(pattern, path, m);
    return !*pattern && !*path;
}

static bool same_method(const struct http_route *route, const char *method)
{
    return !strcmp(route->method, method) ||
           (!strcmp(method, "HEAD") && !strcmp(route->method, "GET"));
}

static bool decode_captures(const struct match *m, struct arena *arena,
                            struct http_capture *captures)
{
    for (size_t i = 0; i < m->count; i++) {
        captures[i] = m->captures[i];
        captures[i].value = http_decode(arena, m->captures[i].value, m->lengths[i]);
        if (!captures[i].value)
            return false;
    }
    if (m->count < HTTP_MAX_CAPTURES)
        captures[m->count].name = NULL;
    return true;
}

enum http_match http_route_find(const struct http_route *routes, const char *method,
                                const char *path, struct arena *arena,
                                struct http_capture *captures, const struct http_route **ret_route)
{
    enum http_match result = HTTP_NO_PATH;

    for (const struct http_route *route = routes; route && route->path; route++) {
        struct match m = {.count = 0};

        if (!fits(route->path, path, &m))
            continue;
        if (!same_method(route, method)) {
            result = HTTP_NO_METHOD;
            continue;
        }
        if (arena && !decode_captures(&m, arena, captures))
            return HTTP_NO_PATH;
        *ret_route = route;
        return HTTP_MATCHED;
    }
    return result;
}

const char *http_route_methods(const struct http_route *routes, const char *path,
                               struct arena *arena)
{
    const char *methods = "";

    for (const struct http_route *route = routes; route && route->path; route++) {
        struct match m = {.count = 0};

        if (fits(route->path, path, &m) && !strstr(methods, route->method))
            methods = arena_printf(arena, "%s%s%s", methods, *methods ? ", " : "", route->method);
    }
    return methods;
}
