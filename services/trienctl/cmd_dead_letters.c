/* trienctl dead-letters: events a service could not apply. Lists them over all services or one,
 * shows one with its payload, has one tried again or given up for a stated reason. Each act is an
 * event of the service. A letter is named FEED/PARTITION/OFFSET, as the list prints it. */
#include "services/trienctl/trienctl.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "proto/bus.pb-c.h"

#define LIST_DEADLINE_MS 3000

/* --- the name of a letter -----------------------------------------------------------------------
 */

struct letter_name {
    char *feed;
    uint32_t partition;
    int64_t offset;
};

static bool read_name(const char *text, struct letter_name *ret_name)
{
    char *feed = arena_strdup(ctl_arena(), text), *slash = strchr(feed, '/');
    unsigned partition;
    long long offset;
    int end = 0;

    if (!slash || slash == feed || sscanf(slash, "/%2u/%18lld%n", &partition, &offset, &end) != 2 ||
        slash[end] || partition >= BUS_PARTITIONS || offset < 1)
        return false;
    *slash = '\0';
    *ret_name = (struct letter_name){feed, partition, offset};
    return true;
}

/* --- printing -----------------------------------------------------------------------------------
 */

static json_t *letter_json(const char *service, const Trien__DeadLetter *letter)
{
    json_t *json =
        json_pack("{s:s, s:s, s:i, s:I, s:s, s:s, s:s, s:s, s:i, s:s}", "service", service, "feed",
                  letter->feed, "partition", (int)letter->partition, "offset",
                  (json_int_t)letter->offset, "key", letter->key, "type", letter->type, "state",
                  letter->state, "error", letter->error, "attempts", (int)letter->attempts,
                  "created_at", clock_utc_text(ctl_arena(), letter->created_at));

    if (letter->has_retry_at)
        json_object_set_new(json, "retry_at",
                            json_string(clock_utc_text(ctl_arena(), letter->retry_at)));
    if (letter->resolution)
        json_object_set_new(json, "resolution", json_string(letter->resolution));
    if (letter->has_payload)
        json_object_set_new(json, "payload",
                            json_string(bytes_to_base64(
                                ctl_arena(), bytes_of(letter->payload.data, letter->payload.len))));
    return json;
}

static void print_letter(const char *service, const Trien__DeadLetter *letter)
{
    printf("%-12s %s/%u/%lld  %-8s %s %s\n", service, letter->feed, letter->partition,
           (long long)letter->offset, letter->state, letter->type, letter->key);
    if (*letter->error)
        printf("             %s (%u attempts)\n", letter->error, letter->attempts);
    if (letter->resolution)
        printf("             resolved: %s\n", letter->resolution);
}

/* --- commands ------------------------------------------------------------------------------------
 */

/* 0, or the exit status of what went wrong. */
static int list_of(const char *service, const Trien__ListDeadLetters *call, json_t *all,
                   size_t *count)
{
    const Trien__ListDeadLettersReply *reply;
    ProtobufCMessage *answer;
    struct err err = {0};

    if (ctl_call(NULL, service, &call->base, &trien__list_dead_letters_reply__descriptor,
                 LIST_DEADLINE_MS, &err, &answer) != RC_OK)
        return ctl_skip(all, service, &err);
    reply = (const void *)answer;
    for (size_t i = 0; i < reply->n_letters; i++) {
        if (ctl_json())
            json_array_append_new(all, letter_json(service, reply->letters[i]));
        else
            print_letter(service, reply->letters[i]);
    }
    *count += reply->n_letters;
    return 0;
}

static int list_letters(int argc, char **argv)
{
    static const struct option options[] = {
        {"feed", required_argument, NULL, 'f'}, {"resolved", no_argument, NULL, 'r'}, {0}};
    Trien__ListDeadLetters call = TRIEN__LIST_DEAD_LETTERS__INIT;
    autoptr(json_t) all = json_array();
    size_t count = 0;
    int status = 0;

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'f')
            call.feed = optarg;
        else if (option == 'r')
            call.has_resolved = call.resolved = true;
        else
            return ctl_misuse("dead-letters", "unknown option");
    }
    if (optind + 1 < argc)
        return ctl_misuse("dead-letters", "list takes one service at most");
    if (optind < argc) {
        status = list_of(argv[optind], &call, all, &count);
    } else {
        for (const struct ctl_service *s = ctl_services; s->name; s++) {
            if (ctl_has_log(s->name))
                status |= list_of(s->name, &call, all, &count);
        }
    }
    ctl_show(json_incref(all), "%s", count || status ? "" : "no letters\n");
    return status;
}

