/* The journal's key: ECDSA P-256 in a token of its own, made there at first start. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/guard.h"
#include "common/token_conf.h"
#include "common/x509.h"

struct journal_key;

/* Rows in conf.c. */
struct journal_key_conf {
    struct token_conf token;
    const char *public_file; /* where the public half stands for everybody to read */
};

/** Forks what holds the token; before any thread. */
enum rc journal_key_new(const struct journal_key_conf *conf, struct arena *arena, struct err *err,
                        struct journal_key **ret_key) MUST_USE;

/** On a clean stop. */
void journal_key_free(struct journal_key **key);

/** Token workers that are ready. */
unsigned journal_key_workers(struct journal_key *key);

/** The public half; lives as long as the key. Asks the token until it is known, and then writes
 *  public_file, or compares it. RETRY TOKEN_UNAVAILABLE; REJECT JOURNAL_FORKED when the file holds
 *  another key. */
enum rc journal_key_public(struct journal_key *key, struct err *err,
                           const struct x509_key **ret_public) MUST_USE;

/** ECDSA over SHA-256 of the text, DER, in the arena. RETRY TOKEN_UNAVAILABLE. */
enum rc journal_key_sign(struct journal_key *key, struct bytes text, struct arena *arena,
                         struct err *err, struct bytes *ret_signature) MUST_USE;
