/* status' state machines as tables; CHECK constraints in migrations/status repeat them. */
#include "services/status/status.h"

static const struct state_step certificate_steps[] = {
    {"", "CertificateIssued", "good", "answered from now on"},
    {"good", "CertificateRevoked", "revoked", "with time and reason; final"},
    {NULL, NULL, NULL, NULL},
};

static const struct state_step responder_steps[] = {
    {"", "key made in the token", "waiting", "two officers approve the key; answers: tryLater"},
    {"waiting", "GetResponderCertificate", "valid", "answers are signed"},
    {"valid", "two thirds of its life are over", "valid", "renewed for the same key"},
    {"valid", "expired", "waiting", "renewal was refused or impossible"},
    {NULL, NULL, NULL, NULL},
};

const struct state_table status_states[] = {
    {"certificate", certificate_steps},
    {"responder", responder_steps},
    {NULL, NULL},
};
