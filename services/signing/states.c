/* The states of an order, printed by --states and repeated by CHECK constraints of
 * migrations/signing. */
#include "services/signing/signing.h"

static const struct state_step order_steps[] = {
    {"-", "ItemAuthorized", "preparing", "the request brought a signing request of its own"},
    {"-", "ItemAuthorized", "awaiting_key", "the key is to be made on a device"},
    {"awaiting_key", "SubmitDeviceKey", "preparing", "the station vouches for a key"},
    {"awaiting_key", "expiry", "failed", "the authorisation expired before a key was made"},
    {"preparing", "prepare", "signing",
     "document, key and lint are in order; the bytes are stored"},
    {"preparing", "prepare", "failed", "it can never be issued"},
    {"signing", "sign", "issued", "the signature verifies; the certificate is stored"},
    {"signing", "sign", "failed", "the signer refuses for good"},
    {0},
};

static const struct state_step responder_steps[] = {
    {"-", "ApproveResponder", "signing", "two officers have approved the key"},
    {"-", "responders", "signing", "less than a third of the last certificate's life is left"},
    {"signing", "sign", "issued", "the certificate is stored"},
    {"signing", "sign", "failed", "the signer refuses for good; tried again a minute later"},
    {0},
};

const struct state_table signing_states[] = {
    {"order", order_steps},
    {"responder", responder_steps},
    {0},
};
