/* Rules that look at more than one field of a subscriber. Each adds its reasons to the walk. */
#pragma once

#include "services/validation/forms.h"

/** Form 01: a PKI SIM is reached by its number, so the mobile number is needed (Mẫu 01, note). */
row_rule row_rule_sim_needs_mobile;

/** Form 02: an agency is known by its tax code or its budget code. */
row_rule row_rule_agency_identifier;

/** Forms 02, 03: a key made in the agency's HSM or software comes with its CSR; a key that will be
 *  made on a token comes without. */
row_rule row_rule_key_place;
