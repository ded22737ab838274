/* trienctl status: how the installation is, on one screen. */
#include <getopt.h>
#include <stdlib.h>

#include "services/trienctl/processes.h"
#include "services/trienctl/status.h"

#define WATCH_SECONDS 2
#define MAX_WATCH_SECONDS 3600

/* 0: a wrong text. */
static long read_seconds(const char *text)
{
    char *end;
    long seconds = text ? strtol(text, &end, 10) : WATCH_SECONDS;

    if (text && (*end || *text < '0' || *text > '9'))
        return 0;
    return seconds >= 1 && seconds <= MAX_WATCH_SECONDS ? seconds : 0;
}

int cmd_status(int argc, char **argv)
{
    static const struct option options[] = {{"watch", optional_argument, NULL, 'w'}, {0}};
    struct installation_status *status = ARENA_NEW(ctl_arena(), struct installation_status);
    const char **names;
    long watch = 0;

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;)
        if (option != 'w' || !(watch = read_seconds(optarg)))
            return ctl_misuse("status", "--watch takes 1 to %d seconds", MAX_WATCH_SECONDS);
    names = process_chosen(argc - optind, argv + optind);
    if (!*names) /* this machine has none: the operator's own asks after all */
        names = process_all();
    if (watch)
        return status_watch(names, watch);
    status_gather(names, status);
    if (ctl_json()) {
        autoptr(json_t) document = status_json(status);

        ctl_print_json(document);
    } else {
        status_print(stdout, status);
    }
    return status->not_well == 0 ? 0 : 69;
}
