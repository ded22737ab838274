/* CRLs: what one must be before it may speak, and which one speaks for a certificate. It fetches
 * nothing and never lets an older list replace a newer one. */
#include "common/trust_private.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/cms.h"
#include "common/x509.h"

DEFINE_AUTOPTR(ISSUING_DIST_POINT, ISSUING_DIST_POINT_free)
DEFINE_AUTOPTR(CRL_DIST_POINTS, CRL_DIST_POINTS_free)

/* --- shape --- */

static X509_CRL *parse(struct bytes der)
{
    const unsigned char *p = der.p;
    X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)der.n);

    if (crl && p != der.p + der.n) {
        X509_CRL_free(crl);
        crl = NULL;
    }
    ERR_clear_error();
    return crl;
}

static bool is_full_and_direct(X509_CRL *crl)
{
    autoptr(ISSUING_DIST_POINT) scope =
        X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, NULL, NULL);

    if (X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0)
        return false;
    return !scope || (scope->onlyuser <= 0 && scope->onlyCA <= 0 && scope->indirectCRL <= 0 &&
                      scope->onlyattr <= 0 && !scope->onlysomereasons && scope->distpoint &&
                      scope->distpoint->type == 0);
}

static bool has_unknown_critical(X509_CRL *crl)
{
    for (int i = 0; i < X509_CRL_get_ext_count(crl); i++) {
        X509_EXTENSION *extension = X509_CRL_get_ext(crl, i);
        int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));

        if (X509_EXTENSION_get_critical(extension) && nid != NID_issuing_distribution_point &&
            nid != NID_crl_number && nid != NID_authority_key_identifier)
            return true;
    }
    return false;
}

static bool signs_lists(X509 *authority)
{
    return !(X509_get_extension_flags(authority) & EXFLAG_KUSAGE) ||
           (X509_get_key_usage(authority) & KU_CRL_SIGN);
}

/* The CA of this trust that signed the list; NULL when none did. *ret_named: one has at least the
 * name. */
static X509 *find_issuer(const struct trust *trust, X509_CRL *crl, bool *ret_named)
{
    STACK_OF(X509) *const both[] = {trust->intermediates, trust->anchors};

    for (size_t s = 0; s < COUNT_OF(both); s++)
        for (int i = 0; i < sk_X509_num(both[s]); i++) {
            X509 *authority = sk_X509_value(both[s], i);

            if (X509_NAME_cmp(X509_get_subject_name(authority), X509_CRL_get_issuer(crl)) != 0)
                continue;
            *ret_named = true;
            if (signs_lists(authority) && X509_CRL_verify(crl, X509_get0_pubkey(authority)) == 1)
                return authority;
        }
    ERR_clear_error();
    return NULL;
}

static void read_number(X509_CRL *crl, char *ret_number, size_t size)
{
    ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
    size_t at = 0;

    ret_number[0] = 0;
    for (int i = 0; number && i < ASN1_STRING_length(number) && at + 3 < size; i++)
        at +=
            (size_t)snprintf(ret_number + at, size - at, "%02x", ASN1_STRING_get0_data(number)[i]);
    ASN1_INTEGER_free(number);
}

static void read_scope(X509_CRL *crl, uint8_t ret_scope[32])
{
    int at = X509_CRL_get_ext_by_NID(crl, NID_issuing_distribution_point, -1);
    const ASN1_OCTET_STRING *scope =
        at < 0 ? NULL : X509_EXTENSION_get_data(X509_CRL_get_ext(crl, at));

    memset(ret_scope, 0, 32);
    if (scope)
        bytes_sha256(bytes_of(ASN1_STRING_get0_data(scope), (size_t)ASN1_STRING_length(scope)),
                     ret_scope);
}

/* --- checking --- */

static enum rc check_shape(X509_CRL *crl, struct err *err)
{
    int digest = NID_undef;

    CHECK(crl && X509_CRL_get_version(crl) == 1, err, TRIEN__ERROR__MALFORMED,
          "not a CRL of version 2");
    CHECK(X509_CRL_get0_nextUpdate(crl), err, TRIEN__ERROR__MALFORMED, "CRL without nextUpdate");
    CHECK(is_full_and_direct(crl) && !has_unknown_critical(crl), err,
          TRIEN__ERROR__UNSUPPORTED_TYPE,
          "delta, indirect or partial CRL, or an unknown critical extension");
    OBJ_find_sigid_algs(X509_CRL_get_signature_nid(crl), &digest, NULL);
    CHECK(cms_digest_is_strong(digest) || X509_CRL_get_signature_nid(crl) == NID_rsassaPss, err,
          TRIEN__ERROR__SIGNATURE_WEAK, "CRL signed with a weak digest");
    return RC_OK;
}

