/* The kinds of values a field can have, each with what it must be in words. The rules themselves
 * are in rules*.c; this file only gives them one shape. */
#include "services/validation/forms_checkers.h"

#include "common/causes.h"
#include "common/serial.h"
#include "services/validation/rules.h"

static bool is_plain(const struct checker *checker, const struct rule_context *context,
                     const char *text, const char **ret_normal)
{
    (void)checker, (void)context;
    *ret_normal = text;
    return rule_is_plain_text(text);
}

static bool is_person(const struct checker *checker, const struct rule_context *context,
                      const char *text, const char **ret_normal)
{
    (void)checker, (void)context;
    *ret_normal = text;
    return rule_is_person_name(text);
}

static bool is_word(const struct checker *checker, const struct rule_context *context,
                    const char *text, const char **ret_normal)
{
    (void)context;
    *ret_normal = text;
    return rule_is_word_of(text, checker->words);
}

static bool is_citizen_id(const struct checker *checker, const struct rule_context *context,
                          const char *text, const char **ret_normal)
{
    (void)checker;
    *ret_normal = text;
    return rule_is_citizen_id(text, context->received_on);
}

static bool is_tax_code(const struct checker *checker, const struct rule_context *context,
                        const char *text, const char **ret_normal)
{
    (void)checker, (void)context;
    *ret_normal = text;
    return rule_is_tax_code(text);
}

static bool is_budget_code(const struct checker *checker, const struct rule_context *context,
                           const char *text, const char **ret_normal)
{
    (void)checker, (void)context;
    *ret_normal = text;
    return rule_is_budget_code(text);
}

static bool is_organ_id(const struct checker *checker, const struct rule_context *context,
                        const char *text, const char **ret_normal)
{
    (void)checker;
    return rule_is_organ_id(context->arena, text, ret_normal);
}

static bool is_number(const struct checker *checker, const struct rule_context *context,
                      const char *text, const char **ret_normal)
{
    (void)checker, (void)context;
    return rule_is_document_number(text, ret_normal);
}

static bool is_past_day(const struct checker *checker, const struct rule_context *context,
                        const char *text, const char **ret_normal)
{
    civil_day day;

    (void)checker;
    *ret_normal = text;
    return clock_parse_day(text, &day) && day <= context->received_on;
}

/* The normal form is the instant in microseconds since 1970, as text. */
static bool is_past_moment(const struct checker *checker, const struct rule_context *context,
                           const char *text, const char **ret_normal)
{
    usec moment;

    (void)checker;
    /* nothing of ours was there in 1970, and 0 means "not known" on the way to a list */
    if (!rule_is_moment(text, &moment) || moment < USEC_PER_SECOND || moment > context->received_at)
        return false;
    *ret_normal = arena_printf(context->arena, "%lld", (long long)moment);
    return true;
}

static bool is_certificate_serial(const struct checker *checker, const struct rule_context *context,
                                  const char *text, const char **ret_normal)
{
    (void)checker;
    return rule_is_certificate_serial(context->arena, text, ret_normal);
}

static bool is_device_serial(const struct checker *checker, const struct rule_context *context,
                             const char *text, const char **ret_normal)
{
    (void)checker, (void)context;
    *ret_normal = text;
    return serial_is_device(text);
}

static bool is_cause(const struct checker *checker, const struct rule_context *context,
                     const char *text, const char **ret_normal)
{
    (void)checker, (void)context;
    *ret_normal = text;
    return cause_find(text) != NULL;
}

static bool is_email(const struct checker *checker, const struct rule_context *context,
                     const char *text, const char **ret_normal)
{
    (void)checker;
    return rule_is_email(context->arena, text, ret_normal) &&
           (!*context->official_mail_domains ||
            rule_is_official_email(text, context->official_mail_domains));
}

static bool is_mobile(const struct checker *checker, const struct rule_context *context,
                      const char *text, const char **ret_normal)
{
    (void)checker;
    return rule_is_mobile(context->arena, text, ret_normal);
}

static bool is_host(const struct checker *checker, const struct rule_context *context,
                    const char *text, const char **ret_normal)
{
    (void)checker;
    return rule_is_ip_address(context->arena, text, ret_normal) ||
           rule_is_host_name(context->arena, text, ret_normal);
}

/* The request itself is looked at in examine.c; here only that it is PEM of a request. */
static bool is_csr(const struct checker *checker, const struct rule_context *context,
                   const char *text, const char **ret_normal)
{
    (void)checker, (void)context;
    *ret_normal = text;
    return rule_is_csr_pem(text);
}

#define CHOICE(allowed, vi, en)                                                                    \
    {                                                                                              \
        is_word, TRIEN__ERROR__FIELD_INVALID, allowed, vi, en                                      \
    }
#define DEVICE(allowed, vi)                                                                        \
    {                                                                                              \
        is_word, TRIEN__ERROR__DEVICE_KIND_INVALID, allowed, "phải là " vi,                        \
            "must be one of: " allowed                                                             \
    }

const struct checker checker_plain = {is_plain, TRIEN__ERROR__FIELD_INVALID, NULL,
                                      "phải là văn bản đọc được, không chứa ký tự điều khiển",
                                      "must be readable text without control characters"};
const struct checker checker_person = {is_person, TRIEN__ERROR__FIELD_INVALID, NULL,
                                       "phải là họ tên, chỉ gồm chữ cái, dấu cách và các dấu . ' -",
                                       "must be a person's name: letters, spaces and . ' - only"};
