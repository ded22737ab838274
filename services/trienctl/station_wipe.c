/* trienctl station wipe: a returned device is emptied, so that an officer may put it into stock
 * again. Nothing is removed before courier has said that the device is back and its certificate has
 * ended; nothing is reported before the token was looked through again. */
#include <stdio.h>
#include <string.h>

#include "proto/courier.pb-c.h"
#include "services/trienctl/station.h"
#include "services/trienctl/trienctl.h"

static enum rc find_device(const char *serial, struct err *err, const Trien__DeviceRow **ret_device)
{
    Trien__ListDevices call = TRIEN__LIST_DEVICES__INIT;
    const Trien__ListDevicesReply *reply;
    const Trien__DeviceRow *device;

    call.device_serial = (char *)serial;
    reply = (const void *)ctl_ask("station", "courier", &call.base,
                                  &trien__list_devices_reply__descriptor);
    CHECK(reply->n_devices == 1, err, TRIEN__ERROR__NOT_FOUND, "device %.64s", serial);
    device = reply->devices[0];
    CHECK(!strcmp(device->state, "returned") || !strcmp(device->state, "initialised"), err,
          TRIEN__ERROR__DEVICE_STATE, "the device is %s", device->state);
    CHECK(device->has_certificate_ended_at, err, TRIEN__ERROR__DEVICE_STATE,
          "its certificate %s still stands: revoke it first", device->certificate_serial);
    *ret_device = device;
    return RC_OK;
}

static enum rc empty(const struct station_options *options, const char *order_id, struct err *err)
{
    const char *label = station_label(order_id);
    struct station station = {0};
    struct bytes certificate = {0};
    bool has_key = true;
    enum rc rc = station_open(options, err, &station);

    if (rc == RC_OK)
        rc = p11_remove(station.token, label, err);
    if (rc == RC_OK)
        rc = station_has_key(&station, order_id, err, &has_key);
    if (rc == RC_OK)
        rc = p11_find_certificate(station.token, label, ctl_arena(), err, &certificate);
    station_close(&station);
    TRY(rc);
    CHECK(!has_key && !certificate.n, err, TRIEN__ERROR__TOKEN_UNAVAILABLE,
          "the token still holds \"%s\": take the device out of use", label);
    return RC_OK;
}

enum rc station_wipe(const struct station_options *options, struct err *err, const char **ret_state)
{
    Trien__InitialiseDevice call = TRIEN__INITIALISE_DEVICE__INIT;
    const Trien__InitialiseDeviceReply *reply;
    const Trien__DeviceRow *device = NULL;

    TRY(find_device(options->device_serial, err, &device));
    TRY(empty(options, device->order_id, err));
    call.device_serial = device->device_serial;
    call.note =
        arena_printf(ctl_arena(), "key and certificate %s removed", device->certificate_serial);
    reply = (const void *)ctl_ask("station", "courier", &call.base,
                                  &trien__initialise_device_reply__descriptor);
    *ret_state = reply->state;
    return RC_OK;
}
