/* The tables of the forms. Sources: Decree 68/2024/NĐ-CP, annex; Mẫu 02's columns and the
 * receiver's are known, the others are inferred (verified = false) and cost a row here when the
 * annex differs. */
#include "services/validation/forms.h"

#include <string.h>

#include "common/guard.h"
#include "services/validation/forms_checkers.h"
#include "services/validation/row_rules.h"

#define REQUIRED true
#define OPTIONAL false
#define KNOWN true
#define INFERRED false

static const struct field document_fields[] = {
    {FIELD_NUMBER, "number", "Số, ký hiệu văn bản", &checker_number, REQUIRED, KNOWN, 60},
    {FIELD_DATE, "date", "Ngày văn bản", &checker_document_date, REQUIRED, KNOWN, 10},
    {FIELD_PLACE, "place", "Địa danh", &checker_plain, OPTIONAL, KNOWN, 100},
    {FIELD_SUBJECT, "subject", "Trích yếu", &checker_plain, OPTIONAL, KNOWN, 500},
};

static const struct field agency_fields[] = {
    {FIELD_ORGAN_ID, "organ_id", "Mã định danh", &checker_organ_id, REQUIRED, KNOWN, 35},
    {FIELD_NAME, "name", "Tên cơ quan, tổ chức", &checker_plain, REQUIRED, KNOWN, 200},
};

static const struct field receiver_fields[] = {
    {FIELD_FULL_NAME, "full_name", "Họ và tên", &checker_person, REQUIRED, KNOWN, 100},
    {FIELD_CITIZEN_ID, "citizen_id", "Số định danh cá nhân", &checker_citizen_id, REQUIRED, KNOWN,
     12},
    {FIELD_CITIZEN_ID_DATE, "citizen_id_date", "Ngày cấp", &checker_past_date, OPTIONAL, KNOWN, 10},
    {FIELD_CITIZEN_ID_PLACE, "citizen_id_place", "Nơi cấp", &checker_plain, OPTIONAL, KNOWN, 200},
    {FIELD_POSITION, "position", "Chức vụ", &checker_plain, OPTIONAL, KNOWN, 100},
    {FIELD_MOBILE, "mobile", "Số điện thoại di động", &checker_mobile, REQUIRED, KNOWN, 20},
    {FIELD_EMAIL, "email", "Địa chỉ thư điện tử công vụ", &checker_email, REQUIRED, KNOWN, 254},
    {FIELD_ADDRESS, "address", "Địa chỉ tiếp nhận", &checker_plain, OPTIONAL, KNOWN, 300},
};

static const struct field individual_fields[] = {
    {FIELD_FULL_NAME, "full_name", "Họ và tên", &checker_person, REQUIRED, INFERRED, 100},
    {FIELD_CITIZEN_ID, "citizen_id", "Số định danh cá nhân", &checker_citizen_id, REQUIRED,
     INFERRED, 12},
    {FIELD_CITIZEN_ID_DATE, "citizen_id_date", "Ngày cấp", &checker_past_date, OPTIONAL, INFERRED,
     10},
    {FIELD_CITIZEN_ID_PLACE, "citizen_id_place", "Nơi cấp", &checker_plain, OPTIONAL, INFERRED,
     200},
    {FIELD_ORGANISATION, "organisation", "Cơ quan, tổ chức công tác", &checker_plain, REQUIRED,
     INFERRED, 200},
    {FIELD_POSITION, "position", "Chức vụ", &checker_plain, OPTIONAL, INFERRED, 100},
    {FIELD_PROVINCE, "province", "Tỉnh/Thành phố", &checker_plain, OPTIONAL, INFERRED, 100},
    {FIELD_EMAIL, "email", "Địa chỉ thư điện tử công vụ", &checker_email, REQUIRED, INFERRED, 254},
    {FIELD_MOBILE, "mobile", "Số điện thoại di động", &checker_mobile, OPTIONAL, INFERRED, 20},
    {FIELD_DEVICE_KIND, "device_kind", "Loại thiết bị", &checker_device_person, REQUIRED, INFERRED,
     20},
};

