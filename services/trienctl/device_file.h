/* What a maker delivered, as a list: key devices for the stock. */
#pragma once

#include "common/bytes.h"
#include "common/guard.h"
#include "proto/courier.pb-c.h"

/** Reads a CSV file with the header device_serial,device_kind,model (the model may be empty). What
 * a serial number must be is courier's to judge. In ctl_arena(). REJECT NOT_FOUND, TOO_LARGE,
 *  FIELD_INVALID naming the line. */
enum rc device_file_read(const char *path, struct err *err, size_t *ret_count,
                         Trien__StockDevice ***ret_devices) MUST_USE;

/** The same of the file's bytes. */
enum rc device_file_parse(struct bytes file, struct err *err, size_t *ret_count,
                          Trien__StockDevice ***ret_devices) MUST_USE;
