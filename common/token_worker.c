/* One worker: a process that holds the module, one session, one login, and answers one request
 * after the other. It ends itself at the first device or session fault; it never repairs. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/token_wire.h"
#include "common/x509.h"

static void say(int socket, struct token_reply *reply)
{
    ssize_t n;

    do
        n = send(socket, reply, sizeof(*reply), MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof(*reply))
        _exit(1);
}

static void tell_error(struct token_reply *reply, const struct err *err)
{
    reply->code = (uint32_t)err->code;
    reply->size = 0;
    snprintf(reply->native, sizeof(reply->native), "%.63s", err->native);
    snprintf(reply->detail, sizeof(reply->detail), "%.191s", err->detail);
}

/* How a missing key of this label is made; NULL: not at all. */
static const char *make_kind(const struct token_config *config, const char *label)
{
    for (size_t i = 0; i < config->key_count; i++)
        if (strcmp(config->keys[i].label, label) == 0)
            return config->keys[i].make_kind;
    return NULL;
}

/* Replicas that share a token must not both make the key: one at a time looks once more. */
static enum rc make_key(struct p11 *token, const struct token_config *config, const char *label,
                        struct err *err, struct p11_key **ret_key)
{
    int lock = open(config->p11.pin_path, O_RDONLY | O_CLOEXEC);
    enum rc rc;

    CHECK(lock >= 0 && flock(lock, LOCK_EX) == 0, err, TRIEN__ERROR__TOKEN_UNAVAILABLE,
          "the PIN file cannot be locked");
    rc = p11_find_key(token, label, err, ret_key);
    if (rc == RC_OK && !*ret_key)
        rc = p11_generate_key(token, label, make_kind(config, label), err, ret_key);
    close(lock);
    return rc;
}

static enum rc find(struct p11 *token, const struct token_config *config,
                    struct token_request *request, struct err *err, struct p11_key **ret_key)
{
    request->label[sizeof(request->label) - 1] = '\0';
    TRY(p11_find_key(token, request->label, err, ret_key));
    if (!*ret_key && make_kind(config, request->label))
        return make_key(token, config, request->label, err, ret_key);
    CHECK(*ret_key, err, TRIEN__ERROR__TOKEN_UNAVAILABLE, "the token has no key %s",
          request->label);
    return RC_OK;
}

/* The public half: as it is, or its digest. */
static enum rc answer_public(const struct p11_key *key, uint32_t op, struct err *err,
                             struct token_reply *reply)
{
    unsigned char *der = NULL;
    int length = i2d_PUBKEY(p11_key_public(key), &der);

    CHECK(length > 0 && (size_t)length <= sizeof(reply->content), err,
          TRIEN__ERROR__TOKEN_UNAVAILABLE, "a public key cannot be encoded");
    if (op == TOKEN_SPKI) {
        memcpy(reply->content, der, (size_t)length);
        reply->size = (uint32_t)length;
    } else {
        x509_spki_sha256(bytes_of(der, (size_t)length), reply->content);
        reply->size = 32;
    }
    OPENSSL_free(der);
    return RC_OK;
}

static enum rc answer(struct p11 *token, const struct token_config *config,
                      struct token_request *request, struct err *err, struct token_reply *reply)
{
    struct p11_key *key = NULL;
    size_t size;

    TRY(find(token, config, request, err, &key));
    if (request->op != TOKEN_SIGN)
        return answer_public(key, request->op, err, reply);
    TRY(p11_sign_sha256(key, request->digest, err, reply->content, &size));
    reply->size = (uint32_t)size;
    return RC_OK;
}

static void serve(struct p11 *token, const struct token_config *config, int socket)
{
    for (;;) {
        struct pollfd wanted = {socket, POLLIN, 0};
        struct token_request request;
        struct token_reply reply = {0};
        struct err err = {0};
        int n = poll(&wanted, 1, config->probe_ms);

        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0) {
            if (p11_probe(token, &err) != RC_OK)
                return; /* the service sees the socket close and has another started */
            continue;
        }
        if (recv(socket, &request, sizeof(request), 0) != (ssize_t)sizeof(request))
            return; /* the service is gone */
        reply.id = request.id;
        if (answer(token, config, &request, &err, &reply) != RC_OK)
            tell_error(&reply, &err);
        say(socket, &reply);
        if (err_rc(err.code) == RC_RETRY || err_rc(err.code) == RC_FATAL)
            return;
    }
}

_Noreturn void token_worker(const struct token_config *config, int socket)
{
    struct token_reply hello = {0};
    struct p11 *token = NULL;
    struct err err = {0};

    prctl(PR_SET_NAME, "trien-token");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!token_confine(config->network)) {
        err.code = TRIEN__ERROR__INTERNAL;
        strcpy(err.detail, "the worker cannot be confined (seccomp)");
    } else if (p11_open(&config->p11, &err, &token) == RC_OK) {
        err_clear(&err);
    }
    tell_error(&hello, &err);
    say(socket, &hello);
    if (token)
        serve(token, config, socket);
    _exit(0); /* no clean-up: a module's own clean-up is one more thing that can hang */
}
