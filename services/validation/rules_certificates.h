/* What the registry of certificates has to say about a request whose rows name certificates. Pure:
 * its answers go in as facts. */
#pragma once

#include "services/validation/reasons.h"
#include "services/validation/store.h"

/** A row's certificate is not known, and signing's feed was not followed to the moment of receipt:
 *  nothing may be refused for that yet. */
bool rule_certificates_lag(const struct certificate_facts *facts, usec received_at);

/** Each certificate is the agency's own (CERTIFICATE_UNKNOWN otherwise, not telling which), its
 *  device the one that is named; and what the form's purpose asks: for a revocation, not revoked
 *  or expired, a cause that fits the subscriber, the cause's proof. Adds every reason.
 *  Decree 68/2024 Điều 17. */
void rule_certificates(const struct certificate_facts *facts,
                       const Trien__ExaminedDocument *examined, struct reasons *reasons);

/** The request with what only the registry knows of its rows: name, profile, device; the time of
 * the loss as the minutes have it. `examined` itself when no row names a certificate. */
const Trien__ExaminedDocument *rule_certificates_fill(struct arena *arena,
                                                      const struct certificate_facts *facts,
                                                      const Trien__ExaminedDocument *examined);
