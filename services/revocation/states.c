/* The states of certificates and lists, printed by --states; migrations/revocation repeats the
 * steps in CHECK constraints and sees in triggers that a row takes no other way. */
#include "services/revocation/revocation.h"

static const struct state_step certificate_steps[] = {
    {"new", "CertificateIssued", "valid", "signing made it"},
    {"valid", "RevocationAuthorized", "revoked", "its agency asked: form 05"},
    {"valid", "RevokeCertificate", "revoked", "an officer of the 24/7 channel"},
    {"valid", "time", "expired", "its validity is over; no list carries it"},
    {0},
};

static const struct state_step list_steps[] = {
    {"new", "list due", "written", "number and to-be-signed bytes stand before anybody signs"},
    {"written", "signature", "issued", "the signature verifies; CrlIssued"},
    {"written", "signer refuses", "refused", "for good: another list takes its place"},
    {"refused", "list due", "written", "the number was never signed: it is used again"},
    {0},
};

const struct state_table revocation_states[] = {
    {"certificate", certificate_steps},
    {"list", list_steps},
    {0},
};
