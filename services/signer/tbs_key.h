/* The public key inside to-be-signed bytes; used by tbs.c only. */
#pragma once

#include "services/signer/tbs.h"

/** What kind of key it is; kind "" when it is none of ours. */
struct tbs_key tbs_key_read(const TBS_SPKI *spki, struct arena *arena);
