/* The causes of revocation: form 05's codes, for whom each may stand, what must lie beside it, and
 * what the revocation list will say. Pure.
 *
 * Sources: Decree 68/2024/NĐ-CP Điều 17 and the guidance on it; RFC 5280 5.3.1 for the reasons. The
 * mapping to reasons is ours: none tells more about a person than the public has to know. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Kinds of subscribers; bits. */
enum subscriber_kind {
    SUBSCRIBER_PERSON = 1,
    SUBSCRIBER_AGENCY = 2,
    SUBSCRIBER_SERVICE = 4, /* device, service, software */
    SUBSCRIBER_ANY = 7,
};

/* What must lie beside form 05. */
enum cause_proof {
    PROOF_NONE,
    PROOF_LOSS_MINUTES, /* form 09, signed by the agency, about this certificate and device */
    PROOF_DOCUMENT,     /* any attachment: the document of the court, the police … */
};

struct cause {
    const char *code; /* "that_lac" */
    const char *text_vi;
    unsigned kinds; /* enum subscriber_kind */
    enum cause_proof proof;
    uint32_t reason; /* CRLReason */
};

/** The cause of this code; NULL when form 05 has none. */
const struct cause *cause_find(const char *code);

/** The cause at index, NULL behind the last. */
const struct cause *cause_at(unsigned index);

/** The kind of subscriber a profile of common/subscriber.h is for; 0 when it is for none. */
unsigned cause_kind_of_profile(const char *profile);
