/* request.json → records, or every reason why not.
 *
 * Pure: the bytes that the first signature covers go in with what the rules need to know (the day
 * of receipt), verdict and values come out. Hard limits stand before any work: size, depth, rows,
 * length of texts; members that stand twice are refused. Members that the form does not know are
 * not a reason to refuse: nothing of them reaches a certificate; they are listed as remarks so that
 * an officer sees a misspelt optional field. */
#pragma once

#include <jansson.h>

#include "common/bytes.h"
#include "services/validation/forms.h"
#include "services/validation/reasons.h"

#define REQUEST_MAX_BYTES ((size_t)2 * 1024 * 1024)
#define REQUEST_MAX_DEPTH 4
#define REQUEST_MAX_SUBSCRIBERS 1000
#define REQUEST_MAX_REMARKS 50

DEFINE_AUTOPTR(json_t, json_decref)

struct request {
    const struct form *form; /* NULL when it is unknown or missing */
    struct record document, agency, receiver;
    const char *delivery; /* NULL when no device is delivered */
    size_t subscriber_count;
    struct record *subscribers; /* NULL when the form is not served here */
    size_t remark_count;
    const char **remarks; /* JSON pointers of members nobody asked for */
};

/** Parses the JSON text within the limits. NULL with one reason (REQUEST_MALFORMED) when it is not
 *  JSON of version 1. Free with json_decref(). */
json_t *request_parse(struct bytes json, struct reasons *reasons);

/** Applies every rule of the form to a parsed request; adds all reasons; texts of *ret_request live
 *  in the arena or in the JSON. The request is fit to be served when no reason was added. */
void request_read(const struct rule_context *context, const json_t *json, struct reasons *reasons,
                  struct request *ret_request);

/** Adds SUBSCRIBER_REPEATED for each row whose identity stands in an earlier row. */
void request_find_repeats(const struct request *request, struct arena *arena,
                          struct reasons *reasons);

/** For rules over a row: the field of the row at hand is refused, with a sentence for people. */
void rows_refuse(struct rows *rows, Trien__Error code, const char *member, const char *why_vi,
                 const char *why_en);
