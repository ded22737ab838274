/* CURVE keys: own pair, and which principal owns which public key. Inside the bus only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bus.h"

#define KEY_Z85 40
#define KEY_RAW 32
#define PRINCIPAL_MAX 64
#define KEYS_MAX 1024

struct key_entry {
    char principal[PRINCIPAL_MAX];
    char z85[KEY_Z85 + 1];
    uint8_t raw[KEY_RAW];
};

/* The file of principals as it was when it was read. */
struct key_table {
    size_t count;
    struct key_entry entries[];
};

/** Reads `name = "z85"` lines (several keys a name allowed; one key twice is refused). KEY_FILE.
 *  Free with free(). */
MUST_USE enum rc keys_read_table(const char *path, struct err *err, struct key_table **ret_table);

/** Says that the file of principals changed; `keys_edition()` counts that. Who holds a table of his
 *  own reads it again when the edition is another one. Any thread. */
void keys_changed(void);
unsigned keys_edition(void);

/** The principal a raw public key belongs to, or NULL. */
const char *keys_find(const struct key_table *table, const uint8_t raw[KEY_RAW]);

/** The nth (from 0) key of a principal, or NULL. */
const struct key_entry *keys_of(const struct key_table *table, const char *principal, size_t n);

/** Reads one Z85 key of 40 characters; a secret one must not be readable by everybody. KEY_FILE. */
MUST_USE enum rc keys_read_secret(const char *path, struct err *err, char ret_z85[KEY_Z85 + 1]);
MUST_USE enum rc keys_read_public(const char *path, struct err *err, char ret_z85[KEY_Z85 + 1]);
