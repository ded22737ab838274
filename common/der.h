/* DER (ITU-T X.690): values are put together from parts, in the arena, and taken apart again where
 * only a place in the bytes is wanted. What a value means is OpenSSL's to parse. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/clock.h"

enum {
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_ENUMERATED = 0x0a,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_CONTEXT = 0x80,             /* + number: [n] IMPLICIT, primitive */
    DER_CONTEXT_CONSTRUCTED = 0xa0, /* + number: [n] EXPLICIT or IMPLICIT constructed */
};

/** One value: tag, length, and the parts one after the other. */
struct bytes der_value(struct arena *arena, int tag, const struct bytes *parts, size_t count);

#define DER(arena, tag, ...)                                                                       \
    der_value((arena), (tag), (const struct bytes[]){__VA_ARGS__},                                 \
              sizeof((const struct bytes[]){__VA_ARGS__}) / sizeof(struct bytes))

/** Takes the first element of *in when it has this tag (one octet; DER_… above) and a length as DER
 *  writes it: the element with its header is returned, *ret_content is what stands in it, *in moves
 *  behind it. p is NULL, and nothing moves, when it is anything else. */
struct bytes der_take(struct bytes *in, int tag, struct bytes *ret_content);

#define DER_MAX_HEADER 10
/** Tag and length of a value whose content, of `length` bytes, is not there yet; how many octets.
 */
size_t der_header(int tag, size_t length, uint8_t ret_header[DER_MAX_HEADER]);

/** INTEGER from the big-endian magnitude of a non-negative number. */
struct bytes der_unsigned(struct arena *arena, struct bytes magnitude);

/** BIT STRING without unused bits. */
struct bytes der_bits(struct arena *arena, struct bytes content);

/** GeneralizedTime in whole seconds: "20261122101502Z" (RFC 5280 4.1.2.5.2). */
struct bytes der_time(struct arena *arena, usec at);

/** Time as certificates and lists have it: UTCTime through 2049, GeneralizedTime from 2050 (RFC
 * 5280 4.1.2.5, 5.1.2.4). Years 1950 to 9999. */
struct bytes der_certificate_time(struct arena *arena, usec at);
