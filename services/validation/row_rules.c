/* Rules over several fields of one subscriber. They say what is missing beside what; the fields on
 * their own were looked at before. */
#include "services/validation/row_rules.h"

#include <string.h>

#include "services/validation/request.h"

static bool has(const struct record *record, enum field_id id)
{
    return record->value[id] != NULL;
}

static bool is(const struct record *record, enum field_id id, const char *text)
{
    return record->value[id] && strcmp(record->value[id], text) == 0;
}

void row_rule_sim_needs_mobile(struct rows *rows, const struct record *record)
{
    if (is(record, FIELD_DEVICE_KIND, "sim_pki") && !has(record, FIELD_MOBILE))
        rows_refuse(rows, TRIEN__ERROR__FIELD_MISSING, "mobile",
                    "phải có số điện thoại di động khi thiết bị là SIM PKI",
                    "a mobile number is needed for a PKI SIM");
}

void row_rule_agency_identifier(struct rows *rows, const struct record *record)
{
    if (!has(record, FIELD_TAX_CODE) && !has(record, FIELD_BUDGET_CODE))
        rows_refuse(rows, TRIEN__ERROR__FIELD_MISSING, "tax_code",
                    "phải có mã số thuế hoặc mã quan hệ ngân sách",
                    "a tax code or a budget code is needed");
}

void row_rule_key_place(struct rows *rows, const struct record *record)
{
    bool on_token = is(record, FIELD_DEVICE_KIND, "pki_token");

    if (on_token && has(record, FIELD_CSR))
        rows_refuse(rows, TRIEN__ERROR__FIELD_INVALID, "csr",
                    "không được có CSR khi khóa được tạo trên PKI Token",
                    "a CSR is not allowed when the key is made on a token");
    if (!on_token && !has(record, FIELD_CSR))
        rows_refuse(rows, TRIEN__ERROR__FIELD_MISSING, "csr",
                    "phải có CSR khi khóa do cơ quan, tổ chức tự tạo (HSM, phần mềm)",
                    "a CSR is needed when the agency makes the key itself (HSM, software)");
}
