/* The judgement of a signer: path first, then the revocation of every certificate below the anchor.
 * A list that is missing or stale is never taken for a good word. */
#include "common/trust_private.h"

#include <string.h>

#include "common/x509.h"

enum trust_status trust_status_by_crl(X509 *certificate, X509_CRL *crl, usec at)
{
    usec next_update = x509_time_us(X509_CRL_get0_nextUpdate(crl));
    X509_REVOKED *revoked = NULL;
    usec since;

    switch (X509_CRL_get0_by_cert(crl, &revoked, certificate)) {
    case 1:
        since = x509_time_us(X509_REVOKED_get0_revocationDate(revoked));
        if (since == INT64_MIN || since <= at)
            return TRUST_REVOKED;
        break;
    default:
        break;
    }
    return next_update < at ? TRUST_STALE : TRUST_GOOD;
}

static void add_need(struct arena *arena, struct trust_judgement *judgement, X509 *certificate,
                     X509 *issuer, usec stale_since)
{
    struct trust_crl_need *needs =
        ARENA_ARRAY(arena, struct trust_crl_need, judgement->need_count + 1);
    struct trust_crl_need *need = &needs[judgement->need_count];

    if (judgement->need_count > 0)
        memcpy(needs, judgement->needs, judgement->need_count * sizeof(*needs));
    trust_sha256(issuer, need->issuer_sha256);
    need->issuer = trust_name_text(arena, X509_get_subject_name(issuer));
    need->url = trust_crl_url(arena, certificate);
    need->stale_since = stale_since;
    judgement->needs = needs;
    judgement->need_count++;
}

static void judge_one(struct trust *trust, X509 *certificate, X509 *issuer, usec at,
                      struct arena *arena, struct trust_judgement *judgement)
{
    const struct trust_list *list;
    uint8_t authority[32];
    enum trust_status status;

    trust_authority(issuer, authority);
    list = trust_find_list(trust, authority, certificate);
    status = list ? trust_status_by_crl(certificate, list->crl, at) : TRUST_STALE;
    if (status == TRUST_REVOKED)
        trust_add_reason(arena, judgement, TRIEN__ERROR__SIGNER_REVOKED,
                         arena_printf(arena, "revoked by %s",
                                      trust_name_text(arena, X509_get_subject_name(issuer))));
    else if (status == TRUST_STALE)
        add_need(arena, judgement, certificate, issuer, list ? list->facts.next_update : 0);
}

/* The path ends at an anchor of ours; without it no list is worth asking. */
static bool is_anchored(const struct trust *trust, X509_stack *chain)
{
    X509 *last = sk_X509_num(chain) > 1 ? sk_X509_value(chain, sk_X509_num(chain) - 1) : NULL;

    for (int i = 0; last && i < sk_X509_num(trust->anchors); i++)
        if (X509_cmp(last, sk_X509_value(trust->anchors, i)) == 0)
            return true;
    return false;
}

static bool is_untrusted(const struct trust_judgement *judgement)
{
    for (size_t i = 0; i < judgement->reason_count; i++)
        if (judgement->reasons[i].code == TRIEN__ERROR__SIGNER_UNTRUSTED)
            return true;
    return false;
}

enum rc trust_judge(struct trust *trust, X509 *signer, enum trust_purpose purpose, usec at,
                    struct arena *arena, struct err *err, struct trust_judgement *ret_judgement)
{
    struct trust_judgement judgement = {0};
    autoptr(X509_stack) chain = NULL;

    TRY(trust_build_path(trust, signer, purpose, at, arena, err, &judgement, &chain));
    if (is_anchored(trust, chain) && !is_untrusted(&judgement)) {
        pthread_rwlock_rdlock(&trust->lock);
        for (int i = 0; i + 1 < sk_X509_num(chain); i++)
            judge_one(trust, sk_X509_value(chain, i), sk_X509_value(chain, i + 1), at, arena,
                      &judgement);
        pthread_rwlock_unlock(&trust->lock);
    }
    *ret_judgement = judgement;
    return RC_OK;
}
