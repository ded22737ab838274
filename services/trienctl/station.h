/* The device station's own parts, for cmd_station.c: the token in the reader, the operator's key.
 */
#pragma once

#include "common/p11.h"
#include "common/x509.h"
#include "proto/signing.pb-c.h"

/* How the station reaches the device; texts live as long as the run. */
struct station_options {
    const char *request_id, *order_id; /* NULL: not limited to one */
    uint32_t limit;
    int wait_seconds; /* for a certificate */
    const char *module, *token_label, *pin_file, *softhsm_config;
    const char *key_file;      /* the station operator's P-256 key */
    const char *device_serial; /* printed on the device in the reader; NULL: taken to be right */
};

/* An open station. */
struct station {
    const struct station_options *options;
    struct p11 *token;
    struct x509_key *key;
};

/** Loads the operator's key and opens the token. */
enum rc station_open(const struct station_options *options, struct err *err,
                     struct station *ret_station) MUST_USE;
void station_close(struct station *station);

/** Label of an order's key and certificate in the token. */
const char *station_label(const char *order_id);

/** The order's key pair is in the token (made before a crash, or by an earlier run). */
enum rc station_has_key(struct station *station, const char *order_id, struct err *err,
                        bool *ret_has) MUST_USE;

/** Makes the key pair where it is not there yet, a signing request signed inside the token, and the
 *  station's signed statement about both: a call that is ready to be sent. In ctl_arena(). */
enum rc station_make_submission(struct station *station, const Trien__WorkOrder *order,
                                struct err *err, Trien__SubmitDeviceKey *ret_call) MUST_USE;

/** Writes the certificate beside its key. REJECT ANSWER_MISMATCH when it is for another key. */
enum rc station_write_certificate(struct station *station, const char *order_id,
                                  struct bytes certificate_der, struct err *err) MUST_USE;

/** Empties the returned device options->device_serial and reports that; *ret_state where it stands
 *  then. REJECT DEVICE_STATE: it is not back, or its certificate has not ended (station_wipe.c). */
enum rc station_wipe(const struct station_options *options, struct err *err,
                     const char **ret_state) MUST_USE;

/** What to do about an error, for people; "" when there is nothing to add. */
const char *station_advice(const struct err *err);
