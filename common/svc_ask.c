/* --health: asks the process that runs with the same configuration how it is, over its own bus and
 * with its own key, so that an image needs no other program for its health check and the signer's
 * host no second port. It starts nothing and touches neither database nor token. */
#include "common/svc_parts.h"
#include "proto/bus.pb-c.h"

#define PATIENCE_MS 3000

/* Where this host reaches what is bound to every address. */
static const char *own_address(const struct svc *svc)
{
    static const char *const every[] = {"tcp://*:", "tcp://0.0.0.0:", "tcp://[::]:"};
    const char *bind = svc->core.bus_bind;

    for (size_t i = 0; i < COUNT_OF(every); i++)
        if (!strncmp(bind, every[i], strlen(every[i])))
            return arena_printf(svc->arena, "tcp://127.0.0.1:%s", bind + strlen(every[i]));
    return bind;
}

enum rc svc_ask_health(struct svc *svc, struct err *err, bool *ret_well, const char **ret_json)
{
    const struct bus_peer self = {svc->service->name, own_address(svc)};
    Trien__GetHealth question = TRIEN__GET_HEALTH__INIT;
    const Trien__GetHealthReply *answer;
    ProtobufCMessage *reply = NULL;
    struct bus_caller *caller = NULL;
    enum rc rc;

    TRY(bus_caller_new(&svc->keys, &self, 1, err, &caller));
    rc = bus_call(caller, self.name, &question.base, &trien__get_health_reply__descriptor,
                  PATIENCE_MS, NULL, "", svc->arena, err, &reply);
    bus_caller_free(&caller);
    if (rc != RC_OK)
        return rc;
    answer = (const void *)reply;
    *ret_well = answer->ok;
    *ret_json = answer->json;
    return RC_OK;
}
