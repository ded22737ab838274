/* Names of the kinds of values, for the tables of forms.c. */
#pragma once

#include "services/validation/forms.h"

extern const struct checker checker_plain, checker_person, checker_citizen_id, checker_tax_code,
    checker_budget_code, checker_organ_id, checker_number, checker_document_date, checker_past_date,
    checker_email, checker_mobile, checker_host, checker_csr, checker_delivery,
    checker_certificate_serial, checker_device_serial, checker_cause, checker_past_moment,
    checker_service_kind, checker_device_person, checker_device_agency, checker_device_service;