static enum rc check(const struct trust *trust, struct bytes der, struct err *err,
                     X509_CRL **ret_crl, struct trust_list *ret_list)
{
    autoptr(X509_CRL) crl = NULL;
    struct trust_list list = {0};
    bool named = false;
    X509 *issuer;

    CHECK(der.n <= TRUST_MAX_CRL_BYTES, err, TRIEN__ERROR__TOO_LARGE, "CRL of %zu bytes", der.n);
    crl = parse(der);
    TRY(check_shape(crl, err));
    issuer = find_issuer(trust, crl, &named);
    CHECK(issuer || !named, err, TRIEN__ERROR__SIGNATURE_INVALID,
          "no key of the issuer verifies the CRL");
    CHECK(issuer, err, TRIEN__ERROR__SIGNER_UNTRUSTED,
          "the CRL's issuer is not in the trust store");
    bytes_sha256(der, list.facts.sha256);
    trust_sha256(issuer, list.facts.issuer_sha256);
    trust_authority(issuer, list.authority);
    read_scope(crl, list.scope);
    read_number(crl, list.number, sizeof(list.number));
    list.facts.this_update = x509_time_us(X509_CRL_get0_lastUpdate(crl));
    list.facts.next_update = x509_time_us(X509_CRL_get0_nextUpdate(crl));
    list.facts.revoked_count =
        (size_t)(X509_CRL_get_REVOKED(crl) ? sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)) : 0);
    CHECK(list.facts.this_update != INT64_MIN && list.facts.next_update > list.facts.this_update,
          err, TRIEN__ERROR__MALFORMED, "nextUpdate is not after thisUpdate");
    *ret_list = list;
    *ret_crl = TAKE(crl);
    return RC_OK;
}

static struct trust_crl facts_of(struct arena *arena, const struct trust_list *list)
{
    struct trust_crl facts = list->facts;

    facts.number = arena_strdup(arena, list->number);
    return facts;
}

enum rc trust_check_crl(const struct trust *trust, struct bytes crl_der, struct arena *arena,
                        struct err *err, struct trust_crl *ret_crl)
{
    autoptr(X509_CRL) crl = NULL;
    struct trust_list list;

    TRY(check(trust, crl_der, err, &crl, &list));
    *ret_crl = facts_of(arena, &list);
    return RC_OK;
}

/* --- keeping --- */

static const struct trust_list *list_of_digest(const struct trust *trust, const uint8_t sha256[32])
{
    for (size_t i = 0; i < trust->list_count; i++)
        if (memcmp(trust->lists[i].facts.sha256, sha256, 32) == 0)
            return &trust->lists[i];
    return NULL;
}

static bool was_seen(const struct trust *trust, const uint8_t sha256[32])
{
    for (size_t i = 0; i < trust->seen_count && i < TRUST_DIGESTS_KEPT; i++)
        if (memcmp(trust->seen[i], sha256, 32) == 0)
            return true;
    return false;
}

bool trust_has_crl(struct trust *trust, const uint8_t sha256[32])
{
    bool has;

    pthread_rwlock_rdlock(&trust->lock);
    has = was_seen(trust, sha256) || list_of_digest(trust, sha256);
    pthread_rwlock_unlock(&trust->lock);
    return has;
}

static struct trust_list *place_for(struct trust *trust, const struct trust_list *list)
{
    struct trust_list *bigger;

    for (size_t i = 0; i < trust->list_count; i++)
        if (memcmp(trust->lists[i].authority, list->authority, 32) == 0 &&
            memcmp(trust->lists[i].scope, list->scope, 32) == 0)
            return &trust->lists[i];
    if (trust->list_count == trust->list_room) {
        size_t room = trust->list_room ? trust->list_room * 2 : 16;
        bigger = realloc(trust->lists, room * sizeof(*bigger));
        if (!bigger)
            return NULL;
        trust->lists = bigger;
        trust->list_room = room;
    }
    trust->lists[trust->list_count] = (struct trust_list){.facts = {.this_update = INT64_MIN}};
    return &trust->lists[trust->list_count++];
}