static int show_letter(const char *service, const struct letter_name *name)
{
    Trien__GetDeadLetter call = TRIEN__GET_DEAD_LETTER__INIT;
    const Trien__GetDeadLetterReply *reply;
    autoptr(json_t) json = NULL;

    call.feed = name->feed;
    call.partition = name->partition;
    call.offset = name->offset;
    reply =
        (const void *)ctl_ask(NULL, service, &call.base, &trien__get_dead_letter_reply__descriptor);
    json = letter_json(service, reply->letter);
    if (ctl_json()) {
        ctl_print_json(json);
        return 0;
    }
    print_letter(service, reply->letter);
    printf("             said %s\n             payload %s\n",
           clock_utc_text(ctl_arena(), reply->letter->created_at),
           json_string_value(json_object_get(json, "payload")));
    return 0;
}

static int show_act(const char *service, const struct letter_name *name, const char *done,
                    const char *text)
{
    const char *letter = arena_printf(ctl_arena(), "%s/%u/%lld", name->feed, name->partition,
                                      (long long)name->offset);

    ctl_show(json_pack("{s:s, s:s, s:s}", "service", service, "letter", letter, "done", done),
             "%s\n", text);
    return 0;
}

static int retry_letter(const char *service, const struct letter_name *name)
{
    Trien__RetryDeadLetter call = TRIEN__RETRY_DEAD_LETTER__INIT;

    call.feed = name->feed;
    call.partition = name->partition;
    call.offset = name->offset;
    ctl_ask(NULL, service, &call.base, &trien__retry_dead_letter_reply__descriptor);
    return show_act(service, name, "retried",
                    "it is tried again now, and what stands behind it after that");
}

static int resolve_letter(const char *service, const struct letter_name *name, char *reason)
{
    Trien__ResolveDeadLetter call = TRIEN__RESOLVE_DEAD_LETTER__INIT;

    call.feed = name->feed;
    call.partition = name->partition;
    call.offset = name->offset;
    call.reason = reason;
    ctl_ask(NULL, service, &call.base, &trien__resolve_dead_letter_reply__descriptor);
    return show_act(service, name, "resolved", "given up; what stands behind it is tried now");
}

static int act(int argc, char **argv)
{
    static const struct option options[] = {{"reason", required_argument, NULL, 'r'}, {0}};
    const char *what = argv[0];
    char *reason = NULL;
    struct letter_name name;

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option != 'r')
            return ctl_misuse("dead-letters", "unknown option");
        reason = optarg;
    }
    if (optind + 2 != argc || !read_name(argv[optind + 1], &name))
        return ctl_misuse("dead-letters", "%s takes a service and FEED/PARTITION/OFFSET", what);
    if (!strcmp(what, "show"))
        return show_letter(argv[optind], &name);
    if (!strcmp(what, "retry"))
        return retry_letter(argv[optind], &name);
    if (!reason || !*reason)
        return ctl_misuse("dead-letters", "resolve needs --reason");
    return resolve_letter(argv[optind], &name, reason);
}

int cmd_dead_letters(int argc, char **argv)
{
    static const char *const acts[] = {"show", "retry", "resolve"};

    if (argc < 2 || !strcmp(argv[1], "list"))
        return list_letters(argc > 1 ? argc - 1 : argc, argc > 1 ? argv + 1 : argv);
    for (size_t i = 0; i < COUNT_OF(acts); i++) {
        if (!strcmp(argv[1], acts[i]))
            return act(argc - 1, argv + 1);
    }
    return ctl_misuse("dead-letters", "list, show, retry or resolve");
}
