/* Configuration: a file in czmq's zconfig format, described by tables of rows.
 *
 * One table gives the parser, the checks, the defaults and the documentation (--help-config). A key
 * that no table knows, a key or section that stands twice, or a value its row refuses, stops the
 * start with file and key named. Secrets
 * are paths to files, never values. Errors name file, line and key path. A default "" makes a text,
 * file or address optional: the member is then "". */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/bytes.h"
#include "common/guard.h"

enum conf_type {
    CONF_TEXT,     /* const char *                                          */
    CONF_FILE,     /* const char *, a file that can be read                 */
    CONF_SECRET,   /* const char *, the path of a secret: readable by owner or group only */
    CONF_DIR,      /* const char *, a directory that exists                 */
    CONF_NEW_PATH, /* const char *, a path that may be made at run time     */
    CONF_INT,      /* int64_t, min..max                                     */
    CONF_MS,       /* int64_t milliseconds; "250", "30s", "5m", "12h"       */
    CONF_BYTES,    /* int64_t bytes; "4096", "64k", "20M"                   */
    CONF_BOOL,     /* bool; true/false                                      */
    CONF_ADDRESS,  /* const char *, "tcp://host:port" or "host:port"        */
    CONF_URL,      /* const char *, http:, https:, smtp:, file: …           */
    CONF_CHOICE,   /* const char *, one of the words in `choices`           */
    CONF_TREE, /* const struct conf_node *, the subtree as it stands; its keys are not checked here
                */
};

struct conf_row {
    const char *key; /* path in the file: "database/host"; a table ends with key NULL */
    enum conf_type type;
    size_t offset;        /* of the member in the struct the table fills */
    const char *fallback; /* default as it would stand in the file; NULL: the key is required */
    const char *doc;      /* one sentence for the operator */
    int64_t min, max;     /* for numbers; both 0: no limit; max below min: no upper limit */
    const char *choices;  /* for CONF_CHOICE: "a b c" */
};

/* One node of the file; children and siblings in order. Read only. */
struct conf_node {
    const char *name, *value; /* value "" when none */
    const struct conf_node *child, *next;
    int line;
};

struct conf;

/** Reads the file. Free with conf_free(); every text handed out lives as long as the conf. */
enum rc conf_load(const char *path, struct err *err, struct conf **ret_conf);
/** The same of a list of `name = "value"`, where a name may stand more than once: a principal has
 *  two keys while one of them is replaced. */
enum rc conf_load_list(const char *path, struct err *err, struct conf **ret_conf);
void conf_free(struct conf **conf);

/** The same from memory; `name` stands for the file in errors. */
enum rc conf_parse(const char *name, struct bytes text, struct err *err, struct conf **ret_conf);

/** The top of the file. */
const struct conf_node *conf_root(const struct conf *conf);

/** The node at a path below `node` ("a/b"), or NULL. */
const struct conf_node *conf_find(const struct conf_node *node, const char *path);

/** Fills `into` from the rows: defaults, values, checks. CONFIG_INVALID names file and key. */
enum rc conf_fill(struct conf *conf, const struct conf_row *rows, void *into, struct err *err);

/** Refuses any key that none of the tables given so far to conf_fill() knows. */
enum rc conf_no_strangers(const struct conf *conf, struct err *err);

/** The rows as documentation: key, type, default, sentence. */
void conf_print_rows(FILE *out, const struct conf_row *rows);
