/* Our own ZAP handler (RFC 27): which public key is which principal. Inside the bus only.
 *
 * czmq's zauth stops on SIGTERM (a draining service would be open), ignores the domain and crashes
 * on large or duplicate certificates; so this is ours. It starts before the first bind and ends
 * after the last socket. Only the file of principals lets anybody in; it is read again when it
 * changes, and a bad file keeps the old keys. */
#pragma once

#include <stdbool.h>

#include "common/bus_keys.h"

struct zap;

/** Reads the keys and starts the actor's thread in the context. KEY_FILE; INTERNAL when another
 *  handler is bound there. */
MUST_USE enum rc zap_start(void *context, const char *domain, const char *keys_path,
                           struct err *err, struct zap **ret_zap);

/** Ends the thread. Call after the server's sockets are closed. NULL is fine. */
void zap_stop(struct zap **zap);

/** Reads the file of principals again; the old keys stay when it is bad. */
void zap_reload(struct zap *zap);

/** Whose message this is *now*: looks the User-Id (the key the connection was made with, in Z85) up
 * in the present table. False for a key that has gone since. */
bool zap_principal(struct zap *zap, const char *user_id, char ret_principal[PRINCIPAL_MAX]);
