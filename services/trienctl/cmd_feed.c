/* trienctl feed: how far each consumer group has come in a service's event log, and forgetting a
 * group that is gone for good, so that retention does not wait for it any more. */
#include "services/trienctl/trienctl.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "proto/bus.pb-c.h"

/* One group over all its partitions. */
struct sum {
    const char *group;
    int64_t read, behind, seen_at;
};

#define MAX_GROUPS 64
#define LIST_DEADLINE_MS 3000

/* Rows come ordered by group. */
static size_t sum_up(const Trien__ListFeedGroupsReply *reply, struct sum *sums)
{
    size_t n = 0;

    for (size_t i = 0; i < reply->n_groups; i++) {
        const Trien__FeedGroup *row = reply->groups[i];
        struct sum *sum;

        if (!n || strcmp(sums[n - 1].group, row->group)) {
            if (n == MAX_GROUPS)
                break;
            sums[n++] = (struct sum){.group = row->group};
        }
        sum = &sums[n - 1];
        sum->read += row->committed_offset - 1;
        if (row->head_offset > row->committed_offset)
            sum->behind += row->head_offset - row->committed_offset;
        if (row->seen_at > sum->seen_at)
            sum->seen_at = row->seen_at;
    }
    return n;
}

static void show_group(const char *service, const struct sum *sum, json_t *all)
{
    const char *seen = clock_utc_text(ctl_arena(), sum->seen_at);

    ctl_show_row(all,
                 json_pack("{s:s, s:s, s:I, s:I, s:s}", "service", service, "group", sum->group,
                           "read", (json_int_t)sum->read, "behind", (json_int_t)sum->behind,
                           "seen_at", seen),
                 "%-12s %-14s %12lld read %10lld behind  seen %s\n", service, sum->group,
                 (long long)sum->read, (long long)sum->behind, seen);
}

/* 0, or the exit status of what went wrong. */
static int list_of(const char *service, json_t *all)
{
    Trien__ListFeedGroups call = TRIEN__LIST_FEED_GROUPS__INIT;
    struct sum sums[MAX_GROUPS];
    ProtobufCMessage *answer;
    struct err err = {0};
    size_t n;

    if (ctl_call(NULL, service, &call.base, &trien__list_feed_groups_reply__descriptor,
                 LIST_DEADLINE_MS, &err, &answer) != RC_OK)
        return ctl_skip(all, service, &err);
    n = sum_up((const void *)answer, sums);
    for (size_t i = 0; i < n; i++)
        show_group(service, &sums[i], all);
    return 0;
}

static int list_groups(const char *service)
{
    autoptr(json_t) all = json_array();
    int status = service ? list_of(service, all) : 0;

    for (const struct ctl_service *s = ctl_services; !service && s->name; s++) {
        if (ctl_has_log(s->name))
            status |= list_of(s->name, all);
    }
    ctl_show_rows(all);
    return status;
}

static int forget_group(const char *service, char *group)
{
    Trien__ForgetFeedGroup call = TRIEN__FORGET_FEED_GROUP__INIT;

    call.group = group;
    ctl_ask(NULL, service, &call.base, &trien__forget_feed_group_reply__descriptor);
    ctl_show(json_pack("{s:s, s:s}", "service", service, "forgotten", group),
             "%s: retention does not wait for %s any more\n", service, group);
    return 0;
}

int cmd_feed(int argc, char **argv)
{
    if (argc == 1 || (argc <= 3 && !strcmp(argv[1], "list")))
        return list_groups(argc == 3 ? argv[2] : NULL);
    if (argc == 4 && !strcmp(argv[1], "forget"))
        return forget_group(argv[2], argv[3]);
    return ctl_misuse("feed", "list [SERVICE], or forget SERVICE GROUP");
}
