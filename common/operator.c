/* Calls every service answers to operators, with or without a database: metrics and health. The
 * signer has no other door for them. Changes nothing. */
#include "common/bus_server.h"
#include "common/metrics.h"

#define OPERATORS "operator"
#define OPERATORS_AND_SELF "operator @self" /* --health asks with the service's own key */

static enum rc on_get_metrics(struct tx *tx, const void *in, void *reply)
{
    Trien__GetMetricsReply *out = reply;

    (void)in;
    out->text = (char *)metrics_text(tx->arena);
    return RC_OK;
}

static enum rc on_get_health(struct tx *tx, const void *in, void *reply)
{
    Trien__GetHealthReply *out = reply;
    const char *json = "";

    (void)in;
    out->ok = svc_health(tx->svc, tx->arena, &json);
    out->json = (char *)json;
    return RC_OK;
}

const struct on_call operator_calls[] = {
    {.in = &trien__get_metrics__descriptor,
     .reply = &trien__get_metrics_reply__descriptor,
     .from = OPERATORS,
     .fn = on_get_metrics,
     .no_transaction = true},
    {.in = &trien__get_health__descriptor,
     .reply = &trien__get_health_reply__descriptor,
     .from = OPERATORS_AND_SELF,
     .fn = on_get_health,
     .no_transaction = true},
    {0},
};
