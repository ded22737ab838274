/* audit: the tables that say what it hears, does and answers. */
#include "proto/bus.pb-c.h"
#include "services/audit/audit.h"
#include "services/audit/store.h"

/* Every service that has a feed, and its own: what operators do here is journalled like the rest.
 */
static const struct on_feed feeds[] = {
    {.feed = "intake", .fn = on_feed},
    {.feed = "validation", .fn = on_feed},
    {.feed = "signing", .fn = on_feed},
    {.feed = "revocation", .fn = on_feed},
    {.feed = "courier", .fn = on_feed},
    {.feed = "notification", .fn = on_feed},
    {.feed = "status", .fn = on_feed},
    {.feed = "audit", .fn = on_feed},
    {0},
};

static const struct on_call calls[] = {
    {.in = &trien__list_journal__descriptor,
     .reply = &trien__list_journal_reply__descriptor,
     .from = "operator auditor",
     .fn = on_list_journal},
    {.in = &trien__list_checkpoints__descriptor,
     .reply = &trien__list_checkpoints_reply__descriptor,
     .from = "operator auditor",
     .fn = on_list_checkpoints},
    {.in = &trien__get_checkpoint__descriptor,
     .reply = &trien__get_checkpoint_reply__descriptor,
     .from = "operator auditor",
     .fn = on_get_checkpoint},
    {.in = &trien__get_journal_break__descriptor,
     .reply = &trien__get_journal_break_reply__descriptor,
     .from = "officers operator auditor",
     .fn = on_get_journal_break},
    {.in = &trien__begin_journal__descriptor,
     .reply = &trien__begin_journal_reply__descriptor,
     .from = "officers",
     .fn = on_begin_journal,
     .out = {&trien__operator_acted__descriptor, &trien__journal_begun__descriptor}},
    {0},
};

static const struct on_effect effects[] = {
    {.kind = "checkpoint",
     .intent = &trien__sign_checkpoint__descriptor,
     .result = &trien__checkpoint_made__descriptor,
     .act = act_checkpoint,
     .done = done_checkpoint,
     .out = {&trien__checkpoint_signed__descriptor}},
    {0},
};

static const struct on_timer timers[] = {
    {.name = "checkpoint", .period_ms = 500, .fn = on_checkpoint_timer},
    {.name = "partitions", .period_ms = 30 * 1000, .fn = on_partitions},
    {0},
};

static const struct http_route routes[] = {
    {.method = "GET", .path = "/v1/journal/checkpoint", .fn = http_checkpoint},
    {.method = "GET", .path = "/v1/journal/entries", .fn = http_entries},
    {.method = "GET", .path = "/v1/journal/proof/inclusion", .fn = http_inclusion},
    {.method = "GET", .path = "/v1/journal/proof/consistency", .fn = http_consistency},
    {0},
};

static const char *const feed_readers[] = {"audit", NULL};

static const struct svc_part *const parts[] = {&svc_part_database, &svc_part_http, NULL};

static const struct service service = {
    .name = "audit",
    .sentence = "Keeps the tamper-evident journal of everything the services say, and proves it.",
    .number = 5,
    .parts = parts,
    .conf_rows = audit_conf_rows,
    .conf_size = sizeof(struct audit_conf),
    .statements = store_statements,
    .feeds = feeds,
    .calls = calls,
    .effects = effects,
    .timers = timers,
    .routes = routes,
    .states = audit_states,
    .feed_readers = feed_readers,
    .early = audit_early,
    .health = audit_health,
    .late = audit_late,
};

int main(int argc, char **argv)
{
    return svc_main(&service, argc, argv);
}