static const struct field agency_subscriber_fields[] = {
    {FIELD_NAME, "name", "Tên cơ quan, tổ chức", &checker_plain, REQUIRED, KNOWN, 200},
    {FIELD_ADDRESS, "address", "Địa chỉ", &checker_plain, OPTIONAL, KNOWN, 300},
    {FIELD_TAX_CODE, "tax_code", "Mã số thuế", &checker_tax_code, OPTIONAL, KNOWN, 14},
    {FIELD_BUDGET_CODE, "budget_code", "Mã quan hệ ngân sách", &checker_budget_code, OPTIONAL,
     KNOWN, 7},
    {FIELD_PROVINCE, "province", "Tỉnh/Thành phố", &checker_plain, OPTIONAL, KNOWN, 100},
    {FIELD_EMAIL, "email", "Địa chỉ thư điện tử công vụ", &checker_email, REQUIRED, KNOWN, 254},
    {FIELD_DEVICE_KIND, "device_kind", "Loại thiết bị", &checker_device_agency, REQUIRED, INFERRED,
     20},
    {FIELD_CSR, "csr", "Yêu cầu ký chứng thư (CSR)", &checker_csr, OPTIONAL, INFERRED, 16384},
};

static const struct field service_fields[] = {
    {FIELD_NAME, "name", "Tên thiết bị, dịch vụ, phần mềm", &checker_plain, REQUIRED, INFERRED,
     200},
    {FIELD_KIND, "kind", "Loại", &checker_service_kind, REQUIRED, INFERRED, 20},
    {FIELD_DOMAIN_OR_IP, "domain_or_ip", "Tên miền hoặc địa chỉ IP", &checker_host, OPTIONAL,
     INFERRED, 253},
    {FIELD_OWNER, "owner", "Cơ quan, tổ chức sở hữu, quản lý", &checker_plain, REQUIRED, INFERRED,
     200},
    {FIELD_PROVINCE, "province", "Tỉnh/Thành phố", &checker_plain, OPTIONAL, INFERRED, 100},
    {FIELD_EMAIL, "email", "Địa chỉ thư điện tử công vụ", &checker_email, REQUIRED, INFERRED, 254},
    {FIELD_DEVICE_KIND, "device_kind", "Loại thiết bị", &checker_device_service, OPTIONAL, INFERRED,
     20},
    {FIELD_CSR, "csr", "Yêu cầu ký chứng thư (CSR)", &checker_csr, OPTIONAL, INFERRED, 16384},
};

/* Mẫu 05. Who is meant is the certificate; the device only when it has one. */
static const struct field revocation_fields[] = {
    {FIELD_SUBSCRIBER_NAME, "subscriber_name", "Tên thuê bao", &checker_plain, OPTIONAL, INFERRED,
     200},
    {FIELD_CERTIFICATE_SERIAL, "certificate_serial", "Số hiệu chứng thư",
     &checker_certificate_serial, REQUIRED, INFERRED, 80},
    {FIELD_DEVICE_SERIAL, "device_serial", "Số hiệu thiết bị", &checker_device_serial, OPTIONAL,
     INFERRED, 64},
    {FIELD_REASON, "reason", "Lý do thu hồi", &checker_cause, REQUIRED, INFERRED, 40},
    {FIELD_LOST_AT, "lost_at", "Thời điểm thất lạc", &checker_past_moment, OPTIONAL, INFERRED, 40},
};

/* Mẫu 09: the minutes of a loss. */
static const struct field loss_fields[] = {
    {FIELD_SUBSCRIBER_NAME, "subscriber_name", "Tên thuê bao", &checker_plain, OPTIONAL, INFERRED,
     200},
    {FIELD_CERTIFICATE_SERIAL, "certificate_serial", "Số hiệu chứng thư",
     &checker_certificate_serial, REQUIRED, INFERRED, 80},
    {FIELD_DEVICE_SERIAL, "device_serial", "Số hiệu thiết bị", &checker_device_serial, REQUIRED,
     INFERRED, 64},
    {FIELD_LOST_AT, "lost_at", "Thời điểm thất lạc", &checker_past_moment, REQUIRED, INFERRED, 40},
    {FIELD_PLACE, "place", "Địa điểm", &checker_plain, OPTIONAL, INFERRED, 300},
    {FIELD_CAUSE, "cause", "Nguyên nhân", &checker_plain, OPTIONAL, INFERRED, 500},
};

/* Mẫu 07: the subscriber has the device. */
static const struct field handover_fields[] = {
    {FIELD_SUBSCRIBER_NAME, "subscriber_name", "Tên thuê bao", &checker_plain, OPTIONAL, INFERRED,
     200},
    {FIELD_DEVICE_SERIAL, "device_serial", "Số hiệu thiết bị", &checker_device_serial, REQUIRED,
     INFERRED, 64},
    {FIELD_CERTIFICATE_SERIAL, "certificate_serial", "Số hiệu chứng thư",
     &checker_certificate_serial, REQUIRED, INFERRED, 80},
    {FIELD_HANDED_OVER_ON, "handed_over_on", "Ngày bàn giao", &checker_past_date, REQUIRED,
     INFERRED, 10},
};

