/* The bus, as services and tools see it; the wire is proto/bus.proto.
 *
 * Every service publishes to its own event log (outbox) in its own database and binds one ROUTER
 * (CURVE, own ZAP handler). Consumers pull with FETCH; answers that are needed now go by CALL. A
 * lost ZeroMQ message costs a retry, never an event. Everything here that touches ZeroMQ is in
 * bus*.c. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/guard.h"

#define BUS_PARTITIONS 64
#define BUS_MAX_FRAME                                                                              \
    ((size_t)5 * 1024 * 1024) /* a full batch of 4 MiB with room for its envelope */
#define BUS_MAX_EVENT ((size_t)256 * 1024)
#define BUS_MAX_CALL ((size_t)2 * 1024 * 1024)

/** Partition of a key, the same function everywhere: FNV-1a 64 of the key up to its first '/',
 *  modulo 64. "R/3" (an item or lineage of request R) lies where "R" lies. */
unsigned bus_partition(const char *key);

/** A new UUIDv7 (RFC 9562): in order of time to the microsecond (rand_a is the fraction of the
 *  millisecond, method 3), 62 random bits. */
void bus_uuid(usec now, uint8_t ret_uuid[16]);
const char *bus_uuid_text(struct arena *arena, const uint8_t uuid[16]);
/** False unless the text is a UUID in 8-4-4-4-12 form. */
int bus_uuid_parse(const char *text, uint8_t ret_uuid[16]);

/* Whom a process may call and how it proves itself. Texts are borrowed. */
struct bus_keys {
    const char *own_secret_file; /* Z85 CURVE secret key */
    const char *own_public_file;
    const char *peer_keys_file; /* zconfig: one line per principal: name = "z85 public key" (several
                                   allowed) */
};

/* One thread's callers: a DEALER per peer, made on first use, re-made after a timeout. */
struct bus_caller;

struct bus_peer {
    const char *name;      /* principal of the far side: "intake" */
    const char *addresses; /* "tcp://host:port" separated by spaces; names are resolved by
                              ourselves, all addresses used */
};

MUST_USE enum rc bus_caller_new(const struct bus_keys *keys, const struct bus_peer *peers,
                                size_t count, struct err *err, struct bus_caller **ret_caller);
void bus_caller_free(struct bus_caller **caller);

/** See fx_call(). Retries on another address of the peer inside the deadline when it is safe
 * (always with an idempotency key; without one only when nothing was sent). */
MUST_USE enum rc bus_call(struct bus_caller *caller, const char *peer,
                          const ProtobufCMessage *request, const ProtobufCMessageDescriptor *reply,
                          int deadline_ms, const char *idempotency_key, const char *traceparent,
                          struct arena *arena, struct err *err, ProtobufCMessage **ret_reply);

/** Makes a CURVE key pair: secret file 0600, public file 0644; refuses to overwrite. For trienctl.
 */
MUST_USE enum rc bus_make_keys(const char *secret_file, const char *public_file, struct err *err);
