/* Sockets with every option set that must be set, in one place. Inside the bus only.
 *
 * A server and its ZAP actor have a context of their own; everything that calls or fetches shares
 * another. So a server that is closed does not wait for callers, and the two directions use
 * different I/O threads. */
#pragma once

#include <zmq.h>

#include "common/bus_keys.h"
#include "common/bytes.h"
#include "common/guard.h"

/** The context of all callers of this process, made on first use; ends with the process. */
void *socket_client_context(void);

/** ROUTER with CURVE, ZAP domain enforced (read back: refused otherwise), limits, keep-alive. Not
 * bound yet. */
MUST_USE enum rc socket_router(void *context, const char *domain, const char *secret_z85,
                               struct err *err, void **ret_socket);

/** DEALER with CURVE to the server of that key. Not connected yet. It never connects again by
 *  itself: bus_peer.c looks at its monitor and makes a new one. */
MUST_USE enum rc socket_dealer(const char *own_public_z85, const char *own_secret_z85,
                               const char *server_z85, struct err *err, void **ret_socket);

/** One frame, copied; without waiting. False when it was not taken (pipe full, peer gone). */
bool socket_send(void *socket, struct bytes frame);

/** A message of up to two frames (ROUTER: routing id, body), without waiting: number of frames, 0
 *  when there is none. Frames beyond `max` are read and thrown away and counted. */
int socket_receive(void *socket, zmq_msg_t *frames, int max);

/** Closes without lingering. NULL is fine. */
void socket_close(void **socket);
