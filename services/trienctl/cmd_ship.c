/* trienctl ship: devices leave for their agency, shipments are listed, and what a person saw of one
 * is recorded. Courier decides what may travel with what. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/bus.h"
#include "common/clock.h"
#include "proto/courier.pb-c.h"
#include "services/trienctl/trienctl.h"

#define MAX_DEVICES 200
#define PAGE 500

/* --- send
 * ----------------------------------------------------------------------------------------- */

static const struct option send_options[] = {
    {"request", required_argument, NULL, 'r'},  {"method", required_argument, NULL, 'm'},
    {"tracking", required_argument, NULL, 't'}, {"carrier", required_argument, NULL, 'c'},
    {"key", required_argument, NULL, 'k'},      {0},
};

static int send_off(const Trien__DispatchDevices *call)
{
    const Trien__DispatchDevicesReply *reply = (const void *)ctl_ask(
        NULL, "courier", &call->base, &trien__dispatch_devices_reply__descriptor);

    ctl_show(json_pack("{s:s, s:s, s:s, s:s?, s:o, s:I}", "shipment_id", reply->shipment_id,
                       "method", reply->method, "state", reply->state, "tracking_number",
                       reply->tracking_number, "device_serials",
                       ctl_texts(reply->n_device_serials, reply->device_serials), "staying",
                       (json_int_t)reply->staying),
             "shipment %s: %zu devices, %s%s%s\n", reply->shipment_id, reply->n_device_serials,
             reply->method, reply->tracking_number ? " " : "",
             reply->tracking_number ? reply->tracking_number : "");
    if (reply->staying)
        fprintf(
            stderr,
            "%u devices of the request stay: a parcel holds %d; send again, with another number\n",
            reply->staying, MAX_DEVICES);
    return 0;
}

static const char *fresh_key(void)
{
    uint8_t uuid[16];

    bus_uuid(clock_now(), uuid);
    return bus_uuid_text(ctl_arena(), uuid);
}

static int send_devices(int argc, char **argv)
{
    Trien__DispatchDevices call = TRIEN__DISPATCH_DEVICES__INIT;

    call.device_serials = ARENA_ARRAY(ctl_arena(), char *, MAX_DEVICES);
    call.idempotency = (char *)fresh_key();
    for (int option; (option = getopt_long(argc, argv, "", send_options, NULL)) != -1;) {
        if (option == 'r')
            call.request_id = optarg;
        else if (option == 'm')
            call.method = optarg;
        else if (option == 't')
            call.tracking_number = optarg;
        else if (option == 'c')
            call.carrier = optarg;
        else if (option == 'k')
            call.idempotency = optarg;
        else
            return ctl_misuse("ship", "unknown option");
    }
    for (; optind < argc && call.n_device_serials < MAX_DEVICES; optind++)
        call.device_serials[call.n_device_serials++] = argv[optind];
    if ((call.n_device_serials == 0) == !call.request_id)
        return ctl_misuse("ship", "what leaves: name serials or --request");
    if (optind < argc)
        return ctl_misuse("ship", "%d devices a shipment at most", MAX_DEVICES);
    return send_off(&call);
}

/* --- list
 * ----------------------------------------------------------------------------------------- */

static json_t *shipment_json(const Trien__ShipmentRow *row)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s?, s:s, s:o}", "shipment_id", row->shipment_id,
                     "organ_id", row->organ_id, "method", row->method, "state", row->state,
                     "carrier", row->carrier, "tracking_number", row->tracking_number,
                     "dispatched_at", clock_utc_text(ctl_arena(), row->dispatched_at),
                     "device_serials", ctl_texts(row->n_device_serials, row->device_serials));
}

static void print_shipment(const Trien__ShipmentRow *row)
{
    printf("%s  %-10s %-19s %-18s %-14s %zu devices\n", row->shipment_id, row->organ_id,
           row->method, row->state, row->tracking_number ? row->tracking_number : "-",
           row->n_device_serials);
}

static int list(int argc, char **argv)
{
    static const struct option options[] = {{"state", required_argument, NULL, 's'}, {0}};
    Trien__ListShipments call = TRIEN__LIST_SHIPMENTS__INIT;
    autoptr(json_t) rows = json_array();
    const Trien__ListShipmentsReply *reply;

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option != 's')
            return ctl_misuse("ship", "unknown option");
        call.state = optarg;
    }
    if (optind < argc)
        call.shipment_id = argv[optind];
    do {
        reply = (const void *)ctl_ask(NULL, "courier", &call.base,
                                      &trien__list_shipments_reply__descriptor);
        for (size_t i = 0; i < reply->n_shipments; i++) {
            if (ctl_json())
                json_array_append_new(rows, shipment_json(reply->shipments[i]));
            else
                print_shipment(reply->shipments[i]);
            call.after = reply->shipments[i]->shipment_id;
        }
    } while (reply->n_shipments == PAGE);
    ctl_show_rows(rows);
    return 0;
}

/* --- record
 * ----------------------------------------------------------------------------------------- */

static int record(int argc, char **argv)
{
    static const struct option options[] = {{"state", required_argument, NULL, 's'},
                                            {"note", required_argument, NULL, 'n'},
                                            {"at", required_argument, NULL, 'a'},
                                            {0}};
    Trien__RecordDelivery call = TRIEN__RECORD_DELIVERY__INIT;
    const Trien__RecordDeliveryReply *reply;

    call.delivered_at = clock_now();
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 's')
            call.state = optarg;
        else if (option == 'n')
            call.note = optarg;
        else if (option != 'a' || !clock_parse_time(optarg, &call.delivered_at))
            return ctl_misuse("ship",
                              "unknown option, or --at is not like 2026-11-20T09:15:02+07:00");
    }
    if (optind + 1 != argc || !call.note)
        return ctl_misuse("ship", "record needs a shipment and --note: who saw it");
    call.shipment_id = argv[optind];
    reply = (const void *)ctl_ask(NULL, "courier", &call.base,
                                  &trien__record_delivery_reply__descriptor);
    ctl_show(json_pack("{s:s, s:s}", "shipment_id", call.shipment_id, "state", reply->state),
             "shipment %s is %s\n", call.shipment_id, reply->state);
    return 0;
}

int cmd_ship(int argc, char **argv)
{
    static const struct ctl_act acts[] = {
        {"send", send_devices}, {"list", list}, {"record", record}, {0}};

    return ctl_act("ship", acts, argc, argv);
}
