/* A `bytes` field of a protobuf message, seen as everybody else sees bytes, and back. Neither
 * copies: who owned the bytes still does. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "common/bytes.h"

static inline struct bytes bytes_of_pb(ProtobufCBinaryData field)
{
    return bytes_of(field.data, field.len);
}

/** For a message that is packed or read only: it must not change what it did not own. */
static inline ProtobufCBinaryData pb_of_bytes(struct bytes in)
{
    return (ProtobufCBinaryData){in.n, (uint8_t *)(uintptr_t)in.p};
}
