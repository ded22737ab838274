/* trienctl station: the device station. Takes work orders of signing, makes each key pair in the
 * token, submits it with the station's statement, waits for the certificate and writes it into the
 * token; wipe empties a device that came back. Every step may be repeated: a run that was cut off
 * is finished by the next one. It shows no PIN and no key. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "services/trienctl/station.h"
#include "services/trienctl/trienctl.h"

#define CALL_DEADLINE_MS 20000
#define FIRST_PAUSE_MS 20
#define LONGEST_PAUSE_MS 500

static const struct option long_options[] = {
    {"request", required_argument, NULL, 'r'},
    {"order", required_argument, NULL, 'o'},
    {"limit", required_argument, NULL, 'l'},
    {"wait", required_argument, NULL, 'w'},
    {"module", required_argument, NULL, 'm'},
    {"token", required_argument, NULL, 't'},
    {"pin-file", required_argument, NULL, 'p'},
    {"softhsm-config", required_argument, NULL, 's'},
    {"key", required_argument, NULL, 'k'},
    {"device-serial", required_argument, NULL, 'd'},
    {0},
};

/* Always as the station itself: nobody else may submit keys. */
static enum rc call(const void *request, const ProtobufCMessageDescriptor *reply, struct err *err,
                    void *ret_reply)
{
    ProtobufCMessage *message = NULL;

    TRY(ctl_call("station", "signing", request, reply, CALL_DEADLINE_MS, err, &message));
    *(ProtobufCMessage **)ret_reply = message;
    return RC_OK;
}

/* Orders that await a key; of one request all orders, so that a cut-off run can be finished. */
static enum rc list_orders(const struct station_options *options, struct err *err,
                           Trien__ListWorkOrdersReply **ret_reply)
{
    Trien__ListWorkOrders ask = TRIEN__LIST_WORK_ORDERS__INIT;
    const char *slash = options->order_id ? strchr(options->order_id, '/') : NULL;

    if (options->order_id)
        ask.request_id = slash ? arena_strndup(ctl_arena(), options->order_id,
                                               (size_t)(slash - options->order_id))
                               : (char *)options->order_id;
    else if (options->request_id)
        ask.request_id = (char *)options->request_id;
    ask.has_limit = options->limit != 0;
    ask.limit = options->limit;
    return call(&ask, &trien__list_work_orders_reply__descriptor, err, ret_reply);
}

static bool is_wanted(const struct station_options *options, const Trien__WorkOrder *order)
{
    return !options->order_id || !strcmp(options->order_id, order->order_id);
}

static void pause_ms(int ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
}

/* Asks until the order has ended; the certificate is in *ret_row. */
static enum rc await_certificate(const struct station_options *options, const char *order_id,
                                 struct err *err, Trien__CertificateRow **ret_row)
{
    Trien__FindCertificate ask = TRIEN__FIND_CERTIFICATE__INIT;
    Trien__FindCertificateReply *reply = NULL;
    usec until = clock_monotonic() + options->wait_seconds * USEC_PER_SECOND;

    ask.order_id = (char *)order_id;
    for (int ms = FIRST_PAUSE_MS;; ms = ms * 2 < LONGEST_PAUSE_MS ? ms * 2 : LONGEST_PAUSE_MS) {
        TRY(call(&ask, &trien__find_certificate_reply__descriptor, err, &reply));
        if (reply->certificate)
            break;
        CHECK(strcmp(reply->order_state, "failed") != 0, err, TRIEN__ERROR__WRONG_STATE,
              "the order failed; `trienctl show` of its request says why");
        CHECK(clock_monotonic() < until, err, TRIEN__ERROR__DEADLINE_PASSED,
              "no certificate within %d s, the order is %s", options->wait_seconds,
              reply->order_state);
        pause_ms(ms);
    }
    *ret_row = reply->certificate;
    return RC_OK;
}