const struct checker checker_citizen_id = {
    is_citizen_id, TRIEN__ERROR__CITIZEN_ID_INVALID, NULL,
    "phải gồm đúng 12 chữ số, mở đầu bằng mã tỉnh 001–096, năm sinh không ở tương lai",
    "must be 12 digits, a province code 001–096 first, the year of birth not in the future"};
const struct checker checker_tax_code = {
    is_tax_code, TRIEN__ERROR__TAX_CODE_INVALID, NULL,
    "phải gồm 10 chữ số đúng chữ số kiểm tra, đơn vị phụ thuộc thêm “-” và 3 chữ số",
    "must be 10 digits with a right check digit; a branch adds '-' and 3 digits"};
const struct checker checker_budget_code = {is_budget_code, TRIEN__ERROR__BUDGET_CODE_INVALID, NULL,
                                            "phải gồm đúng 7 chữ số", "must be 7 digits"};
const struct checker checker_organ_id = {is_organ_id, TRIEN__ERROR__ORGAN_ID_INVALID, NULL,
                                         "phải theo Quyết định 20/2020/QĐ-TTg, ví dụ H26.14",
                                         "must follow Decision 20/2020/QĐ-TTg, for example H26.14"};
const struct checker checker_number = {
    is_number, TRIEN__ERROR__DOCUMENT_NUMBER_INVALID, NULL,
    "phải theo Nghị định 30/2020/NĐ-CP, ví dụ 452/SKHCN-CNTT",
    "must follow Decree 30/2020/NĐ-CP, for example 452/SKHCN-CNTT"};
const struct checker checker_document_date = {
    is_past_day, TRIEN__ERROR__DOCUMENT_DATE_INVALID, NULL,
    "phải là ngày có thật dạng NĂM-THÁNG-NGÀY, không sau ngày tiếp nhận",
    "must be a real date YYYY-MM-DD, not after the day of receipt"};
const struct checker checker_past_date = {
    is_past_day, TRIEN__ERROR__DATE_INVALID, NULL,
    "phải là ngày có thật dạng NĂM-THÁNG-NGÀY, không sau ngày tiếp nhận",
    "must be a real date YYYY-MM-DD, not after the day of receipt"};
const struct checker checker_email = {is_email, TRIEN__ERROR__EMAIL_INVALID, NULL,
                                      "phải là địa chỉ thư điện tử công vụ hợp lệ, không dấu",
                                      "must be a valid official e-mail address in ASCII"};
const struct checker checker_mobile = {
    is_mobile, TRIEN__ERROR__MOBILE_INVALID, NULL, "phải là số di động Việt Nam, ví dụ 0912345678",
    "must be a Vietnamese mobile number, for example 0912345678"};
const struct checker checker_host = {
    is_host, TRIEN__ERROR__DOMAIN_INVALID, NULL,
    "phải là tên miền đầy đủ (không dùng ký tự đại diện) hoặc địa chỉ IP của máy chủ",
    "must be a full domain name (no wildcard) or the IP address of a server"};
const struct checker checker_csr = {
    is_csr, TRIEN__ERROR__CSR_MALFORMED, NULL,
    "phải là một yêu cầu ký chứng thư (CSR) dạng PEM, không quá 16 KiB",
    "must be one certificate signing request in PEM, 16 KiB at most"};
const struct checker checker_certificate_serial = {
    is_certificate_serial, TRIEN__ERROR__SERIAL_INVALID, NULL,
    "phải là số hiệu chứng thư dạng thập lục phân, tối đa 40 chữ số",
    "must be a certificate's serial number in hexadecimal, 40 digits at most"};
const struct checker checker_device_serial = {
    is_device_serial, TRIEN__ERROR__SERIAL_INVALID, NULL,
    "phải là số hiệu thiết bị, chỉ gồm chữ cái không dấu, chữ số và các dấu . _ -",
    "must be a device's serial number: ASCII letters, digits and . _ - only"};
const struct checker checker_cause = {
    is_cause, TRIEN__ERROR__CAUSE_INVALID, NULL,
    "phải là một mã lý do thu hồi theo Mẫu 05, ví dụ that_lac, nghi_huu",
    "must be one of the causes of form 05, for example that_lac, nghi_huu"};
const struct checker checker_past_moment = {
    is_past_moment, TRIEN__ERROR__DATE_INVALID, NULL,
    "phải là ngày (NĂM-THÁNG-NGÀY) hoặc thời điểm RFC 3339, không sau thời điểm tiếp nhận",
    "must be a date YYYY-MM-DD or an RFC 3339 time, not after the receipt"};
const struct checker checker_delivery =
    CHOICE("in_person cipher_organisation public_post",
           "phải là in_person, cipher_organisation hoặc public_post",
           "must be in_person, cipher_organisation or public_post");
const struct checker checker_service_kind =
    CHOICE("device service software", "phải là device, service hoặc software",
           "must be device, service or software");
const struct checker checker_device_person = DEVICE("pki_token sim_pki", "pki_token hoặc sim_pki");
const struct checker checker_device_agency = DEVICE("pki_token hsm", "pki_token hoặc hsm");
const struct checker checker_device_service =
    DEVICE("pki_token hsm none", "pki_token, hsm hoặc none");
