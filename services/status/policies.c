/* The published policy documents. What is asked for is compared with what was read at start: no
 * address ever becomes a path. */
#include "services/status/policies.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"

static const char *const kinds[] = {"cp", "cps"};

static const struct {
    const char *suffix, *content_type;
} forms[] = {{"txt", "text/plain; charset=utf-8"}, {"pdf", "application/pdf"}};

/* 1 to 9999 in decimal without leading zeros; what stands behind it. */
static unsigned read_version(const char *text, const char **ret_behind)
{
    size_t length = strspn(text, "0123456789");
    unsigned version = 0;

    if (length > 4 || text[0] == '0')
        length = 0;
    for (size_t i = 0; i < length; i++)
        version = version * 10 + (unsigned)(text[i] - '0');
    *ret_behind = text + length;
    return version;
}

static const char *kind_of(const char *text, size_t length)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (strlen(kinds[i]) == length && memcmp(kinds[i], text, length) == 0)
            return kinds[i];
    return NULL;
}

bool policy_name_read(const char *name, const char **ret_kind, unsigned *ret_version,
                      const char **ret_content_type)
{
    size_t length = strcspn(name, "-");
    const char *kind = kind_of(name, length), *suffix = "";
    unsigned version = name[length] ? read_version(name + length + 1, &suffix) : 0;

    if (!kind || version == 0 || *suffix != '.')
        return false;
    for (size_t i = 0; i < COUNT_OF(forms); i++)
        if (strcmp(suffix + 1, forms[i].suffix) == 0) {
            *ret_kind = kind;
            *ret_version = version;
            *ret_content_type = forms[i].content_type;
            return true;
        }
    return false;
}

static const struct policy *find(const struct policies *policies, const char *kind,
                                 unsigned version)
{
    for (size_t i = 0; i < policies->count; i++)
        if (policies->list[i].version == version && strcmp(policies->list[i].kind, kind) == 0)
            return &policies->list[i];
    return NULL;
}

const struct policy *policies_find(const struct policies *policies, const char *kind,
                                   const char *version)
{
    const char *behind;
    unsigned number = read_version(version, &behind);

    return *behind ? NULL : find(policies, kind, number);
}

static void put_etag(const uint8_t sha256[32], char ret_etag[POLICY_ETAG_CHARS + 1])
{
    ret_etag[0] = '"';
    bytes_put_hex(bytes_of(sha256, 8), ret_etag + 1);
    memcpy(ret_etag + POLICY_ETAG_CHARS - 1, "\"", 2);
}

static enum rc add_file(struct arena *arena, const char *directory, const char *name,
                        struct err *err, struct policies *all)
{
    struct policy policy = {0};

    if (!policy_name_read(name, &policy.kind, &policy.version, &policy.content_type))
        return RC_OK;
    err_field(err, "policies");
    CHECK(all->count < POLICIES_MAX, err, TRIEN__ERROR__CONFIG_INVALID, "more than %d documents",
          POLICIES_MAX);
    CHECK(!find(all, policy.kind, policy.version), err, TRIEN__ERROR__CONFIG_INVALID,
          "%s/%s: this version is there twice", directory, name);
    TRY(file_read(arena_printf(arena, "%s/%s", directory, name), POLICY_MAX_BYTES, arena, err,
                  &policy.document));
    CHECK(policy.document.n > 0, err, TRIEN__ERROR__CONFIG_INVALID, "%s/%s is empty", directory,
          name);
    err_clear(err);
    bytes_sha256(policy.document, policy.sha256);
    put_etag(policy.sha256, policy.etag);
    all->list[all->count++] = policy;
    return RC_OK;
}

static int by_kind_and_version(const void *left, const void *right)
{
    const struct policy *a = left, *b = right;
    int order = strcmp(a->kind, b->kind);

    return order ? order : (a->version > b->version) - (a->version < b->version);
}

static void write_index(struct arena *arena, struct policies *all)
{
    const char *rows = "";
    uint8_t sha256[32];

    for (size_t i = 0; i < all->count; i++) {
        const struct policy *one = &all->list[i];

        rows = arena_printf(arena,
                            "%s%s{\"kind\":\"%s\",\"version\":%u,\"path\":\"/policies/%s/"
                            "%u\",\"content_type\":\"%s\","
                            "\"size_bytes\":%zu,\"sha256\":\"%s\"}",
                            rows, i ? "," : "", one->kind, one->version, one->kind, one->version,
                            one->content_type, one->document.n,
                            bytes_to_hex(arena, bytes_of(one->sha256, 32)));
    }
    all->index = bytes_of_text(arena_printf(arena, "{\"policies\":[%s]}\n", rows));
    bytes_sha256(all->index, sha256);
    put_etag(sha256, all->index_etag);
}

static void close_directory(DIR **directory)
{
    if (*directory)
        closedir(*directory);
}

enum rc policies_load(struct arena *arena, const char *directory, struct err *err,
                      struct policies *ret_policies)
{
    __attribute__((cleanup(close_directory))) DIR *folder = *directory ? opendir(directory) : NULL;
    struct policies all = {.list = ARENA_ARRAY(arena, struct policy, POLICIES_MAX)};
    struct dirent *entry;

    CHECK(folder || !*directory, err, TRIEN__ERROR__CONFIG_INVALID, "policies: %s: %s", directory,
          strerror(errno));
    while (folder && (entry = readdir(folder)))
        TRY(add_file(arena, directory, entry->d_name, err, &all));
    qsort(all.list, all.count, sizeof(*all.list), by_kind_and_version);
    write_index(arena, &all);
    *ret_policies = all;
    return RC_OK;
}