/* Takes the list when it is newer than what stands in its place. */
static bool keep(struct trust *trust, struct trust_list *list)
{
    struct trust_list *place, old;
    bool kept = false;

    pthread_rwlock_wrlock(&trust->lock);
    if (!was_seen(trust, list->facts.sha256))
        memcpy(trust->seen[trust->seen_count++ % TRUST_DIGESTS_KEPT], list->facts.sha256, 32);
    place = place_for(trust, list);
    if (place) {
        kept = list->facts.this_update >= place->facts.this_update;
        old = *place;
        if (kept)
            *place = *list;
        X509_CRL_free(kept ? old.crl : list->crl);
    }
    pthread_rwlock_unlock(&trust->lock);
    return place != NULL;
}

enum rc trust_put_crl(struct trust *trust, struct bytes crl_der, struct arena *arena,
                      struct err *err, struct trust_crl *ret_crl)
{
    const struct trust_list *known;
    struct trust_list list;
    uint8_t sha256[32];
    X509_CRL *crl;
    X509_REVOKED *revoked;

    bytes_sha256(crl_der, sha256);
    pthread_rwlock_rdlock(&trust->lock);
    known = list_of_digest(trust, sha256);
    if (known)
        *ret_crl = facts_of(arena, known);
    pthread_rwlock_unlock(&trust->lock);
    if (known)
        return RC_OK;
    TRY(check(trust, crl_der, err, &crl, &list));
    X509_CRL_get0_by_cert(crl, &revoked, sk_X509_value(trust->anchors, 0)); /* sorts it now, once */
    list.crl = crl;
    *ret_crl = facts_of(arena, &list);
    if (!keep(trust, &list)) {
        X509_CRL_free(crl);
        FAIL(err, TRIEN__ERROR__INTERNAL, "out of memory");
    }
    return RC_OK;
}

/* --- which list speaks for a certificate --- */

static const char *url_of(const GENERAL_NAME *name)
{
    if (name->type != GEN_URI)
        return NULL;
    return (const char *)ASN1_STRING_get0_data(name->d.uniformResourceIdentifier);
}

static bool same_url(const GENERAL_NAMES *left, const GENERAL_NAMES *right)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(left); i++)
        for (int k = 0; k < sk_GENERAL_NAME_num(right); k++) {
            const char *a = url_of(sk_GENERAL_NAME_value(left, i));
            const char *b = url_of(sk_GENERAL_NAME_value(right, k));

            if (a && b && strcmp(a, b) == 0)
                return true;
        }
    return false;
}

static bool speaks_for(const struct trust_list *list, X509 *certificate)
{
    static const uint8_t everything[32];
    autoptr(ISSUING_DIST_POINT) scope = NULL;
    autoptr(CRL_DIST_POINTS) points = NULL;
    bool found = false;

    if (memcmp(list->scope, everything, 32) == 0)
        return true;
    scope = X509_CRL_get_ext_d2i(list->crl, NID_issuing_distribution_point, NULL, NULL);
    points = X509_get_ext_d2i(certificate, NID_crl_distribution_points, NULL, NULL);
    for (int i = 0; scope && !found && i < sk_DIST_POINT_num(points); i++) {
        const DIST_POINT *point = sk_DIST_POINT_value(points, i);

        found = point->distpoint && point->distpoint->type == 0 &&
                same_url(scope->distpoint->name.fullname, point->distpoint->name.fullname);
    }
    return found;
}

const struct trust_list *trust_find_list(struct trust *trust, const uint8_t authority[32],
                                         X509 *certificate)
{
    const struct trust_list *best = NULL;

    for (size_t i = 0; i < trust->list_count; i++)
        if (memcmp(trust->lists[i].authority, authority, 32) == 0 &&
            (!best || trust->lists[i].facts.this_update > best->facts.this_update) &&
            speaks_for(&trust->lists[i], certificate))
            best = &trust->lists[i];
    return best;
}

const char *trust_crl_url(struct arena *arena, X509 *certificate)
{
    autoptr(CRL_DIST_POINTS) points =
        X509_get_ext_d2i(certificate, NID_crl_distribution_points, NULL, NULL);

    for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
        const DIST_POINT *point = sk_DIST_POINT_value(points, i);

        if (!point->distpoint || point->distpoint->type != 0)
            continue;
        for (int k = 0; k < sk_GENERAL_NAME_num(point->distpoint->name.fullname); k++) {
            const char *url = url_of(sk_GENERAL_NAME_value(point->distpoint->name.fullname, k));

            if (url &&
                (strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0))
                return arena_strdup(arena, url);
        }
    }
    return "";
}
