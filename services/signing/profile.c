/* The table of profiles. A new kind of certificate is a new row here, a row in the signer's limits,
 * and nothing else. */
#include "services/signing/profile.h"

#include <string.h>

#include "common/guard.h"

#define EKU_SERVER_AUTH "1.3.6.1.5.5.7.3.1"
#define EKU_CLIENT_AUTH "1.3.6.1.5.5.7.3.2"
#define EKU_CODE_SIGNING "1.3.6.1.5.5.7.3.3"
#define EKU_EMAIL_PROTECTION "1.3.6.1.5.5.7.3.4"
#define EKU_OCSP_SIGNING "1.3.6.1.5.5.7.3.9"
#define EKU_DOCUMENT_SIGNING "1.3.6.1.5.5.7.3.36" /* RFC 9336 */

#define ANY_KEY " rsa2048 rsa3072 rsa4096 p256 p384 "
/* RSA 3072 at least: the private life of such a key is years and its signatures outlive it. */
#define LONG_KEY " rsa3072 rsa4096 p256 p384 "
/* What status can sign with: SHA-256 goes with these. */
#define RESPONDER_KEY " rsa2048 rsa3072 rsa4096 p256 "

const struct profile profiles[] = {
    {
        .name = PROFILE_PERSON,
        .key_usage_rsa = KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION,
        .key_usage_ec = KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION,
        .extended_usages = {EKU_CLIENT_AUTH, EKU_EMAIL_PROTECTION, EKU_DOCUMENT_SIGNING},
        .san_allowed = SAN_EMAIL,
        .policy_suffix = ".1",
        .notice = "Chỉ dùng để ký số, xác thực trong hoạt động công vụ của cơ quan, tổ chức "
                  "quản lý thuê bao. Không dùng cho giao dịch của cá nhân.",
        .max_days = SUBSCRIBER_MAX_VALIDITY_DAYS,
        .key_kinds = ANY_KEY,
        .device_key_kind = "rsa3072",
        .needs_organisation = true,
    },
    {
        .name = PROFILE_AGENCY,
        .key_usage_rsa = KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION,
        .key_usage_ec = KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION,
        .extended_usages = {EKU_CLIENT_AUTH, EKU_EMAIL_PROTECTION, EKU_DOCUMENT_SIGNING},
        .san_allowed = SAN_EMAIL,
        .policy_suffix = ".2",
        .notice = "Chỉ dùng để ký số văn bản, thông điệp dữ liệu của cơ quan, tổ chức là thuê bao "
                  "trong hoạt động công vụ.",
        .max_days = SUBSCRIBER_MAX_VALIDITY_DAYS,
        .key_kinds = ANY_KEY,
        .device_key_kind = "rsa3072",
    },
    {
        .name = PROFILE_DEVICE,
        .key_usage_rsa = KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT,
        .key_usage_ec = KU_DIGITAL_SIGNATURE,
        .extended_usages = {EKU_SERVER_AUTH, EKU_CLIENT_AUTH},
        .san_allowed = SAN_HOST,
        .policy_suffix = ".3",
        .notice =
            "Chỉ dùng để xác thực thiết bị của cơ quan, tổ chức quản lý trong hoạt động công vụ.",
        .max_days = SUBSCRIBER_MAX_VALIDITY_DAYS,
        .key_kinds = ANY_KEY,
        .device_key_kind = "p256",
        .needs_organisation = true,
    },
    {
        .name = PROFILE_TLS_SERVER,
        .key_usage_rsa = KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT,
        .key_usage_ec = KU_DIGITAL_SIGNATURE,
        .extended_usages = {EKU_SERVER_AUTH},
        .san_allowed = SAN_HOST,
        .san_needed = SAN_HOST,
        .policy_suffix = ".3",
        .notice =
            "Chỉ dùng để xác thực máy chủ dịch vụ tại tên miền hoặc địa chỉ ghi trong chứng thư, "
            "phục vụ hoạt động công vụ.",
        .max_days = SUBSCRIBER_MAX_VALIDITY_DAYS,
        .key_kinds = ANY_KEY,
        .device_key_kind = "p256",
        .needs_organisation = true,
    },
    {
        .name = PROFILE_API_CLIENT,
        .key_usage_rsa = KU_DIGITAL_SIGNATURE,
        .key_usage_ec = KU_DIGITAL_SIGNATURE,
        .extended_usages = {EKU_CLIENT_AUTH},
        .san_allowed = SAN_EMAIL,
        .policy_suffix = ".3",
        .notice =
            "Chỉ dùng để xác thực dịch vụ khi kết nối, trao đổi dữ liệu trong hoạt động công vụ.",
        .max_days = SUBSCRIBER_MAX_VALIDITY_DAYS,
        .key_kinds = ANY_KEY,
        .device_key_kind = "p256",
        .needs_organisation = true,
    },
    {
        .name = PROFILE_CODE_SIGNING,
        .key_usage_rsa = KU_DIGITAL_SIGNATURE,
        .key_usage_ec = KU_DIGITAL_SIGNATURE,
        .extended_usages = {EKU_CODE_SIGNING},
        .san_allowed = SAN_EMAIL,
        .policy_suffix = ".3",
        .notice =
            "Chỉ dùng để ký số phần mềm của cơ quan, tổ chức quản lý, phục vụ hoạt động công vụ.",
        .max_days = SUBSCRIBER_MAX_VALIDITY_DAYS,
        .key_kinds = LONG_KEY,
        .device_key_kind = "rsa3072",
        .needs_organisation = true,
    },
    {
        .name = PROFILE_OCSP_RESPONDER,
        .key_usage_rsa = KU_DIGITAL_SIGNATURE,
        .key_usage_ec = KU_DIGITAL_SIGNATURE,
        .extended_usages = {EKU_OCSP_SIGNING},
        .policy_suffix = ".4",
        .notice = "Chỉ dùng để ký trả lời trạng thái chứng thư trực tuyến (OCSP).",
        .max_days = 31,
        .key_kinds = RESPONDER_KEY,
        .device_key_kind = "p256",
        .ocsp_no_check = true,
    },
    {0},
};

const struct profile *profile_find(const char *name)
{
    for (const struct profile *profile = profiles; profile->name; profile++)
        if (!strcmp(profile->name, name))
            return profile;
    return NULL;
}

bool profile_accepts_key(const struct profile *profile, const char *key_kind)
{
    const char *at = *key_kind ? strstr(profile->key_kinds, key_kind) : NULL;

    return at && at[-1] == ' ' && at[strlen(key_kind)] == ' ';
}

const char *profile_device_key_kind(const struct profile *profile, const char *device_kind)
{
    return !strcmp(device_kind, "sim_pki") ? "p256" : profile->device_key_kind;
}

unsigned profile_key_usage(const struct profile *profile, const char *key_kind)
{
    return key_kind[0] == 'r' ? profile->key_usage_rsa : profile->key_usage_ec;
}
