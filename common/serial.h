/* Serial numbers as text. Of certificates: lower-case hexadecimal without leading zeros, 40 digits
 * at most (20 octets, RFC 5280 4.1.2.2). Of devices: as their makers print them. */
#pragma once

#include <stdbool.h>

#include "common/arena.h"

/** The text is a serial number as the project writes it. */
bool serial_is(const char *text);

/** The text is a device's serial number: 3 to 64 ASCII letters, digits, '.', '_', '-', the first a
 *  letter or a digit. One rule for forms and for stock. */
bool serial_is_device(const char *text);

/** The serial number that a person copied, in the project's form: "serial=03AB…" of openssl,
 *  "03:AB:…" of a viewer, "0x3ab", any case, leading zeros. NULL when it is none. In the arena. */
const char *serial_from_people(struct arena *arena, const char *text);
