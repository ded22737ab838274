/* trienctl metrics: a service's figures, asked over the bus: as Prometheus text, as a file for
 * node_exporter's textfile collector, or as JSON. For services without HTTP (the signer). */
#include <getopt.h>
#include <stdio.h>

#include "proto/bus.pb-c.h"
#include "services/trienctl/scrape.h"
#include "services/trienctl/trienctl.h"

static json_t *sample_json(const struct scrape_sample *sample)
{
    json_t *labels = json_object();

    for (size_t i = 0; i < sample->label_count; i++)
        json_object_set_new(labels, sample->labels[i].name, json_string(sample->labels[i].value));
    /* What is no number to JSON (NaN, infinite) is null. */
    return json_pack("{s:s, s:o, s:o?}", "name", sample->name, "labels", labels, "value",
                     json_real(sample->value));
}

static int show(const char *service, const char *text)
{
    struct scrape scrape;
    struct err err = {0};
    json_t *samples;

    if (scrape_parse(ctl_arena(), bytes_of_text(text), &err, &scrape) != RC_OK)
        return ctl_failed(&err);
    samples = json_array();
    for (size_t i = 0; i < scrape.count; i++)
        json_array_append_new(samples, sample_json(&scrape.samples[i]));
    ctl_show(json_pack("{s:s, s:o}", "service", service, "samples", samples), "%s", text);
    return 0;
}

int cmd_metrics(int argc, char **argv)
{
    static const struct option options[] = {{"file", required_argument, NULL, 'f'}, {0}};
    Trien__GetMetrics call = TRIEN__GET_METRICS__INIT;
    const Trien__GetMetricsReply *reply;
    const char *service, *file = NULL;
    struct err err = {0};

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option != 'f')
            return ctl_misuse("metrics", "unknown option");
        file = optarg;
    }
    if (optind + 1 != argc)
        return ctl_misuse("metrics", "one service");
    service = argv[optind];
    reply = (const void *)ctl_ask("operator", service, &call.base,
                                  &trien__get_metrics_reply__descriptor);
    if (!file)
        return show(service, reply->text);
    if (ctl_write_file(file, 0644, bytes_of_text(reply->text), &err) != RC_OK)
        return ctl_failed(&err);
    ctl_show(json_pack("{s:s, s:s}", "service", service, "file", file), "%s", "");
    return 0;
}
