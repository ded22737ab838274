/* The states of a request here; migrations/validation repeats the steps in a CHECK constraint. */
#include "services/validation/validation.h"

static const struct state_step request_steps[] = {
    {"new", "RequestSubmitted", "examining", "intake took it in; its document is to be examined"},
    {"examining", "list missing or stale", "waiting",
     "a signer's revocation status cannot be judged at the time of receipt"},
    {"examining", "review asked for", "waiting",
     "policy lets two officers look at a request that keeps every rule"},
    {"waiting", "list stored", "examining", "a newer revocation list is there"},
    {"waiting", "officers decided", "examining", "two have approved it, or one has not"},
    {"examining", "nothing against it", "accepted",
     "RequestAccepted, one ItemAuthorized per subscriber"},
    {"examining", "any reason against it", "rejected", "RequestRejected with every reason"},
    {0},
};

const struct state_table validation_states[] = {
    {"request", request_steps},
    {0},
};
