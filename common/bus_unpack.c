/* Unpacking what a peer sent, with a budget. protobuf-c keeps some eighty bytes for every field it
 * meets, unknown and empty ones too, so that two megabytes of nothing could ask for a hundred; here
 * fields are counted first, along the descriptor, and too many are refused before any is kept. */
#include "common/bus_wire.h"

#define FIELDS_MAX 100000

/* Reads a varint; false at the end of the bytes or beyond ten of them. */
static bool take_varint(struct bytes *in, uint64_t *ret_value)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 70 && in->n; shift += 7) {
        uint8_t byte = *in->p++;

        in->n--;
        value |= (uint64_t)(byte & 0x7f) << (shift & 63);
        if (byte < 0x80) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

static bool skip(struct bytes *in, uint64_t n)
{
    if (n > in->n)
        return false;
    in->p += n;
    in->n -= n;
    return true;
}

static bool count_fields(const ProtobufCMessageDescriptor *type, struct bytes in, size_t *left);

static bool count_inside(const ProtobufCMessageDescriptor *type, uint64_t number, struct bytes in,
                         size_t *left)
{
    const ProtobufCFieldDescriptor *field =
        number <= UINT32_MAX ? protobuf_c_message_descriptor_get_field(type, (unsigned)number)
                             : NULL;

    if (field && field->type == PROTOBUF_C_TYPE_MESSAGE)
        return count_fields(field->descriptor, in, left);
    return true;
}

/* No message of ours is recursive, so the depth is that of the descriptors. */
static bool count_fields(const ProtobufCMessageDescriptor *type, struct bytes in, size_t *left)
{
    uint64_t key, value;

    while (in.n) {
        if (!take_varint(&in, &key) || !(*left)--)
            return false;
        switch (key & 7) {
        case PROTOBUF_C_WIRE_TYPE_VARINT:
            if (!take_varint(&in, &value))
                return false;
            break;
        case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
            if (!take_varint(&in, &value) || value > in.n ||
                !count_inside(type, key >> 3, bytes_of(in.p, (size_t)value), left) ||
                !skip(&in, value))
                return false;
            break;
        case PROTOBUF_C_WIRE_TYPE_64BIT:
            if (!skip(&in, 8))
                return false;
            break;
        case PROTOBUF_C_WIRE_TYPE_32BIT:
            if (!skip(&in, 4))
                return false;
            break;
        default:
            return false;
        }
    }
    return true;
}

ProtobufCMessage *wire_unpack(struct arena *arena, const ProtobufCMessageDescriptor *type,
                              struct bytes in)
{
    size_t left = FIELDS_MAX;

    if (!count_fields(type, in, &left))
        return NULL;
    return protobuf_c_message_unpack(type, arena_allocator(arena), in.n, in.p);
}
