/* Files of the agency registry: lists of agencies (JSON or CSV) and signers' certificates. */
#pragma once

#include <stdbool.h>

#include "common/bytes.h"
#include "common/guard.h"
#include "proto/validation.pb-c.h"

/* An agency of a list, and the files its signers' certificates are in. */
struct agency_row {
    Trien__Agency agency;
    struct agency_signer_file {
        const char *name, *role;
    } * files;
    size_t file_count;
};

/** Reads the first certificate of a PEM or DER file. FATAL KEY_FILE, REJECT MALFORMED / NOT_FOUND.
 */
enum rc agency_file_signer(const char *path, const char *role, struct err *err,
                           Trien__AgencySigner *ret_signer) MUST_USE;

/** Reads a list. JSON: an array of {"organ_id", "name", "province", "valid_from", "valid_to",
 *  "contacts": [{"name", "email", "mobile"}], "seals": [file], "officers": [file]}. CSV with the
 *  header organ_id,name,province,contact_name,contact_email,contact_mobile,seals,officers,
 *  valid_from,valid_to; several files are separated by spaces; quotes as in RFC 4180. Files lie in
 *  `folder`. err->field names the row. Everything lives in ctl_arena(). */
enum rc agency_file_read(const char *path, const char *folder, struct err *err, size_t *ret_count,
                         struct agency_row **ret_rows) MUST_USE;

/** The list without the certificates its rows name. REJECT MALFORMED, FIELD_INVALID, FIELD_MISSING,
 *  TOO_LARGE. */
enum rc agency_file_parse(struct bytes file, bool is_csv, struct err *err, size_t *ret_count,
                          struct agency_row **ret_rows) MUST_USE;
