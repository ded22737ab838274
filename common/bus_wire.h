/* The envelope: limits, packing, unpacking. Inside the bus only.
 *
 * A ZeroMQ message of ours is one frame with one Envelope (a ROUTER sees the routing id before it).
 * Everything is checked before anything is believed: the frame's size, the verb by its first byte,
 * the counts inside. */
#pragma once

#include "common/arena.h"
#include "common/bus.h"
#include "common/bytes.h"
#include "common/guard.h"
#include "proto/bus.pb-c.h"

#define WIRE_MAX_POSITIONS BUS_PARTITIONS
#define WIRE_MAX_EVENTS 4096
#define WIRE_MAX_KEY 256
#define WIRE_MAX_TYPE 64
#define WIRE_MAX_WAIT_MS 60000
#define WIRE_MAX_FETCH ((size_t)64 * 1024)

enum wire_verb { WIRE_NONE, WIRE_FETCH, WIRE_EVENTS, WIRE_CALL, WIRE_REPLY };

/** The verb by the envelope's first byte, without unpacking; WIRE_NONE for anything else. */
enum wire_verb wire_verb(struct bytes frame);

/** Unpacks any message of a peer into the arena, 100,000 fields at most, nested and unknown ones
 *  counted; NULL when it is malformed. */
ProtobufCMessage *wire_unpack(struct arena *arena, const ProtobufCMessageDescriptor *type,
                              struct bytes in);

/** Unpacks into the arena and checks: exactly the wanted body, counts, lengths, ranges. MALFORMED.
 */
MUST_USE enum rc wire_unpack_fetch(struct arena *arena, struct bytes frame, struct err *err,
                                   const Trien__Fetch **ret_fetch);
MUST_USE enum rc wire_unpack_events(struct arena *arena, struct bytes frame, struct err *err,
                                    const Trien__Events **ret_events);
MUST_USE enum rc wire_unpack_call(struct arena *arena, struct bytes frame, struct err *err,
                                  const Trien__Call **ret_call);
MUST_USE enum rc wire_unpack_reply(struct arena *arena, struct bytes frame, struct err *err,
                                   const Trien__Reply **ret_reply);

/** The packed envelope, in the arena. */
struct bytes wire_pack(struct arena *arena, const Trien__Envelope *envelope);
struct bytes wire_pack_fetch(struct arena *arena, Trien__Fetch *fetch);
struct bytes wire_pack_call(struct arena *arena, Trien__Call *call);
struct bytes wire_pack_reply(struct arena *arena, Trien__Reply *reply);

/* Hand-made protobuf, for frames that are put together from packed events. */

/** Bytes a varint takes. */
size_t wire_varint_size(uint64_t value);
/** Writes a varint; the place behind it. */
uint8_t *wire_put_varint(uint8_t *at, uint64_t value);
/** Size of `field: bytes[n]` (key, length, content). */
size_t wire_block_size(unsigned field, size_t n);
/** Writes the key and length of a block of n bytes; the place where its content goes. */
uint8_t *wire_put_block(uint8_t *at, unsigned field, size_t n);

/** A message packed into the arena. */
struct bytes wire_message(struct arena *arena, const ProtobufCMessage *message);
