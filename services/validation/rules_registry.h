/* What the registry has to say about a request. Pure: its answers go in as facts. */
#pragma once

#include "services/validation/reasons.h"
#include "services/validation/store.h"

/** The agency is registered and its code in force on the day of receipt; its seal signed last and
 *  only its officers (or the seal) before; nobody asked with this official document before.
 *  Adds every reason. Decree 68/2024 Điều 10, 17; NĐ 30/2020 Điều 4, 5. */
void rule_registry(const struct facts *facts, const Trien__ExaminedDocument *examined,
                   civil_day received_on, struct reasons *reasons);

/** The last signature is the agency's own seal: only then is it the agency that speaks. */
bool rule_agency_proved(const struct facts *facts);
