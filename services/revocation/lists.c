/* When a list is made: the timer looks, the list is written down with its number (what stands in
 * it: pages.c), and an effect asks for its signature. One list of an issuer is on its way at a
 * time; what is revoked meanwhile is on the next. */
#include "common/log.h"
#include "common/metrics.h"
#include "common/pb_bytes.h"
#include "services/revocation/revocation.h"

#define ASK_PAUSE (3 * USEC_PER_SECOND)

METRIC_FAMILY(age) = {
    .kind = METRIC_GAUGE,
    .name = "trien_crl_age_seconds",
    .help = "Age (since thisUpdate) of the newest list of an issuer.",
    .labels = "issuer",
    .stale_after_s = 60,
};
METRIC_FAMILY(left) = {
    .kind = METRIC_GAUGE,
    .name = "trien_crl_seconds_left",
    .help = "Time until nextUpdate of the newest list of an issuer.",
    .labels = "issuer",
    .stale_after_s = 60,
};
METRIC_FAMILY(unlisted) = {
    .kind = METRIC_GAUGE,
    .name = "trien_crl_unlisted",
    .help = "1 while a revocation of the issuer is on no list.",
    .labels = "issuer",
    .stale_after_s = 60,
};

METRIC_FAMILY(behind) = {
    .kind = METRIC_GAUGE,
    .name = "trien_crl_forgotten",
    .help = "1 while the signer has signed lists of the issuer that this database does not know.",
    .labels = "issuer",
    .stale_after_s = 60,
};

static void measure(struct tx *tx, const struct x509_ca *issuer, const struct issuer_row *row)
{
    struct revocation *revocation = tx->state;
    usec now = tx->now;

    watch_set(&revocation->watch[issuer - revocation->issuers], row, now);
    metric_set(&unlisted, row->unlisted || row->writing || row->refused,
               METRIC_LABELS(issuer->name));
    metric_set(&behind, row->behind != 0, METRIC_LABELS(issuer->name));
    if (!row->issued_update)
        return;
    metric_set(&age, (double)(now - row->issued_update) / 1e6, METRIC_LABELS(issuer->name));
    metric_set(&left, (double)(row->issued_until - now) / 1e6, METRIC_LABELS(issuer->name));
}

/* Not at once after a refusal: who refuses will do so again for a while. */
static enum rc ask_for_number(struct tx *tx, const struct x509_ca *issuer, int64_t asked)
{
    Trien__AskNumber ask = TRIEN__ASK_NUMBER__INIT;

    ask.issuer = (char *)issuer->name;
    return effect_add(tx, "ask_number",
                      arena_printf(tx->arena, "%s/%lld", issuer->name, (long long)asked), &ask,
                      asked ? tx->now + ASK_PAUSE : 0);
}

static enum rc ask_for_signature(struct tx *tx, const struct x509_ca *issuer,
                                 const struct list_row *written)
{
    const struct tbs_list list = {.issuer = issuer,
                                  .number = written->number,
                                  .this_update = written->this_update,
                                  .next_update = written->next_update,
                                  .entries_bytes = written->entries_bytes};
    Trien__SignList intent = TRIEN__SIGN_LIST__INIT;
    Trien__SignCrl request = TRIEN__SIGN_CRL__INIT;

    request.issuer = (char *)issuer->name;
    request.number = list.number;
    request.tbs_der = pb_of_bytes(tbs_list_bare(tx->arena, &list));
    request.has_entries_bytes = list.entries_bytes > 0;
    request.entries_bytes = list.entries_bytes;
    intent.request = &request;
    intent.this_update = list.this_update;
    intent.next_update = list.next_update;
    intent.entries = written->entries;
    /* a refused number is used again, for another list; and one whose intent is gone is asked for
     * again */
    return effect_add(tx, "sign_list",
                      arena_printf(tx->arena, "%s/%llu/%lld/%lld", request.issuer,
                                   (unsigned long long)list.number,
                                   (long long)(list.this_update / USEC_PER_SECOND),
                                   (long long)(tx->now / USEC_PER_SECOND)),
                      &intent, 0);
}

static enum rc plan_list(struct tx *tx, const struct x509_ca *issuer, const struct issuer_row *row)
{
    const struct revocation_conf *conf = tx->conf;
    struct list_row written = {.issuer = issuer->name,
                               .number = row->last_number + 1,
                               .this_update = tx->now - tx->now % USEC_PER_SECOND};

    written.next_update =
        rule_next_update(written.this_update, conf->lifetime_ms * USEC_PER_MS, issuer->not_after);
    TRY(pages_write(tx, row, &written));
    TRY(store_insert_list(tx, &written));
    return ask_for_signature(tx, issuer, &written);
}

/* Nobody has the list signed any more: somebody cleared the effects by hand, or restored less than
 * all. It is asked for once more as it was written down: the signer alone knows whether a list that
 * has this number is this one. */
static enum rc take_up(struct tx *tx, const struct x509_ca *issuer)
{
    struct list_row written;
    bool found = false;

    TRY(store_get_written(tx, issuer->name, 0, &found, &written));
    CHECK(found, &tx->err, TRIEN__ERROR__INTERNAL, "a list that is written and is not there");
    log_event(LOG_WARNING, "list_taken_up", LOG_TEXT("issuer", issuer->name),
              LOG_INT("number", (int64_t)written.number));
    return ask_for_signature(tx, issuer, &written);
}

static enum rc look_after(struct tx *tx, const struct x509_ca *issuer)
{
    const struct revocation_conf *conf = tx->conf;
    struct issuer_row row;

    TRY(store_lock_issuer(tx, issuer->name, &row));
    measure(tx, issuer, &row);
    if (row.writing && !row.signing)
        return take_up(tx, issuer);
    if (row.writing || tx->now >= issuer->not_after)
        return RC_OK;
    if (row.behind) /* a new list would take back what lists that are gone said */
        return RC_OK;
    if (!row.number_known)
        return ask_for_number(tx, issuer, row.asked);
    const struct list_times times = {.planned_at = row.planned_at,
                                     .interval = conf->interval_ms * USEC_PER_MS,
                                     .pause =
                                         rule_pause(conf->pause_ms * USEC_PER_MS, row.issued_bytes),
                                     .unlisted = row.unlisted,
                                     .refused = row.refused};
    return rule_list_due(&times, tx->now) ? plan_list(tx, issuer, &row) : RC_OK;
}

/* One issuer a turn, so each in a transaction of its own: what fails for one stops no other's. */
enum rc on_list_timer(struct tx *tx)
{
    struct revocation *revocation = tx->state;
    size_t turn = atomic_fetch_add(&revocation->turn, 1);

    return look_after(tx, &revocation->issuers[turn % revocation->issuer_count]);
}