/* One order from wherever it stands to a certificate in the token. */
static enum rc work(struct station *station, const Trien__WorkOrder *order, struct err *err,
                    const char **ret_serial)
{
    Trien__CertificateRow *row = NULL;

    if (!strcmp(order->state, "awaiting_key")) {
        Trien__SubmitDeviceKey submission;
        Trien__SubmitDeviceKeyReply *reply = NULL;

        ctl_say("  making a %s key pair in the token …\n", order->key_kind);
        TRY(station_make_submission(station, order, err, &submission));
        ctl_say("  submitting it for device %s …\n", order->device_serial);
        TRY(call(&submission, &trien__submit_device_key_reply__descriptor, err, &reply));
    }
    ctl_say("  waiting for the certificate …\n");
    TRY(await_certificate(station->options, order->order_id, err, &row));
    TRY(station_write_certificate(station, order->order_id,
                                  bytes_of(row->certificate_der.data, row->certificate_der.len),
                                  err));
    ctl_say("  certificate %s is in the token, label \"%s\"\n", row->serial,
            station_label(order->order_id));
    *ret_serial = row->serial;
    return RC_OK;
}

static int explain(const struct err *err)
{
    const char *advice = station_advice(err);
    int status = ctl_failed(err);

    if (*advice)
        fprintf(stderr, "trienctl: %s\n", advice);
    return status;
}

/* Orders of other states are this station's only when their key is in its token. */
static enum rc is_ours(struct station *station, const Trien__WorkOrder *order, struct err *err,
                       bool *ret_ours)
{
    *ret_ours = !strcmp(order->state, "awaiting_key");
    if (*ret_ours || !strcmp(order->state, "failed"))
        return RC_OK;
    return station_has_key(station, order->order_id, err, ret_ours);
}

static enum rc run_orders(struct station *station, const Trien__ListWorkOrdersReply *list,
                          json_t *results, struct err *err)
{
    for (size_t i = 0; i < list->n_orders; i++) {
        const Trien__WorkOrder *order = list->orders[i];
        const char *serial = NULL;
        bool ours;

        if (!is_wanted(station->options, order))
            continue;
        TRY(is_ours(station, order, err, &ours));
        if (!ours)
            continue;
        ctl_say("%s  %s  %s\n", order->order_id, order->subscriber_name, order->profile);
        TRY(work(station, order, err, &serial));
        json_array_append_new(
            results,
            json_pack("{s:s, s:s, s:s?, s:s, s:s, s:s}", "order_id", order->order_id, "subscriber",
                      order->subscriber_name, "device_serial", order->device_serial, "key_kind",
                      order->key_kind, "label", station_label(order->order_id), "serial", serial));
    }
    return RC_OK;
}

/* Orders whose key cannot be made yet because courier has not assigned a device. */
static size_t count_without_device(const struct station_options *options,
                                   const Trien__ListWorkOrdersReply *list)
{
    size_t count = 0;

    for (size_t i = 0; i < list->n_orders; i++)
        count += is_wanted(options, list->orders[i]) && !list->orders[i]->device_serial &&
                 !strcmp(list->orders[i]->state, "awaiting_key");
    return count;
}

/* A device is assigned within moments when stock has one; else somebody has to bring one. */
static enum rc list_ready_orders(const struct station_options *options, struct err *err,
                                 Trien__ListWorkOrdersReply **ret_list)
{
    usec until = clock_monotonic() + options->wait_seconds * USEC_PER_SECOND;
    bool told = false;
    size_t waiting;

    for (int ms = FIRST_PAUSE_MS;; ms = ms * 2 < LONGEST_PAUSE_MS ? ms * 2 : LONGEST_PAUSE_MS) {
        TRY(list_orders(options, err, ret_list));
        waiting = count_without_device(options, *ret_list);
        if (waiting == 0 || clock_monotonic() > until)
            return RC_OK;
        if (!told && ms > FIRST_PAUSE_MS * 8) {
            ctl_say("%zu orders wait for a device …\n", waiting);
            told = true;
        }
        pause_ms(ms);
    }
}

