/* One worker: a process that holds the module, one session, one login, and answers one request
 * after the other. It ends itself at the first device or session fault; it never repairs. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/x509.h"
#include "services/signer/token_wire.h"

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

static enum rc find(struct p11 *token, struct token_request *request, struct err *err,
                    struct p11_key **ret_key)
{
    request->label[sizeof(request->label) - 1] = '\0';
    TRY(p11_find_key(token, request->label, err, ret_key));
    CHECK(*ret_key, err, TRIEN__ERROR__TOKEN_UNAVAILABLE, "the token has no key %s",
          request->label);
    return RC_OK;
}

static enum rc digest_public(const struct p11_key *key, struct err *err, uint8_t ret_digest[32])
{
    unsigned char *der = NULL;
    int length = i2d_PUBKEY(p11_key_public(key), &der);

    CHECK(length > 0, err, TRIEN__ERROR__TOKEN_UNAVAILABLE, "a public key cannot be encoded");
    x509_spki_sha256(bytes_of(der, (size_t)length), ret_digest);
    OPENSSL_free(der);
    return RC_OK;
}

static enum rc answer(struct p11 *token, struct token_request *request, struct err *err,
                      struct token_reply *reply)
{
    struct p11_key *key = NULL;
    size_t size = 32;

    TRY(find(token, request, err, &key));
    if (request->op == TOKEN_SIGN)
        TRY(p11_sign_sha256(key, request->digest, err, reply->content, &size));
    else
        TRY(digest_public(key, err, reply->content));
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
                return; /* the signer sees the socket close and has another started */
            continue;
        }
        if (recv(socket, &request, sizeof(request), 0) != (ssize_t)sizeof(request))
            return; /* the signer is gone */
        reply.id = request.id;
        if (answer(token, &request, &err, &reply) != RC_OK)
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
