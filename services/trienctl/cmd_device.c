/* trienctl device: the stock of key devices and where each one is. A list of devices is a CSV file
 * (device_file.h); courier checks every row again. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "proto/courier.pb-c.h"
#include "services/trienctl/device_file.h"
#include "services/trienctl/trienctl.h"

#define ADD_AT_ONCE 1000
#define PAGE 500

/* --- add ----------------------------------------------------------------------------------------
 */

static int add(int argc, char **argv)
{
    Trien__StockDevice **devices = NULL;
    uint32_t added = 0, known = 0;
    struct err err = {0};
    size_t count = 0;

    if (argc != 2)
        return ctl_misuse("device", "add needs one file");
    if (device_file_read(argv[1], &err, &count, &devices) != RC_OK)
        return ctl_failed(&err);
    for (size_t i = 0; i < count; i += ADD_AT_ONCE) {
        Trien__AddDevices call = TRIEN__ADD_DEVICES__INIT;
        const Trien__AddDevicesReply *reply;

        call.devices = devices + i;
        call.n_devices = count - i < ADD_AT_ONCE ? count - i : ADD_AT_ONCE;
        reply = (const void *)ctl_ask(NULL, "courier", &call.base,
                                      &trien__add_devices_reply__descriptor);
        added += reply->added;
        known += reply->known;
    }
    ctl_show(json_pack("{s:i, s:i}", "added", (int)added, "known", (int)known),
             "%u devices added, %u were known\n", added, known);
    return 0;
}

/* --- list, show
 * ----------------------------------------------------------------------------------- */

/* How the certificate in it stands: a lost device with a valid one is somebody's to revoke. */
static const char *standing(const Trien__DeviceRow *row)
{
    if (!row->certificate_serial)
        return NULL;
    return row->has_certificate_ended_at ? "ended" : "valid";
}

static json_t *device_json(const Trien__DeviceRow *row)
{
    return json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s}",
                     "device_serial", row->device_serial, "device_kind", row->device_kind, "state",
                     row->state, "model", row->model, "organ_id", row->organ_id, "request_id",
                     row->request_id, "order_id", row->order_id, "certificate_serial",
                     row->certificate_serial, "certificate", standing(row), "shipment_id",
                     row->shipment_id, "due_on", row->due_on, "changed_at",
                     clock_utc_text(ctl_arena(), row->changed_at));
}

static void print_device(const Trien__DeviceRow *row)
{
    printf("%-24s %-9s %-12s %-10s %s%s%s%s%s\n", row->device_serial, row->device_kind, row->state,
           row->organ_id ? row->organ_id : "-",
           row->certificate_serial ? row->certificate_serial : "-", standing(row) ? " " : "",
           standing(row) ? standing(row) : "", row->due_on ? "  due " : "",
           row->due_on ? row->due_on : "");
}

static const Trien__ListDevicesReply *ask_devices(const Trien__ListDevices *call)
{
    return (const void *)ctl_ask(NULL, "courier", &call->base,
                                 &trien__list_devices_reply__descriptor);
}

static int list(int argc, char **argv)
{
    static const struct option options[] = {{"state", required_argument, NULL, 's'}, {0}};
    Trien__ListDevices call = TRIEN__LIST_DEVICES__INIT;
    autoptr(json_t) rows = json_array();
    const Trien__ListDevicesReply *reply;

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option != 's')
            return ctl_misuse("device", "unknown option");
        call.state = optarg;
    }
    if (optind != argc)
        return ctl_misuse("device", "list takes --state only");
    do {
        reply = ask_devices(&call);
        for (size_t i = 0; i < reply->n_devices; i++) {
            if (ctl_json())
                json_array_append_new(rows, device_json(reply->devices[i]));
            else
                print_device(reply->devices[i]);
            call.after = reply->devices[i]->device_serial;
        }
    } while (reply->n_devices == PAGE);
    ctl_show_rows(rows);
    return 0;
}

static int show(int argc, char **argv)
{
    Trien__ListDevices call = TRIEN__LIST_DEVICES__INIT;
    const Trien__ListDevicesReply *reply;

    if (argc != 2)
        return ctl_misuse("device", "show needs one serial");
    call.device_serial = argv[1];
    reply = ask_devices(&call);
    if (reply->n_devices == 0) {
        struct err err = {.code = TRIEN__ERROR__NOT_FOUND};
        snprintf(err.detail, sizeof(err.detail), "device %.64s", argv[1]);
        return ctl_failed(&err);
    }
    if (ctl_json()) {
        autoptr(json_t) shown = device_json(reply->devices[0]);
        ctl_print_json(shown);
    } else {
        print_device(reply->devices[0]);
    }
    return 0;
}

/* --- retire
 * ----------------------------------------------------------------------------------------- */

static void show_state(const char *serial, const char *state)
{
    ctl_show(json_pack("{s:s, s:s}", "device_serial", serial, "state", state), "device %s is %s\n",
             serial, state);
}

static int retire(int argc, char **argv)
{
    static const struct option options[] = {{"reason", required_argument, NULL, 'r'}, {0}};
    Trien__RetireDevice call = TRIEN__RETIRE_DEVICE__INIT;
    const Trien__RetireDeviceReply *reply;

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option != 'r')
            return ctl_misuse("device", "unknown option");
        call.reason = optarg;
    }
    if (optind + 1 != argc || !call.reason)
        return ctl_misuse("device", "retire needs a serial and --reason");
    call.device_serial = argv[optind];
    reply =
        (const void *)ctl_ask(NULL, "courier", &call.base, &trien__retire_device_reply__descriptor);
    show_state(call.device_serial, reply->state);
    return 0;
}

/* --- check
 * ------------------------------------------------------------------------------------------ */

static int check(int argc, char **argv)
{
    Trien__CheckDevice call = TRIEN__CHECK_DEVICE__INIT;
    struct ctl_word word = {.officer = "officer1"};
    const Trien__CheckDeviceReply *reply;

    if (!ctl_read_word(argc, argv, &word) || !word.note)
        return ctl_misuse("device", "check needs a serial and --note");
    call.device_serial = word.subject;
    call.note = word.note;
    reply = (const void *)ctl_ask(word.officer, "courier", &call.base,
                                  &trien__check_device_reply__descriptor);
    show_state(call.device_serial, reply->state);
    return 0;
}

int cmd_device(int argc, char **argv)
{
    static const struct ctl_act acts[] = {{"add", add},       {"list", list},   {"show", show},
                                          {"retire", retire}, {"check", check}, {0}};

    return ctl_act("device", acts, argc, argv);
}
