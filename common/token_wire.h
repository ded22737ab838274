/* What passes between the service, the nursery and the workers: fixed structs, one a packet. */
#pragma once

#include <stdint.h>

#include "common/p11.h"
#include "common/token.h"

enum token_op { TOKEN_SIGN = 1, TOKEN_PUBLIC = 2, TOKEN_SPKI = 3 };

struct token_request {
    uint64_t id;
    uint32_t op; /* enum token_op */
    char label[64];
    uint8_t digest[32]; /* of TOKEN_SIGN */
};

/* The first reply of a worker has id 0 and says whether it opened the token. */
struct token_reply {
    uint64_t id;
    uint32_t code; /* Trien__Error, 0: well */
    uint32_t size;
    char native[64];
    char detail[192];
    uint8_t content[P11_MAX_SIGNATURE_BYTES]; /* signature, SubjectPublicKeyInfo, or its SHA-256 */
};

/* Nursery's answer to one byte: the worker's pid, and by SCM_RIGHTS its socket and its pidfd. */
struct token_birth {
    int32_t pid; /* < 0: no worker; errno negated */
};

/** The life of the nursery. Never returns. */
_Noreturn void token_nursery(const struct token_config *config, int socket);

/** The life of a worker. Never returns. */
_Noreturn void token_worker(const struct token_config *config, int socket);

/** Gives up what a module does not need: new privileges, core dumps, ptrace, programs, and, unless
 *  `network`, sockets. False when the kernel refuses. */
bool token_confine(bool network);
