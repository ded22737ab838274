/* The JSON text itself: size, depth, version, no member twice. What stands in it is request.c's. */
#include <string.h>

#include "services/validation/request.h"

/* Deepest nesting of arrays and objects; counts brackets outside strings, before any parser runs.
 */
static size_t depth_of(struct bytes json)
{
    size_t depth = 0, deepest = 0;
    bool in_text = false;

    for (size_t i = 0; i < json.n; i++) {
        uint8_t c = json.p[i];

        if (in_text && c == '\\')
            i++;
        else if (c == '"')
            in_text = !in_text;
        else if (!in_text && (c == '{' || c == '['))
            deepest = ++depth > deepest ? depth : deepest;
        else if (!in_text && (c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return deepest;
}

static json_t *refuse(struct reasons *reasons, const char *pointer, const char *why_vi,
                      const char *why_en)
{
    reasons_add(reasons, TRIEN__ERROR__REQUEST_MALFORMED, pointer, why_vi, why_en);
    return NULL;
}

static json_t *refuse_text(struct reasons *reasons, const json_error_t *error)
{
    struct arena *arena = reasons->arena;

    if (json_error_code(error) == json_error_duplicate_key)
        return refuse(
            reasons, "",
            arena_printf(arena, "request.json có trường bị lặp (dòng %d).", error->line),
            arena_printf(arena, "request.json has a member twice (line %d).", error->line));
    return refuse(reasons, "",
                  arena_printf(arena, "request.json không phải JSON hợp lệ (dòng %d, cột %d).",
                               error->line, error->column),
                  arena_printf(arena, "request.json is not valid JSON (line %d, column %d).",
                               error->line, error->column));
}

json_t *request_parse(struct bytes json, struct reasons *reasons)
{
    autoptr(json_t) root = NULL;
    const json_t *version;
    json_error_t error;

    if (json.n > REQUEST_MAX_BYTES)
        return refuse(reasons, "", "request.json lớn hơn 2 MiB.",
                      "request.json is larger than 2 MiB.");
    if (depth_of(json) > REQUEST_MAX_DEPTH)
        return refuse(reasons, "", "request.json lồng nhau quá sâu.",
                      "request.json is nested too deeply.");
    root = json_loadb((const char *)json.p, json.n, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        return refuse_text(reasons, &error);
    version = json_object_get(root, "version");
    if (!json_is_object(root) || !json_is_integer(version) || json_integer_value(version) != 1)
        return refuse(reasons, "/version", "request.json phải là đối tượng JSON có version là 1.",
                      "request.json must be a JSON object whose version is 1.");
    return TAKE(root);
}
