/* Two services for the tests of the bus: "alpha" says events and answers calls, "beta" reads them
 * and does as they say: apply, wait, refuse, break a constraint, die, act outside.
 *
 *     bus-probe alpha|beta --config FILE
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/svc.h"
#include "gen/tests/bus/probe.inc"
#include "tests/bus/probe.pb-c.h"

/* --- alpha ------------------------------------------------------------------------------------- */

static enum rc on_probe_say(struct tx *tx, const void *in, void *reply)
{
    const Trien__ProbeSay *say = in;
    Trien__ProbeSayReply *out = reply;
    struct db_rows *rows;

    TRY(DB_RUN(tx, said_insert, &rows, db_text(say->key), db_int4((int32_t)say->count)));
    for (size_t i = 0; i < db_count(rows); i++) {
        Trien__ProbeSaid said = TRIEN__PROBE_SAID__INIT;

        said.number = out->last_number = db_get_int(rows, i, 0);
        said.key = say->key;
        said.how = say->how;
        said.has_filler = say->filler_bytes > 0;
        said.filler.len = say->filler_bytes;
        said.filler.data = arena_alloc(tx->arena, say->filler_bytes + 1);
        TRY(emit(tx, say->key, &said));
    }
    return RC_OK;
}

static enum rc on_probe_echo(struct tx *tx, const void *in, void *reply)
{
    const Trien__ProbeEcho *echo = in;
    Trien__ProbeEchoReply *out = reply;

    out->content = echo->content;
    out->principal = arena_strdup(tx->arena, tx->principal);
    return RC_OK;
}

static enum rc on_probe_secret(struct tx *tx, const void *in, void *reply)
{
    (void)tx;
    (void)in;
    (void)reply;
    return RC_OK;
}

static const struct on_call alpha_calls[] = {
    {.in = &trien__probe_say__descriptor,
     .reply = &trien__probe_say_reply__descriptor,
     .from = "operator",
     .fn = on_probe_say,
     .out = {&trien__probe_said__descriptor}},
    {.in = &trien__probe_echo__descriptor,
     .reply = &trien__probe_echo_reply__descriptor,
     .from = "operator beta",
     .fn = on_probe_echo,
     .no_transaction = true},
    {.in = &trien__probe_secret__descriptor,
     .reply = &trien__probe_secret_reply__descriptor,
     .from = "beta",
     .fn = on_probe_secret,
     .no_transaction = true},
    {0},
};

static const char *const alpha_readers[] = {"beta", NULL};
static const struct svc_part *const parts[] = {&svc_part_database, NULL};

static const struct service alpha = {
    .name = "alpha",
    .sentence = "Says events for the tests of the bus.",
    .number = 0,
    .parts = parts,
    .statements = probe_statements,
    .calls = alpha_calls,
    .feed_readers = alpha_readers,
};

/* --- beta -------------------------------------------------------------------------------------- */

static enum rc wait_for_door(struct tx *tx, const char *key)
{
    struct db_rows *rows;

    TRY(DB_RUN(tx, door_is_open, &rows, db_text(key)));
    CHECK(db_get_bool(rows, 0, 0), &tx->err, TRIEN__ERROR__NOT_YET, "the door of %s is shut", key);
    return RC_OK;
}

static enum rc add_effect(struct tx *tx, const Trien__ProbeSaid *said)
{
    Trien__ProbeAct act = TRIEN__PROBE_ACT__INIT;

    act.number = said->number;
    act.how = said->how;
    return effect_add(tx, "act", arena_printf(tx->arena, "%s/%lld", said->key,
                                              (long long)said->number),
                      &act, 0);
}

static enum rc on_probe_said(struct tx *tx, const void *in)
{
    const Trien__ProbeSaid *said = in;
    const char *how = said->how ? said->how : "";

    if (!strcmp(how, "wait"))
        TRY(wait_for_door(tx, said->key));
    if (!strcmp(how, "refuse"))
        FAIL(&tx->err, TRIEN__ERROR__FIELD_INVALID, "told to refuse");
    if (!strcmp(how, "busy"))
        FAIL(&tx->err, TRIEN__ERROR__OVERLOADED, "told to be busy");
    if (!strcmp(how, "violate"))
        TRY(DB_PUSH(tx, violate));
    if (!strcmp(how, "die"))
        raise(SIGKILL);
    if (!strncmp(how, "act", 3))
        TRY(add_effect(tx, said));
    return DB_PUSH(tx, seen_insert, db_int8(said->number), db_text(said->key));
}

static enum rc act(struct fx *fx, const void *intent, ProtobufCMessage **ret_result)
{
    const Trien__ProbeAct *what = intent;
    Trien__ProbeEcho echo = TRIEN__PROBE_ECHO__INIT;
    Trien__ProbeEchoReply *reply;
    Trien__ProbeActed *acted = ARENA_NEW(fx->arena, Trien__ProbeActed);

    if (!strcmp(what->how, "act refuse"))
        FAIL(&fx->err, TRIEN__ERROR__RECIPIENT_REFUSED, "told to refuse");
    if (!strcmp(what->how, "act twice") && fx->attempt == 1)
        FAIL(&fx->err, TRIEN__ERROR__GATEWAY_UNAVAILABLE, "told to fail once");
    echo.content = (ProtobufCBinaryData){strlen(fx->key), (uint8_t *)fx->key};
    TRY(fx_call(fx, "alpha", &echo, &trien__probe_echo_reply__descriptor, 5000, fx->key, &reply));
    trien__probe_acted__init(acted);
    acted->content = reply->content;
    *ret_result = &acted->base;
    return RC_OK;
}

static enum rc done(struct tx *tx, const char *key, const void *intent, const void *result)
{
    const Trien__ProbeAct *what = intent;
    const Trien__ProbeActed *acted = result;

    CHECK(acted->content.len == strlen(key) && !memcmp(acted->content.data, key, strlen(key)),
          &tx->err, TRIEN__ERROR__ANSWER_MISMATCH, "the echo of %s is another", key);
    return DB_PUSH(tx, acted_insert, db_int8(what->number), db_text(key), db_bool(false));
}

static enum rc failed(struct tx *tx, const char *key, const void *intent, const struct err *why)
{
    const Trien__ProbeAct *what = intent;

    (void)why;
    return DB_PUSH(tx, acted_insert, db_int8(what->number), db_text(key), db_bool(true));
}

static const struct on_event beta_events[] = {
    {.feed = "alpha", .in = &trien__probe_said__descriptor, .fn = on_probe_said},
    {0},
};

static const struct on_effect beta_effects[] = {
    {.kind = "act",
     .intent = &trien__probe_act__descriptor,
     .result = &trien__probe_acted__descriptor,
     .act = act,
     .done = done,
     .failed = failed},
    {0},
};

static const struct service beta = {
    .name = "beta",
    .sentence = "Reads events for the tests of the bus.",
    .number = 1,
    .parts = parts,
    .statements = probe_statements,
    .events = beta_events,
    .effects = beta_effects,
};

int main(int argc, char **argv)
{
    const struct service *service = argc > 1 && !strcmp(argv[1], "beta") ? &beta : &alpha;

    if (argc < 2)
        return 64;
    return svc_main(service, argc - 1, argv + 1);
}
