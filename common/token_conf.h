/* The configuration of a service that has one key in a PKCS#11 token of its own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf.h"
#include "common/guard.h"

struct token;
struct token_key;

struct token_conf {
    const char *module, *label, *pin_file, *softhsm_config, *refusal_file;
    const char *key_label, *key_kind; /* made at first use when the token does not have it */
    int64_t workers, sign_timeout_ms, start_timeout_ms, probe_ms;
    bool network;
};

/* Its rows but for the names of token and key, which every service has its own keys for; `prefix`:
 * "key/"; `at`: where the struct stands in the service's own; `count`: workers when nothing is
 * said. */
#define TOKEN_CONF_ROW(row_key, row_type, at, member, row_fallback, ...)                           \
    {                                                                                              \
        .key = (row_key), .type = (row_type),                                                      \
        .offset = (at) + offsetof(struct token_conf, member), .fallback = (row_fallback),          \
        __VA_ARGS__                                                                                \
    }
#define TOKEN_CONF_ROWS(prefix, at, count)                                                         \
    TOKEN_CONF_ROW(prefix "module", CONF_FILE, at, module, "/usr/lib/softhsm/libsofthsm2.so",      \
                   .doc = "PKCS#11 module; runs in processes of its own."),                        \
        TOKEN_CONF_ROW(prefix "pin_file", CONF_SECRET, at, pin_file, NULL,                         \
                       .doc = "File of the PIN."),                                                 \
        TOKEN_CONF_ROW(prefix "pin_refused_file", CONF_NEW_PATH, at, refusal_file, "",             \
                       .doc = "Where a refused PIN is remembered over restarts."),                 \
        TOKEN_CONF_ROW(prefix "softhsm_config", CONF_FILE, at, softhsm_config, "",                 \
                       .doc = "SOFTHSM2_CONF of this token; empty for other modules."),            \
        TOKEN_CONF_ROW(prefix "network", CONF_BOOL, at, network, "false",                          \
                       .doc = "The module may open sockets (network HSM, pcscd)."),                \
        TOKEN_CONF_ROW(prefix "workers", CONF_INT, at, workers, count, .min = 1, .max = 16,        \
                       .doc = "Processes that hold the token."),                                   \
        TOKEN_CONF_ROW(prefix "sign_timeout", CONF_MS, at, sign_timeout_ms, "2s", .min = 50,       \
                       .max = 30000,                                                               \
                       .doc = "A worker that takes longer for one signature is killed."),          \
        TOKEN_CONF_ROW(prefix "start_timeout", CONF_MS, at, start_timeout_ms, "10s", .min = 100,   \
                       .max = 120000, .doc = "Time for module, session and login."),               \
        TOKEN_CONF_ROW(prefix "probe", CONF_MS, at, probe_ms, "10s", .min = 100, .max = 15000,     \
                       .doc = "How often an idle worker looks at its session.")

/** token_new() and token_start() for the one key. `key` is filled here; it and the texts of `conf`
 * live as long as the token. Failure as of both. */
enum rc token_from_conf(const struct token_conf *conf, struct token_key *key, struct err *err,
                        struct token **ret_token) MUST_USE;
