/* One DEALER to one peer: connects to one of its addresses at a time, notices that it is lost,
 * goes on to the next. Inside the bus only; one thread. */
#pragma once

#include "common/bus_keys.h"
#include "common/bus_socket.h"

/* Who we are and what keys others have; shared by the links of one thread. */
struct identity;

/** Reads own keys and the table of peers' keys. KEY_FILE. */
MUST_USE enum rc identity_new(const struct bus_keys *keys, struct err *err,
                              struct identity **ret_identity);
/** Wipes the keys. NULL is fine. */
void identity_free(struct identity **identity);

struct link;

enum link_news {
    LINK_QUIET,
    LINK_READY, /* the peer has proved its key; what was asked before must be asked again */
    LINK_LOST,  /* was ready and is not any more */
};

/** `name` and `addresses` are borrowed. Connects on the first link_turn(). */
struct link *link_new(struct identity *identity, const char *name, const char *addresses);
void link_free(struct link **link);
const char *link_name(const struct link *link);
bool link_ready(const struct link *link);

/** Fills two poll items (socket when ready, monitor); number filled. */
int link_poll(const struct link *link, zmq_pollitem_t *items);

/** Looks at the connection, connects again when that is due. Call after polling and when link_due()
 *  has passed. */
enum link_news link_turn(struct link *link, usec now);

/** Monotonic time by which link_turn() wants to be called. */
usec link_due(const struct link *link);

/** Gives the present connection up: the next one goes to the next address. */
void link_drop(struct link *link, usec now);

/** Sends one frame; false when there is no connection or its pipe is full. */
bool link_send(struct link *link, struct bytes frame);

/** Takes one frame if there is one; the caller closes it. A message of more frames drops the link.
 */
bool link_receive(struct link *link, zmq_msg_t *ret_frame);
