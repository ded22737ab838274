/* Requests that intake took in, and their waking up. The examination itself is an effect
 * (effect_examine.c), because it talks to intake and runs the inspector. */
#include "common/bus.h"
#include "common/metrics.h"
#include "services/validation/validation.h"

#define PARTITION_MONTHS 3
#define WAKE_BATCH 200

METRIC_FAMILY(waiting_requests) = {
    .kind = METRIC_GAUGE,
    .name = "trien_validation_waiting_requests",
    .help = "Requests that wait for a certificate revocation list.",
    .stale_after_s = 60,
};
METRIC_FAMILY(waiting_seconds) = {
    .kind = METRIC_GAUGE,
    .name = "trien_validation_waiting_seconds",
    .help = "How long the oldest of the waiting requests has waited.",
    .stale_after_s = 60,
};
METRIC_FAMILY(reviews_open) = {
    .kind = METRIC_GAUGE,
    .name = "trien_validation_reviews_open",
    .help = "Requests that wait for two officers.",
    .stale_after_s = 60,
};
METRIC_FAMILY(reviews_open_seconds) = {
    .kind = METRIC_GAUGE,
    .name = "trien_validation_reviews_open_seconds",
    .help = "How long the oldest open review has waited.",
    .stale_after_s = 60,
};

enum rc examine_ask(struct tx *tx, const Trien__ExamineDocument *request, usec pause)
{
    return effect_add(tx, "examine",
                      arena_printf(tx->arena, "%s/%u", request->request_id, request->round),
                      request, pause ? tx->now + pause : 0);
}

static void list_enclosed(struct arena *arena, const Trien__RequestSubmitted *event,
                          Trien__ExamineDocument *request)
{
    Trien__EnclosedPart *parts = ARENA_ARRAY(arena, Trien__EnclosedPart, event->n_attachments);

    request->enclosed = ARENA_ARRAY(arena, Trien__EnclosedPart *, event->n_attachments);
    for (size_t i = 0; i < event->n_attachments; i++) {
        trien__enclosed_part__init(&parts[i]);
        parts[i].sha256 = event->attachments[i]->sha256;
        parts[i].size_bytes = event->attachments[i]->size_bytes;
        request->enclosed[request->n_enclosed++] = &parts[i];
    }
}

enum rc on_request_submitted(struct tx *tx, const void *in)
{
    const Trien__RequestSubmitted *event = in;
    Trien__ExamineDocument request = TRIEN__EXAMINE_DOCUMENT__INIT;
    uint8_t request_id[16];

    CHECK(bus_uuid_parse(event->request_id, request_id), &tx->err, TRIEN__ERROR__MALFORMED,
          "not a request id");
    CHECK(event->document_sha256.len == 32, &tx->err, TRIEN__ERROR__MALFORMED, "no digest");
    for (size_t i = 0; i < event->n_attachments; i++)
        CHECK(event->attachments[i]->sha256.len == 32, &tx->err, TRIEN__ERROR__MALFORMED,
              "no digest");
    TRY(store_insert_request(tx, request_id, event));
    request.request_id = event->request_id;
    request.receipt_number = event->receipt_number;
    request.received_at = event->received_at;
    request.document_sha256 = event->document_sha256;
    request.document_size_bytes = event->document_size_bytes;
    request.round = 1;
    list_enclosed(tx->arena, event, &request);
    return examine_ask(tx, &request, 0);
}

static double seconds_since(usec since, usec now)
{
    return since ? (double)(now - since) / 1e6 : 0.0;
}

static enum rc show_waiting(struct tx *tx)
{
    struct waiting_count waiting;

    TRY(store_count_waiting(tx, &waiting));
    metric_set(&waiting_requests, (double)waiting.for_lists, NULL);
    metric_set(&waiting_seconds, seconds_since(waiting.for_lists_since, tx->now), NULL);
    metric_set(&reviews_open, (double)waiting.for_officers, NULL);
    metric_set(&reviews_open_seconds, seconds_since(waiting.for_officers_since, tx->now), NULL);
    return RC_OK;
}

enum rc wake_waiting(struct tx *tx)
{
    Trien__ExamineDocument *requests;
    size_t count = 0;

    TRY(store_wake_waiting(tx, WAKE_BATCH, &count, &requests));
    for (size_t i = 0; i < count; i++)
        TRY(examine_ask(tx, &requests[i], 0));
    return show_waiting(tx);
}

enum rc on_partition_timer(struct tx *tx)
{
    return store_make_partitions(tx, PARTITION_MONTHS);
}
