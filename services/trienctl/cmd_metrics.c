/* trienctl metrics: a service's figures as Prometheus text, asked over the bus. For services
 * without HTTP (the signer): a file for node_exporter's textfile collector. */
#include <getopt.h>
#include <stdio.h>

#include "proto/bus.pb-c.h"
#include "services/trienctl/trienctl.h"

int cmd_metrics(int argc, char **argv)
{
    static const struct option options[] = {{"file", required_argument, NULL, 'f'}, {0}};
    Trien__GetMetrics call = TRIEN__GET_METRICS__INIT;
    const Trien__GetMetricsReply *reply;
    const char *file = NULL;
    struct err err = {0};

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option != 'f')
            return ctl_misuse("metrics", "unknown option");
        file = optarg;
    }
    if (optind + 1 != argc)
        return ctl_misuse("metrics", "one service");
    reply = (const void *)ctl_ask("operator", argv[optind], &call.base,
                                  &trien__get_metrics_reply__descriptor);
    if (!file)
        fputs(reply->text, stdout);
    else if (ctl_write_file(file, 0644, bytes_of_text(reply->text), &err) != RC_OK)
        return ctl_failed(&err);
    return 0;
}
