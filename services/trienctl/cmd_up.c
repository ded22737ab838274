/* trienctl up, down, status: the services of this installation on this machine. The order of
 * starting does not matter: every service waits for what it needs; one that breaks is started again
 * by its keeper (keeper.c). */
#include "services/trienctl/processes.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UP_TIMEOUT_SECONDS 60
#define STOP_TIMEOUT_MS 15000

/* The services named, or all that are configured; ends with NULL. */
static const char **chosen(int argc, char **argv)
{
    const char **names = ARENA_ARRAY(ctl_arena(), const char *, (size_t)argc + 16);
    size_t count = 0;
    for (int i = 0; i < argc; i++)
        names[count++] = argv[i];
    if (argc > 0)
        return names;
    for (const struct ctl_service *s = ctl_services; s->name; s++)
        if (process_is_configured(s->name))
            names[count++] = s->name;
    return names;
}

static int run_cluster(const char *act)
{
    char *const script[] = {(char *)"compose/cluster.sh", (char *)act, (char *)ctl_conf()->dir,
                            NULL};
    return access(ctl_path("etc/cluster"), R_OK) == 0 ? ctl_run_script(script) : 0;
}

/* Last lines of a service's log: what an operator would look at first. */
static void print_log_tail(const char *service)
{
    struct err err = {0};
    struct bytes text;
    if (ctl_read_file(ctl_path("log/%s.log", service), 64 << 20, &err, &text) != RC_OK)
        return;
    size_t from = text.n > 2000 ? text.n - 2000 : 0;
    fprintf(stderr, "--- log/%s.log ---\n%.*s\n", service, (int)(text.n - from),
            (const char *)text.p + from);
}

/* Waits for one service; the bus call itself waits, so nothing here sleeps blindly. */
static bool wait_healthy(const char *service, usec deadline)
{
    struct err err = {0};
    struct process_state state;
    const char *json = "";
    bool ok = false;
    while (clock_monotonic() < deadline) {
        err_clear(&err);
        if (!process_find(service, &state))
            break;
        if (process_health(service, 1000, &err, &ok, &json) == RC_OK && ok) {
            printf("  %-13s well\n", service);
            fflush(stdout);
            return true;
        }
        usleep(50000); /* it answered that it waits for something */
    }
    fprintf(stderr, "trienctl: %s is not well: %s%s\n", service, json, err.detail);
    print_log_tail(service);
    return false;
}

static int wait_all(const char **names, long seconds)
{
    int failed = 0;
    usec deadline = clock_monotonic() + seconds * USEC_PER_SECOND;
    for (size_t i = 0; names[i]; i++)
        failed += !wait_healthy(names[i], deadline);
    return failed == 0 ? 0 : 69;
}

int cmd_up(int argc, char **argv)
{
    static const struct option options[] = {{"wait", required_argument, NULL, 'w'}, {0}};
    struct err err = {0};
    long seconds = UP_TIMEOUT_SECONDS;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option != 'w' || (seconds = strtol(optarg, NULL, 10)) < 0)
            return ctl_misuse("up", "--wait takes a number of seconds");
    }
    const char **names = chosen(argc - optind, argv + optind);
    if (run_cluster("start") != 0)
        return 69;
    for (size_t i = 0; names[i]; i++)
        if (process_start(names[i], &err) != RC_OK)
            return ctl_failed(&err);
    return seconds > 0 ? wait_all(names, seconds) : 0;
}

int cmd_down(int argc, char **argv)
{
    const char **names = chosen(argc - 1, argv + 1);
    for (size_t i = 0; names[i]; i++)
        if (!process_stop(names[i], STOP_TIMEOUT_MS))
            fprintf(stderr, "trienctl: %s did not stop in time and was killed\n", names[i]);
    return argc > 1 || run_cluster("stop") == 0 ? 0 : 1;
}

static const char *word_of(const struct process_state *state, enum rc rc, bool ok)
{
    if (state->keeper == 0)
        return "stopped";
    if (state->service == 0)
        return "restarting";
    if (rc != RC_OK)
        return "silent";
    return ok ? "well" : "waiting";
}

/* Adds one service to the document, or prints its line. True when it is well. */
static bool show_status(const char *service, json_t *all)
{
    struct err err = {0};
    struct process_state state;
    bool ok = false;
    const char *json = "null";
    int deadline_ms = process_find(service, &state) ? 2000 : 200;
    enum rc rc = process_health(service, deadline_ms, &err, &ok, &json);
    const char *word = word_of(&state, rc, ok);
    json_object_set_new(all, service,
                        json_pack("{s:s, s:i, s:i, s:o}", "state", word, "pid", (int)state.service,
                                  "restarts", (int)state.restarts, "health",
                                  rc == RC_OK ? json_loads(json, 0, NULL) : json_null()));
    if (!ctl_json())
        printf("%-13s %-10s %7d  %3u restarts  %s\n", service, word, (int)state.service,
               state.restarts, ok ? "" : (rc == RC_OK ? json : err.detail));
    return ok;
}

int cmd_status(int argc, char **argv)
{
    int not_well = 0;
    autoptr(json_t) all = json_object();
    const char **names = chosen(argc - 1, argv + 1);
    for (size_t i = 0; names[i]; i++)
        not_well += !show_status(names[i], all);
    if (ctl_json())
        ctl_print_json(all);
    return not_well == 0 ? 0 : 69;
}
