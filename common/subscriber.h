/* One row of a request as it will stand in a certificate.
 *
 * The one mapping (form, row) → (profile, subject, alternative names). validation uses it to write
 * the authorisation, signing to see that the signed document bears the authorisation out: the two
 * cannot drift apart. Pure; it believes the field rules were checked by validation and refuses,
 * never guesses, when a field it needs is not there. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "common/arena.h"
#include "common/guard.h"

/* Profile names, as they travel in Authorization.profile. What they mean:
 * services/signing/profile.c. */
#define PROFILE_PERSON "person"                 /* form 01 */
#define PROFILE_AGENCY "agency"                 /* form 02 */
#define PROFILE_DEVICE "device"                 /* form 03, kind device */
#define PROFILE_TLS_SERVER "tls_server"         /* form 03, kind service, with domain_or_ip */
#define PROFILE_API_CLIENT "api_client"         /* form 03, kind service, without */
#define PROFILE_CODE_SIGNING "code_signing"     /* form 03, kind software */
#define PROFILE_OCSP_RESPONDER "ocsp_responder" /* never from a request */

/* Longest life of a subscriber's first certificate: Decree 68/2024 Điều 9, 5 years. */
#define SUBSCRIBER_MAX_VALIDITY_DAYS 1826u

struct subscriber {
    const char *name;         /* for people: the person's, agency's, service's name */
    const char *profile;      /* one of PROFILE_… */
    const char *device_kind;  /* pki_token, sim_pki, hsm, none */
    struct bytes subject_der; /* DER Name exactly as it will stand in the certificate */
    const char *email;        /* SAN rfc822Name, ASCII, lower-case domain; NULL: none */
    const char *dns_name;     /* SAN dNSName, lower case; NULL: none */
    const char *ip_address;   /* SAN iPAddress in canonical text form; NULL: none */
    const char *csr_pem;      /* as it stands in the row; NULL: none */
};

/** Reads subscribers[row] of a request.json of forms 01, 02, 03.
 *  `device_kind` absent: hsm when the row brings a CSR, else none.
 *  REJECT FORM_NOT_OFFERED, FIELD_MISSING, FIELD_INVALID, EMAIL_INVALID, DOMAIN_INVALID,
 * NAME_TOO_LONG; err->field is the JSON pointer: "/subscribers/0/organisation". Texts live in the
 * arena. */
enum rc subscriber_read(struct arena *arena, const json_t *request, size_t row, struct err *err,
                        struct subscriber *ret_subscriber) MUST_USE;
