/* What happens by time: digests of requests that are only partly done, receipts that never came,
 * next month's partitions. */
#include "services/notification/notice.h"
#include "services/notification/rules.h"

enum rc on_digests_due(struct tx *tx)
{
    struct request_row *requests;
    size_t count;

    TRY(store_claim_digests(tx, 50, &requests, &count));
    for (size_t i = 0; i < count; i++)
        TRY(notice_queue_digest(tx, &requests[i], NULL));
    return RC_OK;
}

enum rc on_receipts_missing(struct tx *tx)
{
    const struct notification_conf *conf = tx->conf;
    struct unconfirmed_row *rows;
    size_t count;

    TRY(store_claim_unconfirmed(tx, tx->now - conf->receipt_wait_ms * USEC_PER_MS, 100, &rows,
                                &count));
    for (size_t i = 0; i < count; i++) {
        const struct notice_key *key = &rows[i].key;
        const struct notice_name name = {key->request_id, key->template_name, key->number};
        Trien__NoticeFailed failed = TRIEN__NOTICE_FAILED__INIT;

        failed.request_id = (char *)key->request_id;
        failed.notice_id = (char *)rule_notice_id(tx->arena, name);
        failed.channel = (char *)key->channel;
        failed.template_ = (char *)key->template_name;
        failed.recipient = (char *)rows[i].recipient;
        failed.why = (char *)"no delivery receipt came";
        failed.failed_at = tx->now;
        TRY(emit(tx, key->request_id, &failed));
    }
    return RC_OK;
}

enum rc on_partitions(struct tx *tx)
{
    return store_make_partitions(tx, 3);
}
