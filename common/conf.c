/* Configuration: a file, tables of rows, structs filled from them, strangers refused. It never
 * reads a secret and never changes a file. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/conf_internal.h"

#define MAX_FILE_BYTES ((size_t)1024 * 1024)
#define MAX_TABLES 16

struct conf {
    struct arena *arena;
    const char *path;
    struct conf_node *root;
    const struct conf_row *tables[MAX_TABLES];
    size_t table_count;
};

static enum rc slurp(const char *path, struct arena *arena, struct err *err, struct bytes *ret_text)
{
    struct stat st;
    char *text;
    ssize_t n = 0;
    size_t have = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    CHECK(fd >= 0, err, TRIEN__ERROR__CONFIG_INVALID, "%s: %s", path, strerror(errno));
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (size_t)st.st_size <= MAX_FILE_BYTES) {
        text = arena_alloc(arena, (size_t)st.st_size + 1);
        while (have < (size_t)st.st_size &&
               (n = read(fd, text + have, (size_t)st.st_size - have)) > 0)
            have += (size_t)n;
        close(fd);
        CHECK(n >= 0, err, TRIEN__ERROR__CONFIG_INVALID, "%s: %s", path, strerror(errno));
        *ret_text = bytes_of(text, have);
        return RC_OK;
    }
    close(fd);
    FAIL(err, TRIEN__ERROR__CONFIG_INVALID, "%s: not a regular file of at most 1 MiB", path);
}

static struct conf *conf_new(const char *name)
{
    struct arena *arena = arena_new(128 * MAX_FILE_BYTES);
    struct conf *conf = ARENA_NEW(arena, struct conf);

    conf->arena = arena;
    conf->path = arena_strdup(arena, name);
    conf->root = ARENA_NEW(arena, struct conf_node);
    conf->root->name = "root";
    conf->root->value = "";
    return conf;
}

enum rc conf_parse(const char *name, struct bytes text, struct err *err, struct conf **ret_conf)
{
    struct conf *conf = conf_new(name);
    enum rc rc = conf_read(conf->arena, conf->path, text, false, err, conf->root);

    if (rc != RC_OK)
        conf_free(&conf);
    else
        *ret_conf = conf;
    return rc;
}

static enum rc load(const char *path, bool is_list, struct err *err, struct conf **ret_conf)
{
    struct conf *conf = conf_new(path);
    struct bytes text;
    enum rc rc = slurp(path, conf->arena, err, &text);

    if (rc == RC_OK)
        rc = conf_read(conf->arena, conf->path, text, is_list, err, conf->root);
    if (rc != RC_OK)
        conf_free(&conf);
    else
        *ret_conf = conf;
    return rc;
}

enum rc conf_load(const char *path, struct err *err, struct conf **ret_conf)
{
    return load(path, false, err, ret_conf);
}

enum rc conf_load_list(const char *path, struct err *err, struct conf **ret_conf)
{
    return load(path, true, err, ret_conf);
}

void conf_free(struct conf **conf)
{
    struct arena *arena;

    if (!*conf)
        return;
    arena = (*conf)->arena; /* the conf lies in its own arena */
    arena_free(&arena);
    *conf = NULL;
}

const struct conf_node *conf_root(const struct conf *conf)
{
    return conf->root;
}

const struct conf_node *conf_find(const struct conf_node *node, const char *path)
{
    while (node && *path) {
        size_t length = strcspn(path, "/");
        const struct conf_node *child = node->child;

        while (child && (strlen(child->name) != length || memcmp(child->name, path, length)))
            child = child->next;
        node = child;
        path += length + (path[length] == '/');
    }
    return node;
}

static enum rc fill_row(struct conf *conf, const struct conf_row *row, void *into, struct err *err)
{
    const struct conf_node *node = conf_find(conf->root, row->key);
    const char *value = node ? node->value : row->fallback;
    void *member = (char *)into + row->offset;
    const char *wrong;

