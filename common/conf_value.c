/* Values of configuration keys: numbers with units, paths, addresses, URLs, choices. Each check
 * says in words what is wrong; nothing is opened but to see whether it could be. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/conf_internal.h"

static bool parse_number(const char *text, const char **ret_rest, int64_t *ret_value)
{
    char *rest;
    long long value;

    if ((*text < '0' || *text > '9') && *text != '-')
        return false;
    errno = 0;
    value = strtoll(text, &rest, 10);
    if (errno || rest == text)
        return false;
    *ret_rest = rest;
    *ret_value = value;
    return true;
}

struct unit {
    const char *name;
    int64_t factor;
};
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};
static const struct unit ms_units[] = {{"", 1},        {"ms", 1},       {"s", 1000}, {"m", 60000},
                                       {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
static const struct unit byte_units[] = {
    {"", 1}, {"k", 1024}, {"M", 1024 * 1024}, {"G", 1024 * 1024 * 1024}, {NULL, 0}};

static const char *set_number(const struct conf_row *row, const char *text, const struct unit *unit,
                              void *member)
{
    const char *rest;
    int64_t value;

    if (!parse_number(text, &rest, &value))
        return "is not a number";
    while (unit->name && strcmp(unit->name, rest))
        unit++;
    if (!unit->name)
        return "has an unknown unit";
    if (__builtin_mul_overflow(value, unit->factor, &value))
        return "is too large";
    bool has_max = row->max > row->min || (row->max == row->min && row->max != 0);
    if (((row->min || row->max) && value < row->min) || (has_max && value > row->max))
        return "is outside its limits";
    *(int64_t *)member = value;
    return NULL;
}

static const char *check_path(const char *path, enum conf_type type)
{
    struct stat st;

    if (type == CONF_NEW_PATH)
        return NULL;
    if (stat(path, &st))
        return strerror(errno);
    if (type == CONF_DIR)
        return S_ISDIR(st.st_mode) ? NULL : "is not a directory";
    if (!S_ISREG(st.st_mode))
        return "is not a regular file";
    if (type == CONF_SECRET && (st.st_mode & 07))
        return "is a secret that others may read (chmod o-rwx)";
    return access(path, R_OK) ? strerror(errno) : NULL;
}

/* "tcp://host:port" or "host:port"; the port is a number, or "*" for any free one. */
static const char *check_address(const char *address)
{
    const char *host = strncmp(address, "tcp://", 6) ? address : address + 6;
    const char *colon = strrchr(host, ':'), *rest;
    int64_t port;

    if (!colon || colon == host)
        return "is not host:port";
    if (!strcmp(colon + 1, "*"))
        return NULL;
    if (!parse_number(colon + 1, &rest, &port) || *rest || port < 0 || port > 65535)
        return "has no port from 0 to 65535";
    return NULL;
}

static const char *check_url(const char *url)
{
    static const char *const schemes[] = {"http://", "https://", "smtp://", "smtps://", "file:/"};

    for (size_t i = 0; i < COUNT_OF(schemes); i++)
        if (!strncmp(url, schemes[i], strlen(schemes[i])) && url[strlen(schemes[i])])
            return NULL;
    return "is not an http, https, smtp, smtps or file URL";
}

static const char *check_choice(const char *choices, const char *value)
{
    size_t length = strlen(value);

    for (const char *word = choices; *word; word += strspn(word, " ")) {
        size_t n = strcspn(word, " ");
        if (n == length && !memcmp(word, value, n))
            return NULL;
        word += n;
    }
    return "is not one of its choices";
}

static const char *set_bool(const char *text, void *member)
{
    bool value = !strcmp(text, "true");

    if (!value && strcmp(text, "false"))
        return "is not true or false";
    *(bool *)member = value;
    return NULL;
}

const char *conf_set_value(const struct conf_row *row, const char *value, void *member)
{
    bool absent = !*value && row->fallback && !*row->fallback;
    const char *wrong = NULL;

    switch (row->type) {
    case CONF_INT:
        return set_number(row, value, no_units, member);
    case CONF_MS:
        return set_number(row, value, ms_units, member);
    case CONF_BYTES:
        return set_number(row, value, byte_units, member);
    case CONF_BOOL:
        return set_bool(value, member);
    case CONF_FILE:
    case CONF_SECRET:
    case CONF_DIR:
    case CONF_NEW_PATH:
        wrong = absent ? NULL : !*value ? "is empty" : check_path(value, row->type);
        break;
    case CONF_ADDRESS:
        wrong = absent ? NULL : check_address(value);
        break;
    case CONF_URL:
        wrong = absent ? NULL : check_url(value);
        break;
    case CONF_CHOICE:
        wrong = check_choice(row->choices, value);
        break;
    case CONF_TEXT:
        wrong = absent || *value ? NULL : "is empty";
        break;
    case CONF_TREE:
        break;
    }
    if (!wrong)
        *(const char **)member = value;
    return wrong;
}
