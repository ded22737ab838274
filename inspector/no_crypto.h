/* Whether anybody in this process has asked for cryptography. */
#pragma once

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/** True from the first request on; they are all refused (no_crypto.c). */
bool no_crypto_was_asked(void);

#ifdef __cplusplus
}
#endif
