/* Lists of key devices from files. It checks shape only; what a device must be is courier's. */
#include "services/trienctl/device_file.h"

#include "common/csv.h"
#include "services/trienctl/trienctl.h"

#define MAX_FILE_BYTES ((size_t)4 * 1024 * 1024)

enum { SERIAL, KIND, MODEL };

enum rc device_file_parse(struct bytes file, struct err *err, size_t *ret_count,
                          Trien__StockDevice ***ret_devices)
{
    const char *fields[CSV_MAX_COLUMNS];
    Trien__StockDevice **devices;
    size_t count = 0, room = 1;
    struct csv csv;
    bool more;

    for (size_t i = 0; i < file.n; i++)
        room += file.p[i] == '\n';
    TRY(csv_open(ctl_arena(), file, "device_serial,device_kind,model", MAX_FILE_BYTES, err, &csv));
    devices = ARENA_ARRAY(ctl_arena(), Trien__StockDevice *, room);
    TRY(csv_next(&csv, err, fields, &more));
    while (more) {
        Trien__StockDevice *device = devices[count++] = ARENA_NEW(ctl_arena(), Trien__StockDevice);

        trien__stock_device__init(device);
        CHECK(*fields[SERIAL] && *fields[KIND], err, TRIEN__ERROR__FIELD_INVALID,
              "a device has a serial number and a kind");
        device->device_serial = (char *)fields[SERIAL];
        device->device_kind = (char *)fields[KIND];
        device->model = *fields[MODEL] ? (char *)fields[MODEL] : NULL;
        TRY(csv_next(&csv, err, fields, &more));
    }
    err_clear(err);
    *ret_count = count;
    *ret_devices = devices;
    return RC_OK;
}

enum rc device_file_read(const char *path, struct err *err, size_t *ret_count,
                         Trien__StockDevice ***ret_devices)
{
    struct bytes file;

    TRY(ctl_read_file(path, MAX_FILE_BYTES, err, &file));
    return device_file_parse(file, err, ret_count, ret_devices);
}
