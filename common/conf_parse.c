/* Reads a configuration text in the zconfig format (ZPL, https://rfc.zeromq.org/spec/4/) into a
 * tree of nodes. Parsed here, not by czmq, so that an error can name the line and a slip of
 * indentation is refused instead of guessed at. It knows nothing of keys and their meaning. */
#include "common/conf_internal.h"

#define MAX_DEPTH 16

struct parser {
    struct arena *arena;
    const char *path;
    struct err *err;
    int line;
    bool is_list;                          /* names at the top may repeat */
    struct conf_node *open[MAX_DEPTH + 1]; /* the node each level hangs under */
    struct conf_node *last[MAX_DEPTH + 1]; /* its newest child */
    int depth;                             /* of the newest node */
};

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("$-_@.&+/", c));
}

/* The value behind '=': quoted, or bare up to a '#' or the end of the line. */
static enum rc read_value(struct parser *p, const char *s, const char *end, const char **ret_value)
{
    const char *stop;

    while (s < end && (*s == ' ' || *s == '\t'))
        s++;
    if (s < end && (*s == '"' || *s == '\'')) {
        stop = memchr(s + 1, *s, (size_t)(end - s - 1));
        CHECK(stop, p->err, TRIEN__ERROR__CONFIG_INVALID, "%s:%d: a quote is not closed", p->path,
              p->line);
        *ret_value = arena_strndup(p->arena, s + 1, (size_t)(stop - s - 1));
        for (s = stop + 1; s < end && *s != '#'; s++)
            CHECK(*s == ' ' || *s == '\t', p->err, TRIEN__ERROR__CONFIG_INVALID,
                  "%s:%d: text behind a quoted value", p->path, p->line);
        return RC_OK;
    }
    stop = memchr(s, '#', (size_t)(end - s));
    if (!stop)
        stop = end;
    while (stop > s && (stop[-1] == ' ' || stop[-1] == '\t'))
        stop--;
    *ret_value = arena_strndup(p->arena, s, (size_t)(stop - s));
    return RC_OK;
}

static void hang(struct parser *p, struct conf_node *node, int depth)
{
    if (p->last[depth])
        p->last[depth]->next = node;
    else
        p->open[depth]->child = node;
    p->last[depth] = node;
    p->open[depth + 1] = node;
    p->last[depth + 1] = NULL;
    p->depth = depth;
}

/* A key or a section that stands twice would silently lose one of the two. */
static enum rc check_once(const struct parser *p, const struct conf_node *node, int depth)
{
    const char *path = node->name;
    const struct conf_node *other = p->open[depth]->child;

    if (p->is_list && depth == 0)
        return RC_OK;
    while (other && strcmp(other->name, node->name) != 0)
        other = other->next;
    if (!other)
        return RC_OK;
    for (int above = depth; above > 0; above--)
        path = arena_printf(p->arena, "%s/%s", p->open[above]->name, path);
    err_field(p->err, "%s", path);
    FAIL(p->err, TRIEN__ERROR__CONFIG_INVALID, "%s:%d: %s: stands twice; first in line %d", p->path,
         node->line, path, other->line);
}

static enum rc read_line(struct parser *p, const char *s, const char *end)
{
    struct conf_node *node;
    const char *name = s, *path = p->path;
    int depth;

    while (name < end && *name == ' ')
        name++;
    if (name == end || *name == '#')
        return RC_OK;
    depth = (int)(name - s) / 4;
    CHECK((name - s) % 4 == 0 && depth <= p->depth + 1 && depth < MAX_DEPTH, p->err,
          TRIEN__ERROR__CONFIG_INVALID, "%s:%d: indentation is not four spaces a level", path,
          p->line);
    for (s = name; s < end && is_name(*s);)
        s++;
    CHECK(s > name && s - name < CONF_MAX_KEY, p->err, TRIEN__ERROR__CONFIG_INVALID,
          "%s:%d: expected a key", path, p->line);
    node = ARENA_NEW(p->arena, struct conf_node);
    node->name = arena_strndup(p->arena, name, (size_t)(s - name));
    node->value = "";
    node->line = p->line;
    while (s < end && (*s == ' ' || *s == '\t'))
        s++;
    if (s < end && *s == '=')
        TRY(read_value(p, s + 1, end, &node->value));
    else
        CHECK(s == end || *s == '#', p->err, TRIEN__ERROR__CONFIG_INVALID,
              "%s:%d: expected `=` behind `%s`", path, p->line, node->name);
    TRY(check_once(p, node, depth));
    hang(p, node, depth);
    return RC_OK;
}

enum rc conf_read(struct arena *arena, const char *path, struct bytes text, bool is_list,
                  struct err *err, struct conf_node *root)
{
    struct parser p = {
        .arena = arena, .path = path, .err = err, .is_list = is_list, .open = {root}, .depth = -1};
    const char *s = (const char *)text.p, *end = s + text.n;

    while (s < end) {
        const char *eol = memchr(s, '\n', (size_t)(end - s));
        const char *stop = eol ? eol : end;

        p.line++;
        CHECK(!memchr(s, 0, (size_t)(stop - s)), err, TRIEN__ERROR__CONFIG_INVALID,
              "%s:%d: a NUL byte", path, p.line);
        if (stop > s && stop[-1] == '\r')
            TRY(read_line(&p, s, stop - 1));
        else
            TRY(read_line(&p, s, stop));
        s = eol ? eol + 1 : end;
    }
    return RC_OK;
}