static int run(const struct station_options *options)
{
    Trien__ListWorkOrdersReply *list = NULL;
    autoptr(json_t) results = json_array();
    struct station station = {0};
    struct err err = {0};
    enum rc rc = list_ready_orders(options, &err, &list);

    if (rc == RC_OK && list->n_orders)
        rc = station_open(options, &err, &station);
    if (rc == RC_OK)
        rc = run_orders(&station, list, results, &err);
    station_close(&station);
    if (rc != RC_OK)
        return explain(&err);
    ctl_show(json_pack("{s:O}", "orders", results), "%s",
             json_array_size(results) == 0 ? "no order awaits a key here\n" : "");
    return 0;
}

static json_t *order_json(const Trien__WorkOrder *order)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s, s:s, s:s, s:s}", "order_id", order->order_id,
                     "state", order->state, "profile", order->profile, "device_kind",
                     order->device_kind, "device_serial", order->device_serial, "key_kind",
                     order->key_kind, "subscriber", order->subscriber_name, "subject",
                     order->subject, "created_at", clock_utc_text(ctl_arena(), order->created_at));
}

static int list(const struct station_options *options)
{
    Trien__ListWorkOrdersReply *reply = NULL;
    autoptr(json_t) rows = json_array();
    struct err err = {0};

    if (list_orders(options, &err, &reply) != RC_OK)
        return explain(&err);
    for (size_t i = 0; i < reply->n_orders; i++) {
        const Trien__WorkOrder *order = reply->orders[i];
        if (!is_wanted(options, order))
            continue;
        ctl_show_row(rows, order_json(order), "%s  %-12s %-9s %-24s %-8s %s\n", order->order_id,
                     order->state, order->device_kind,
                     order->device_serial ? order->device_serial : "(waits for a device)",
                     order->key_kind, order->subscriber_name);
    }
    ctl_show(json_pack("{s:O}", "orders", rows), "%s",
             json_array_size(rows) == 0 ? "no order awaits a key\n" : "");
    return 0;
}

static int wipe(const struct station_options *options)
{
    const char *state = NULL;
    struct err err = {0};

    if (station_wipe(options, &err, &state) != RC_OK)
        return explain(&err);
    ctl_show(json_pack("{s:s, s:s}", "device_serial", options->device_serial, "state", state),
             "device %s is %s: an officer looks at it with `trienctl device check`\n",
             options->device_serial, state);
    return 0;
}

/* False for an option nobody knows or a number that is none. */
static bool take_option(struct station_options *options, int option)
{
    char *end = NULL;
    const struct {
        int option;
        const char **text;
    } texts[] = {
        {'r', &options->request_id}, {'o', &options->order_id},
        {'m', &options->module},     {'t', &options->token_label},
        {'p', &options->pin_file},   {'s', &options->softhsm_config},
        {'k', &options->key_file},   {'d', &options->device_serial},
    };

    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (texts[i].option == option) {
            *texts[i].text = optarg;
            return true;
        }
    if (option == 'l')
        options->limit = (uint32_t)strtoul(optarg, &end, 10);
    else if (option == 'w')
        options->wait_seconds = (int)strtol(optarg, &end, 10);
    return end && !*end && options->wait_seconds > 0;
}

/* The embedded default: SoftHSM stands for the USB token. */
static struct station_options defaults(void)
{
    return (struct station_options){.wait_seconds = 60,
                                    .module = "/usr/lib/softhsm/libsofthsm2.so",
                                    .token_label = "trien-station",
                                    .pin_file = ctl_path("keys/pin/station.pin"),
                                    .softhsm_config = ctl_path("etc/softhsm-station.conf"),
                                    .key_file = ctl_path("keys/station.key")};
}

int cmd_station(int argc, char **argv)
{
    struct station_options options = defaults();
    const char *act;

    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;)
        if (!take_option(&options, option))
            return ctl_misuse("station", "unknown option or bad value");
    act = optind + 1 == argc ? argv[optind] : "";
    if (!strcmp(act, "list"))
        return list(&options);
    if (!strcmp(act, "wipe"))
        return options.device_serial ? wipe(&options)
                                     : ctl_misuse("station", "wipe needs --device-serial");
    if (strcmp(act, "run") != 0)
        return ctl_misuse("station", "list, run or wipe");
    if (options.device_serial && !options.order_id)
        return ctl_misuse("station", "--device-serial is one device: name its --order");
    return run(&options);
}
