/* trienctl up, down, reload: the services of this installation on this machine. The order of
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

/* One service and how it stands now, as each of these commands lists them. */
static void tell(json_t *rows, const char *service, const char *state)
{
    ctl_show_row(rows, json_pack("{s:s, s:s}", "service", service, "state", state), "  %-13s %s\n",
                 service, state);
}

/* Waits for one service; the bus call itself waits, so nothing here sleeps blindly. */
static bool wait_healthy(const char *service, usec deadline, json_t *rows)
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
            tell(rows, service, "well");
            return true;
        }
        usleep(50000); /* it answered that it waits for something */
    }
    fprintf(stderr, "trienctl: %s is not well: %s%s\n", service, json, err.detail);
    print_log_tail(service);
    json_array_append_new(rows, json_pack("{s:s, s:s}", "service", service, "state", "not well"));
    return false;
}

static int tell_all(const char **names, const char *state)
{
    autoptr(json_t) rows = json_array();

    for (size_t i = 0; names[i]; i++)
        tell(rows, names[i], state);
    ctl_show_rows(rows);
    return 0;
}

static int wait_all(const char **names, long seconds)
{
    int failed = 0;
    autoptr(json_t) rows = json_array();
    usec deadline = clock_monotonic() + seconds * USEC_PER_SECOND;
    for (size_t i = 0; names[i]; i++)
        failed += !wait_healthy(names[i], deadline, rows);
    ctl_show_rows(rows);
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
    const char **names = process_chosen(argc - optind, argv + optind);
    if (run_cluster("start") != 0)
        return 69;
    for (size_t i = 0; names[i]; i++)
        if (process_start(names[i], &err) != RC_OK)
            return ctl_failed(&err);
    return seconds > 0 ? wait_all(names, seconds) : tell_all(names, "started");
}

int cmd_down(int argc, char **argv)
{
    autoptr(json_t) rows = json_array();
    const char **names = process_chosen(argc - 1, argv + 1);
    for (size_t i = 0; names[i]; i++)
        tell(rows, names[i],
             process_stop(names[i], STOP_TIMEOUT_MS) ? "stopped"
                                                     : "killed, it did not stop in time");
    ctl_show_rows(rows);
    return argc > 1 || run_cluster("stop") == 0 ? 0 : 1;
}

int cmd_reload(int argc, char **argv)
{
    int missed = 0;
    autoptr(json_t) rows = json_array();
    const char **names = process_chosen(argc - 1, argv + 1);
    for (size_t i = 0; names[i]; i++) {
        bool done = process_reload(names[i]);
        tell(rows, names[i], done ? "reloaded" : "does not run");
        missed += !done;
    }
    ctl_show_rows(rows);
    return missed == 0 ? 0 : 69;
}