    err_field(err, "%s", row->key);
    if (row->type == CONF_TREE) {
        CHECK(node || row->fallback, err, TRIEN__ERROR__CONFIG_INVALID, "%s: %s: is missing",
              conf->path, row->key);
        *(const struct conf_node **)member = node;
        err_field(err, "%s", "");
        return RC_OK;
    }
    CHECK(value, err, TRIEN__ERROR__CONFIG_INVALID, "%s: %s: is missing (%s)", conf->path, row->key,
          row->doc);
    wrong = conf_set_value(row, value, member);
    CHECK(!wrong, err, TRIEN__ERROR__CONFIG_INVALID, "%s:%d: %s: `%s` %s", conf->path,
          node ? node->line : 0, row->key, value, wrong);
    err_field(err, "%s", "");
    return RC_OK;
}

enum rc conf_fill(struct conf *conf, const struct conf_row *rows, void *into, struct err *err)
{
    CHECK(conf->table_count < MAX_TABLES, err, TRIEN__ERROR__INTERNAL, "too many tables of keys");
    conf->tables[conf->table_count++] = rows;
    for (const struct conf_row *row = rows; row->key; row++)
        TRY(fill_row(conf, row, into, err));
    return RC_OK;
}

enum known { STRANGER, BRANCH, LEAF, TREE };

/* What the tables say about a path. */
static enum known look_up(const struct conf *conf, const char *path)
{
    size_t length = strlen(path);
    enum known known = STRANGER;

    for (size_t t = 0; t < conf->table_count; t++)
        for (const struct conf_row *row = conf->tables[t]; row->key; row++) {
            if (!strcmp(row->key, path))
                return row->type == CONF_TREE ? TREE : LEAF;
            if (!strncmp(row->key, path, length) && row->key[length] == '/')
                known = BRANCH;
        }
    return known;
}

static enum rc check_node(const struct conf *conf, const struct conf_node *node, const char *path,
                          struct err *err)
{
    enum known known = look_up(conf, path);
    bool wrong =
        known == STRANGER || (known == BRANCH && *node->value) || (known == LEAF && node->child);

    if (known == TREE)
        return RC_OK;
    if (wrong)
        err_field(err, "%s", path);
    CHECK(!wrong, err, TRIEN__ERROR__CONFIG_INVALID, "%s:%d: %s: %s", conf->path, node->line, path,
          known == STRANGER ? "is not a key of this service"
          : known == BRANCH ? "has keys below it, not a value"
                            : "has a value, not keys below it");
    for (const struct conf_node *child = node->child; child; child = child->next) {
        char below[CONF_MAX_KEY * 4];
        int n = snprintf(below, sizeof(below), "%s%s%s", path, *path ? "/" : "", child->name);

        CHECK(n < (int)sizeof(below), err, TRIEN__ERROR__CONFIG_INVALID, "%s:%d: key too long",
              conf->path, child->line);
        TRY(check_node(conf, child, below, err));
    }
    return RC_OK;
}

enum rc conf_no_strangers(const struct conf *conf, struct err *err)
{
    for (const struct conf_node *node = conf->root->child; node; node = node->next)
        TRY(check_node(conf, node, node->name, err));
    return RC_OK;
}

void conf_print_rows(FILE *out, const struct conf_row *rows)
{
    static const char *const types[] = {
        "text",  "file",          "secret file", "folder", "path",   "number", "time",
        "bytes", "true or false", "address",     "URL",    "choice", "tree"};

    for (const struct conf_row *row = rows; row->key; row++) {
        fprintf(out, "%-28s %s", row->key,
                row->type == CONF_CHOICE ? row->choices : types[row->type]);
        if (row->max > row->min)
            fprintf(out, ", %" PRId64 " to %" PRId64, row->min, row->max);
        else if (row->min)
            fprintf(out, ", from %" PRId64, row->min);
        if (!row->fallback)
            fprintf(out, ", required");
        else if (*row->fallback)
            fprintf(out, ", default %s", row->fallback);
        fprintf(out, "\n    %s\n", row->doc);
    }
}
