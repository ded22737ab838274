/* The signer's own hard limits: what a profile may contain at most, whatever anybody authorised.
 * Kept apart from signing's profiles on purpose: two hands must agree before a certificate is. */
#include <string.h>

#include "common/subscriber.h"
#include "services/signer/rules.h"

#define CLIENT_AUTH "1.3.6.1.5.5.7.3.2"
#define SERVER_AUTH "1.3.6.1.5.5.7.3.1"
#define CODE_SIGN "1.3.6.1.5.5.7.3.3"
#define EMAIL_PROTECTION "1.3.6.1.5.5.7.3.4"
#define OCSP_SIGN "1.3.6.1.5.5.7.3.9"
#define DOCUMENT_SIGN "1.3.6.1.5.5.7.3.36" /* RFC 9336 */
#define SMARTCARD_LOGON "1.3.6.1.4.1.311.20.2.2"

#define SIGN_BITS (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)
#define EXCHANGE_BITS (KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT | KU_KEY_AGREEMENT)
#define ANY_KEY "rsa2048 rsa3072 rsa4096 p256 p384"

/* What holds for every subscriber. Decree 68/2024 Điều 9: a new certificate lives 5 years at most.
 */
#define SUBSCRIBER                                                                                 \
    .ground = "subscriber", .policies = MUST, .distribution = MUST, .email = true,                 \
    .max_days = SUBSCRIBER_MAX_VALIDITY_DAYS
/* And for what has an address in the network. */
#define HOST SUBSCRIBER, .dns_name = true, .ip_address = true

static const struct limits table[] = {
    {
        .profile = PROFILE_PERSON,
        SUBSCRIBER,
        .usage_all = SIGN_BITS | EXCHANGE_BITS,
        .usage_some = SIGN_BITS,
        .extended = {CLIENT_AUTH, EMAIL_PROTECTION, DOCUMENT_SIGN, SMARTCARD_LOGON},
        .extended_usage = MAY,
        .key_kinds = ANY_KEY,
    },
    {
        .profile = PROFILE_AGENCY,
        SUBSCRIBER,
        .usage_all = SIGN_BITS | EXCHANGE_BITS,
        .usage_some = SIGN_BITS,
        .extended = {CLIENT_AUTH, EMAIL_PROTECTION, DOCUMENT_SIGN},
        .extended_usage = MAY,
        .key_kinds = ANY_KEY,
    },
    {
        .profile = PROFILE_DEVICE,
        HOST,
        .usage_all = SIGN_BITS | EXCHANGE_BITS,
        .usage_some = KU_DIGITAL_SIGNATURE,
        .extended = {CLIENT_AUTH, SERVER_AUTH, EMAIL_PROTECTION},
        .extended_usage = MAY,
        .key_kinds = ANY_KEY,
    },
    {
        .profile = PROFILE_TLS_SERVER,
        HOST,
        .usage_all = KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT,
        .usage_some = KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT,
        .extended = {SERVER_AUTH, CLIENT_AUTH},
        .extended_usage = MUST,
        .key_kinds = ANY_KEY,
    },
    {
        .profile = PROFILE_API_CLIENT,
        HOST,
        .usage_all = SIGN_BITS | EXCHANGE_BITS,
        .usage_some = KU_DIGITAL_SIGNATURE,
        .extended = {CLIENT_AUTH},
        .extended_usage = MUST,
        .key_kinds = ANY_KEY,
    },
    {
        .profile = PROFILE_CODE_SIGNING,
        SUBSCRIBER,
        .usage_all = SIGN_BITS,
        .usage_some = KU_DIGITAL_SIGNATURE,
        .extended = {CODE_SIGN},
        .extended_usage = MUST,
        .key_kinds = "rsa3072 rsa4096 p256 p384",
    },
    {
        /* RFC 6960 4.2.2.2: issued directly by the CA it answers for, short-lived, not checked. */
        .profile = PROFILE_OCSP_RESPONDER,
        .ground = "responder",
        .usage_all = SIGN_BITS,
        .usage_some = KU_DIGITAL_SIGNATURE,
        .extended = {OCSP_SIGN},
        .extended_usage = MUST,
        .policies = MAY,
        .no_check = MUST,
        .distribution = MAY,
        .max_days = 90,
        .key_kinds = "rsa2048 rsa3072 rsa4096 p256",
    },
};

const struct limits *limits_all(size_t *ret_count)
{
    *ret_count = COUNT_OF(table);
    return table;
}

const struct limits *limits_find(const char *profile)
{
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (strcmp(table[i].profile, profile) == 0)
            return &table[i];
    return NULL;
}
