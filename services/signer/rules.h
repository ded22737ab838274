/* What the signer decides by itself before it signs. Pure: values in, verdict out; no clock, no
 * files, no token. Four steps, each of its own file:
 *
 *   ground.c  who vouches for this? signatures of enrolled keys over the exact bytes that are here
 *   tbs.c     what is to be signed? parsed by us, never taken from the caller's word
 *   limits.c  what may a profile contain at most? a table
 *   rules.c   does the second stay inside the first and the third? a table of questions */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/clock.h"
#include "common/guard.h"
#include "common/ossl.h"
#include "common/x509_ca.h"
#include "proto/signer.pb-c.h"
#include "services/signer/tbs.h"

/* The largest call that is looked at. */
#define RULES_MAX_CALL_BYTES ((size_t)64 * 1024)

/* Clocks of the parties may differ by this much. */
#define RULES_SKEW (INT64_C(300) * USEC_PER_SECOND)

/* --- the ground (ground.c) ---------------------------------------------------------------------
 */

/* What was vouched for, whoever vouched. Texts live in the arena. */
struct ground {
    const char *kind;              /* "subscriber", "responder" */
    bool once;                     /* good for one order */
    const char *sha256, *vouchers; /* hex of the vouched bytes; key ids by commas */
    const char *profile;           /* NULL: not said (responder) */
    const char *issuer;            /* NULL: not said (subscriber) */
    struct bytes subject_der;
    char *const *email, *const *dns_name, *const *ip_address;
    size_t email_count, dns_name_count, ip_address_count;
    struct bytes key_sha256; /* of the key that may be certified */
    uint32_t validity_days;
    usec not_before; /* the certificate's notBefore is not earlier */
    usec expires_at; /* no use after */
};

/** Verifies the ground of an order. REJECT AUTHORIZATION_INVALID, STATION_INVALID,
 *  APPROVALS_MISSING, BEYOND_AUTHORIZATION (expired, for another order, without a key). RETRY
 *  NOT_YET: it is of the future, so some clock is wrong. */
enum rc ground_check(const Trien__SignCertificate *order, const struct x509_enrolled *rings,
                     usec now, struct arena *arena, struct err *err,
                     struct ground *ret_ground) MUST_USE;

/* --- limits (limits.c) -------------------------------------------------------------------------
 */

enum presence { NEVER, MAY, MUST };

/* The most a profile may contain, whatever anybody authorised. */
struct limits {
    const char *profile;
    const char *ground;             /* the kind of ground it needs */
    unsigned usage_all, usage_some; /* KU_ bits that may be set; at least one of these is */
    const char *extended[8];        /* OIDs that may stand in extended key usage */
    enum presence extended_usage, policies, no_check, distribution;
    bool email, dns_name, ip_address; /* alternative names */
    uint32_t max_days;
    const char *key_kinds; /* words */
};

/** The limits of a profile; NULL when there is no such profile. */
const struct limits *limits_find(const char *profile);
const struct limits *limits_all(size_t *ret_count);

/* --- the questions (rules.c) -------------------------------------------------------------------
 */

/* What every question is asked about. */
struct question {
    const Trien__SignCertificate *order;
    const struct x509_ca *issuer;
    const struct limits *limits;
    const struct ground *ground;
    const struct tbs *tbs;
    usec now;
    struct arena *arena;
};

struct rule {
    const char *name; /* stands in err->field: "validity_within_authorization" */
    Trien__Error code;
    bool (*holds)(const struct question *question);
    const char *otherwise; /* what is wrong when it does not hold; for operators */
};

/** The table, for tests and documentation. */
const struct rule *rules_all(size_t *ret_count);

/** Asks every question; the first that does not hold refuses: REJECT, or RETRY NOT_YET for a
 *  certificate that begins in the future. */
enum rc rules_ask(const struct question *question, struct err *err) MUST_USE;

/* Questions about extensions live in a file of their own (rules_extension.c). */
bool rule_extensions_known(const struct question *q);
bool rule_extensions_canonical(const struct question *q);
bool rule_basic_constraints_no_ca(const struct question *q);
bool rule_key_usage_within_limits(const struct question *q);
bool rule_extended_usage_within_limits(const struct question *q);
bool rule_authority_key_is_issuers(const struct question *q);
bool rule_subject_key_id_plain(const struct question *q);
bool rule_policies_present(const struct question *q);
bool rule_addresses_are_http(const struct question *q);
bool rule_no_check_for_responders(const struct question *q);
bool rule_names_are_authorized(const struct question *q);
bool rule_name_kinds_within_limits(const struct question *q);

/* --- all of it ---------------------------------------------------------------------------------
 */

/** Everything above on one order: sizes and texts of the call, issuer, ground, to-be-signed bytes,
 *  questions. REJECT (RETRY NOT_YET: a clock is wrong, no such issuer here) with code, field (the
 * rule) and detail. */
enum rc rules_check(const Trien__SignCertificate *order, const struct x509_ca *issuers,
                    size_t issuer_count, const struct x509_enrolled *rings, usec now,
                    struct arena *arena, struct err *err, struct question *ret_question) MUST_USE;

/** The call's own form: sizes, order id, names. Needs no key. */
enum rc rules_check_form(const Trien__SignCertificate *order, struct err *err) MUST_USE;

/** RFC 5280 4.1.2.5, 5.1.2.4: `at`, which is what `when` says, is a UTCTime through 2049 and a
 *  GeneralizedTime from 2050, and after 1970. */
bool rule_time_in_form(const ASN1_TIME *when, usec at);
