/* Key files. Refuses keys that are no keys, one key for two principals, and secret files everybody
 * may read. Secrets stay in locked memory (secret.c) until libzmq takes its copy. */
#include "common/bus_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "common/conf.h"
#include "common/secret.h"

static bool is_key(const char *z85, uint8_t ret_raw[KEY_RAW])
{
    return strlen(z85) == KEY_Z85 && zmq_z85_decode(ret_raw, z85);
}

static size_t count_nodes(const struct conf_node *node)
{
    size_t n = 0;

    for (const struct conf_node *c = node->child; c; c = c->next)
        n++;
    return n;
}

static enum rc add_key(struct key_table *table, const char *path, const struct conf_node *node,
                       struct err *err)
{
    struct key_entry *entry = &table->entries[table->count];
    const char *owner;

    CHECK(strlen(node->name) < PRINCIPAL_MAX, err, TRIEN__ERROR__KEY_FILE, "%s: name is too long",
          path);
    CHECK(is_key(node->value, entry->raw), err, TRIEN__ERROR__KEY_FILE,
          "%s: %s is not a Z85 key of 40 characters", path, node->name);
    owner = keys_find(table, entry->raw);
    CHECK(!owner, err, TRIEN__ERROR__KEY_FILE, "%s: %s and %s have the same key", path, node->name,
          owner);
    snprintf(entry->principal, sizeof(entry->principal), "%s", node->name);
    snprintf(entry->z85, sizeof(entry->z85), "%s", node->value);
    table->count++;
    return RC_OK;
}

static enum rc fill_table(const char *path, const struct conf_node *root, struct key_table *table,
                          struct err *err)
{
    for (const struct conf_node *node = root->child; node; node = node->next)
        TRY(add_key(table, path, node, err));
    return RC_OK;
}

enum rc keys_read_table(const char *path, struct err *err, struct key_table **ret_table)
{
    struct conf *conf = NULL;
    struct key_table *table = NULL;
    size_t count;
    enum rc rc;

    if (conf_load_list(path, err, &conf) != RC_OK)
        FAIL(err, TRIEN__ERROR__KEY_FILE, "%s: cannot be read as a list of keys", path);
    count = count_nodes(conf_root(conf));
    if (count <= KEYS_MAX)
        table = calloc(1, sizeof(*table) + (count + 1) * sizeof(table->entries[0]));
    rc = table
             ? fill_table(path, conf_root(conf), table, err)
             : err_set(err, TRIEN__ERROR__KEY_FILE, __FILE__, __LINE__, "%s: too many keys", path);
    conf_free(&conf);
    if (rc != RC_OK) {
        free(table);
        return rc;
    }
    *ret_table = table;
    return RC_OK;
}

static atomic_uint edition;

void keys_changed(void)
{
    atomic_fetch_add(&edition, 1);
}

unsigned keys_edition(void)
{
    return atomic_load(&edition);
}

const char *keys_find(const struct key_table *table, const uint8_t raw[KEY_RAW])
{
    for (size_t i = 0; i < table->count; i++) {
        if (!memcmp(table->entries[i].raw, raw, KEY_RAW))
            return table->entries[i].principal;
    }
    return NULL;
}

const struct key_entry *keys_of(const struct key_table *table, const char *principal, size_t n)
{
    for (size_t i = 0; i < table->count; i++) {
        if (!strcmp(table->entries[i].principal, principal) && n-- == 0)
            return &table->entries[i];
    }
    return NULL;
}

enum rc keys_read_secret(const char *path, struct err *err, char ret_z85[KEY_Z85 + 1])
{
    struct secret *secret = NULL;
    uint8_t raw[KEY_RAW];
    bool good;

    TRY(secret_load(path, err, &secret));
    good = is_key(secret_text(secret), raw);
    if (good)
        memcpy(ret_z85, secret_text(secret), KEY_Z85 + 1);
    explicit_bzero(raw, sizeof(raw));
    secret_free(&secret);
    CHECK(good, err, TRIEN__ERROR__KEY_FILE, "%s: not a Z85 key of 40 characters", path);
    return RC_OK;
}

enum rc keys_read_public(const char *path, struct err *err, char ret_z85[KEY_Z85 + 1])
{
    char text[KEY_Z85 + 2] = "";
    uint8_t raw[KEY_RAW];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

    if (fd >= 0)
        close(fd);
    CHECK(got > 0, err, TRIEN__ERROR__KEY_FILE, "%s: cannot be read", path);
    text[strcspn(text, "\r\n")] = '\0';
    CHECK(is_key(text, raw), err, TRIEN__ERROR__KEY_FILE, "%s: not a Z85 key of 40 characters",
          path);
    memcpy(ret_z85, text, KEY_Z85 + 1);
    return RC_OK;
}

static enum rc write_key(const char *path, mode_t mode, const char *z85, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    bool good;

    CHECK(fd >= 0, err, TRIEN__ERROR__KEY_FILE, "%s: cannot be made, or is there already: %s", path,
          strerror(errno));
    good = write(fd, z85, KEY_Z85) == KEY_Z85 && write(fd, "\n", 1) == 1 && fchmod(fd, mode) == 0 &&
           fsync(fd) == 0;
    close(fd);
    CHECK(good, err, TRIEN__ERROR__KEY_FILE, "%s: cannot be written: %s", path, strerror(errno));
    return RC_OK;
}

enum rc bus_make_keys(const char *secret_file, const char *public_file, struct err *err)
{
    char public_z85[KEY_Z85 + 1], secret_z85[KEY_Z85 + 1];
    enum rc rc;

    CHECK(zmq_curve_keypair(public_z85, secret_z85) == 0, err, TRIEN__ERROR__INTERNAL,
          "libzmq has no CURVE");
    rc = write_key(secret_file, 0600, secret_z85, err);
    explicit_bzero(secret_z85, sizeof(secret_z85));
    TRY(rc);
    rc = write_key(public_file, 0644, public_z85, err);
    if (rc != RC_OK)
        unlink(secret_file);
    return rc;
}
