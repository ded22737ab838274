/* SignedData without its certificates: they are no part of what is signed (RFC 5652 5.4), and
 * OpenSSL decodes the key of each anew whenever it parses a message. For cms.c alone. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"
#include "common/bytes.h"

#define CMS_APART_CERTIFICATES 16

struct cms_apart {
    struct bytes message; /* the same message with an empty `certificates`; in the arena */
    size_t count;
    struct bytes certificates[CMS_APART_CERTIFICATES]; /* DER each, in place */
};

/** Takes ContentInfo with SignedData (RFC 5652 3, 5.1) apart, zeros behind it left out. False for
 * whatever is not exactly that in definite lengths, has no or too many certificates, or anything
 * but certificates among them: such a message is left to OpenSSL as it is. */
bool cms_take_apart(struct arena *arena, struct bytes contents, struct cms_apart *ret_apart);