/* Mẫu 08: the device comes back to the authority. */
static const struct field return_fields[] = {
    {FIELD_SUBSCRIBER_NAME, "subscriber_name", "Tên thuê bao", &checker_plain, OPTIONAL, INFERRED,
     200},
    {FIELD_DEVICE_SERIAL, "device_serial", "Số hiệu thiết bị", &checker_device_serial, REQUIRED,
     INFERRED, 64},
    {FIELD_CERTIFICATE_SERIAL, "certificate_serial", "Số hiệu chứng thư",
     &checker_certificate_serial, REQUIRED, INFERRED, 80},
    {FIELD_CONDITION, "condition", "Tình trạng", &checker_plain, REQUIRED, INFERRED, 200},
    {FIELD_REASON, "reason", "Lý do", &checker_plain, OPTIONAL, INFERRED, 200},
};

#define FIELDS(table) table, COUNT_OF(table)

const struct section section_document = {"document", "Thông tin văn bản", "Document",
                                         FIELDS(document_fields)};
const struct section section_agency = {"agency", "Cơ quan, tổ chức đề nghị", "Agency",
                                       FIELDS(agency_fields)};
const struct section section_receiver = {"receiver", "Người tiếp nhận", "Receiver",
                                         FIELDS(receiver_fields)};
const struct field field_delivery = {
    FIELD_DELIVERY, "delivery", "Hình thức giao thiết bị", &checker_delivery, OPTIONAL, KNOWN, 20};

#define NOT_OFFERED(form_code, title)                                                              \
    {                                                                                              \
        .code = form_code, .title_vi = title, .identity = { FIELD_COUNT }                          \
    }

static const struct form forms[] = {
    {"01",
     "Cấp chứng thư chữ ký số cho cá nhân",
     FORM_ISSUES,
     true,
     FIELDS(individual_fields),
     {row_rule_sim_needs_mobile, NULL},
     {FIELD_CITIZEN_ID, FIELD_DEVICE_KIND, FIELD_COUNT}},
    {"02",
     "Cấp chứng thư chữ ký số cho cơ quan, tổ chức",
     FORM_ISSUES,
     true,
     FIELDS(agency_subscriber_fields),
     {row_rule_agency_identifier, row_rule_key_place, NULL},
     {FIELD_TAX_CODE, FIELD_BUDGET_CODE, FIELD_DEVICE_KIND, FIELD_COUNT}},
    {"03",
     "Cấp chứng thư chữ ký số cho thiết bị, dịch vụ, phần mềm",
     FORM_ISSUES,
     true,
     FIELDS(service_fields),
     {row_rule_key_place, NULL},
     {FIELD_KIND, FIELD_NAME, FIELD_DOMAIN_OR_IP, FIELD_COUNT}},
    NOT_OFFERED("04", "Gia hạn, thay đổi nội dung chứng thư"),
    {"05",
     "Thu hồi chứng thư",
     FORM_REVOKES,
     true,
     FIELDS(revocation_fields),
     {NULL},
     {FIELD_CERTIFICATE_SERIAL, FIELD_COUNT}},
    NOT_OFFERED("06", "Khôi phục thiết bị lưu khóa bí mật"),
    {"07",
     "Thông báo bàn giao thiết bị cho thuê bao",
     FORM_REPORTS,
     false,
     FIELDS(handover_fields),
     {NULL},
     {FIELD_DEVICE_SERIAL, FIELD_COUNT}},
    {"08",
     "Bàn giao thiết bị thu hồi",
     FORM_REPORTS,
     false,
     FIELDS(return_fields),
     {NULL},
     {FIELD_DEVICE_SERIAL, FIELD_COUNT}},
    {"09",
     "Xác nhận thiết bị bị thất lạc",
     FORM_ENCLOSED,
     false,
     FIELDS(loss_fields),
     {NULL},
     {FIELD_CERTIFICATE_SERIAL, FIELD_COUNT}},
    NOT_OFFERED("rekey", "Cấp lại khóa"),
    NOT_OFFERED("suspend", "Tạm dừng chứng thư"),
    NOT_OFFERED("resume", "Phục hồi chứng thư"),
};

const struct form *forms_at(size_t index)
{
    return index < COUNT_OF(forms) ? &forms[index] : NULL;
}

const struct form *forms_find(const char *code)
{
    for (size_t i = 0; i < COUNT_OF(forms); i++)
        if (strcmp(forms[i].code, code) == 0)
            return &forms[i];
    return NULL;
}
