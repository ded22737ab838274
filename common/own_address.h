/* Which address of this host lies in a network? So that a configuration can say "listen on the
 * mesh" and be the same on every replica. */
#pragma once

#include <stdbool.h>

#include "common/guard.h"

#define OWN_ADDRESS_MAX 46 /* INET6_ADDRSTRLEN */

/** True for "10.73.1.0/24" or "fd00::/8": the host part of an address is a network. */
bool own_address_is_network(const char *host);

/** The first address of this host in the network, as text. CONFIG_INVALID when the network cannot
 *  be read or this host has no leg in it. */
MUST_USE enum rc own_address_in(const char *network, struct err *err,
                                char ret_host[OWN_ADDRESS_MAX]);
