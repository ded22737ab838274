/* The listening socket: parsing "host:port" or "network/bits:port", loopback only unless the
 * configuration says that a TLS proxy stands in front. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/http_internal.h"
#include "common/own_address.h"

static bool is_loopback(const struct sockaddr *address)
{
    const struct sockaddr_in6 *in6 = (const void *)address;
    const struct sockaddr_in *in = (const void *)address;

    if (address->sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
    return (ntohl(in->sin_addr.s_addr) >> 24) == 127;
}

static enum rc resolve(const struct http_options *options, struct err *err,
                       struct sockaddr_storage *ret_address, socklen_t *ret_length)
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    const char *bind_text = strncmp(options->bind, "tcp://", 6) ? options->bind : options->bind + 6;
    const char *colon = strrchr(bind_text, ':');
    struct addrinfo *found = NULL;
    char host[256];
    size_t n = colon ? (size_t)(colon - bind_text) : 0;
    int failure;

    CHECK(n > 0 && n < sizeof(host), err, TRIEN__ERROR__CONFIG_INVALID, "`%s` is not host:port",
          options->bind);
    memcpy(host, bind_text, n);
    host[n] = 0;
    if (host[0] == '[' && host[n - 1] == ']') {
        host[n - 1] = 0;
        memmove(host, host + 1, n - 1);
    }
    if (own_address_is_network(host))
        TRY(own_address_in(host, err, host));
    failure = getaddrinfo(strcmp(host, "*") ? host : NULL, strcmp(colon + 1, "*") ? colon + 1 : "0",
                          &hints, &found);
    CHECK(!failure, err, TRIEN__ERROR__CONFIG_INVALID, "`%s`: %s", options->bind,
          gai_strerror(failure));
    memcpy(ret_address, found->ai_addr, found->ai_addrlen);
    *ret_length = found->ai_addrlen;
    freeaddrinfo(found);
    return RC_OK;
}

static enum rc allowed_address(const struct http_options *options, struct err *err,
                               struct sockaddr_storage *ret_address, socklen_t *ret_length)
{
    TRY(resolve(options, err, ret_address, ret_length));
    CHECK(options->any_address || is_loopback((const struct sockaddr *)ret_address), err,
          TRIEN__ERROR__CONFIG_INVALID,
          "`%s` is not a loopback address: only with a TLS proxy in front "
          "(http/behind_tls_proxy = true, admin/remote = true)",
          options->bind);
    return RC_OK;
}

enum rc http_check_bind(const struct http_options *options, struct err *err)
{
    struct sockaddr_storage address;
    socklen_t length;

    return allowed_address(options, err, &address, &length);
}

enum rc http_socket_open(const struct http_options *options, struct err *err, int *ret_fd)
{
    struct sockaddr_storage address;
    socklen_t length;
    int fd, on = 1;

    TRY(allowed_address(options, err, &address, &length));
    fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(fd >= 0, err, TRIEN__ERROR__OVERLOADED, "socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (const struct sockaddr *)&address, length) || listen(fd, 1024)) {
        int why = errno;

        close(fd);
        FAIL(err, TRIEN__ERROR__OVERLOADED, "%s: %s", options->bind, strerror(why));
    }
    *ret_fd = fd;
    return RC_OK;
}
