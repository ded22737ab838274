/* Addresses of a peer as numbers. Inside the bus only.
 *
 * libzmq would resolve names in its I/O thread (a slow resolver freezes every socket) and use the
 * first address only. Here one thread of the process asks the resolver; nobody else ever waits for
 * it. What was known stays in use while it is asked again. */
#pragma once

#include <stddef.h>

#define RESOLVE_MAX 16
#define ENDPOINT_MAX 64

struct endpoints {
    size_t count;
    char at[RESOLVE_MAX][ENDPOINT_MAX]; /* "tcp://127.0.0.1:8102", "tcp://[::1]:8102" */
};

/** All numeric endpoints of "tcp://host:port tcp://host2:port". Names that are not resolved yet (or
 *  not any more) yield nothing and are looked up behind the caller's back: ask again soon. */
void resolve_endpoints(const char *addresses, struct endpoints *ret_endpoints);
