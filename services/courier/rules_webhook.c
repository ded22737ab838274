/* The body of a carrier's webhook, read after its signature was verified: shape, limits, times.
 * Pure. All of it or nothing: a carrier corrects and sends again. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "services/courier/rules.h"

DEFINE_AUTOPTR(json_t, json_decref)

#define MAX_CARRIER 63
#define OLDEST_EVENT (INT64_C(183) * USEC_PER_DAY)

/* The text of a member; NULL when it is not there, no text, empty or too long. */
static const char *text_of(struct arena *arena, const json_t *object, const char *member,
                           size_t limit_bytes)
{
    const json_t *value = json_object_get(object, member);
    size_t length = json_string_length(value);

    if (!length || length > limit_bytes || strlen(json_string_value(value)) != length)
        return NULL;
    return arena_strdup(arena, json_string_value(value));
}

static enum rc need_text(struct arena *arena, const json_t *object, const char *member,
                         size_t limit_bytes, struct err *err, const char **ret_text)
{
    bool there = json_object_get(object, member) != NULL;
    const char *text = text_of(arena, object, member, limit_bytes);

    CHECK(text, err, there ? TRIEN__ERROR__FIELD_INVALID : TRIEN__ERROR__FIELD_MISSING, "%s",
          member);
    *ret_text = text;
    return RC_OK;
}

static size_t characters(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

/* One line of text for people, or "". */
static enum rc read_place(struct arena *arena, const json_t *row, struct err *err,
                          const char **ret_place)
{
    const char *place;

    *ret_place = "";
    if (!json_object_get(row, "place"))
        return RC_OK;
    place = text_of(arena, row, "place", (size_t)WEBHOOK_MAX_PLACE * 4);
    CHECK(place && characters(place) <= WEBHOOK_MAX_PLACE && !strpbrk(place, "\t\r\n") &&
              bytes_are_text(bytes_of_text(place)),
          err, TRIEN__ERROR__FIELD_INVALID, "place");
    *ret_place = place;
    return RC_OK;
}

static enum rc read_event(struct arena *arena, const json_t *row, size_t index, struct err *err,
                          struct webhook_event *event)
{
    enum shipment_state state;
    const char *time;

    err_field(err, "/events/%zu/tracking_number", index);
    TRY(need_text(arena, row, "tracking_number", 32, err, &event->tracking_number));
    err_field(err, "/events/%zu/tracking_number", index);
    CHECK(rule_s10_is_valid(event->tracking_number), err, TRIEN__ERROR__TRACKING_NUMBER_INVALID,
          "not an S10 identifier");
    err_field(err, "/events/%zu/code", index);
    TRY(need_text(arena, row, "code", 16, err, &event->code));
    err_field(err, "/events/%zu/code", index);
    CHECK(rule_tracking_code(event->code, &state), err, TRIEN__ERROR__FIELD_INVALID,
          "a code that is not known");
    err_field(err, "/events/%zu/time", index);
    TRY(need_text(arena, row, "time", 40, err, &time));
    err_field(err, "/events/%zu/time", index);
    CHECK(clock_parse_time(time, &event->at), err, TRIEN__ERROR__FIELD_INVALID, "not RFC 3339");
    err_field(err, "/events/%zu/place", index);
    return read_place(arena, row, err, &event->place);
}

static int compare_events(const void *left, const void *right)
{
    const struct webhook_event *a = left, *b = right;
    int order = strcmp(a->tracking_number, b->tracking_number);

    if (order == 0 && a->at != b->at)
        order = a->at < b->at ? -1 : 1;
    return order ? order : strcmp(a->code, b->code);
}

/* Everybody inserts in one order, so that two carriers' calls never wait for each other in a
 * circle. */
static size_t sort_and_unite(struct webhook_event *events, size_t count)
{
    size_t kept = 0;

    qsort(events, count, sizeof(*events), compare_events);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || compare_events(&events[kept - 1], &events[i]) != 0)
            events[kept++] = events[i];
    return kept;
}

static enum rc read_head(struct arena *arena, const json_t *root, struct err *err,
                         struct webhook *webhook)
{
    const char *sent_at;

    CHECK(json_is_object(root), err, TRIEN__ERROR__MALFORMED, "not a JSON object");
    err_field(err, "/carrier");
    TRY(need_text(arena, root, "carrier", MAX_CARRIER, err, &webhook->carrier));
    err_field(err, "/sent_at");
    TRY(need_text(arena, root, "sent_at", 40, err, &sent_at));
    err_field(err, "/sent_at");
    CHECK(clock_parse_time(sent_at, &webhook->sent_at), err, TRIEN__ERROR__FIELD_INVALID,
          "not RFC 3339");
    return RC_OK;
}

enum rc rule_webhook_read(struct arena *arena, struct bytes body, struct err *err,
                          struct webhook *ret_webhook)
{
    struct webhook webhook = {0};
    autoptr(json_t) root = NULL;
    const json_t *rows;

    CHECK(body.n <= WEBHOOK_MAX_BYTES, err, TRIEN__ERROR__TOO_LARGE, "%zu bytes", body.n);
    root = json_loadb((const char *)body.p, body.n, JSON_REJECT_DUPLICATES, NULL);
    TRY(read_head(arena, root, err, &webhook));
    rows = json_object_get(root, "events");
    err_field(err, "/events");
    CHECK(rows, err, TRIEN__ERROR__FIELD_MISSING, "events");
    err_field(err, "/events");
    CHECK(json_is_array(rows) && json_array_size(rows) > 0, err, TRIEN__ERROR__FIELD_INVALID,
          "not a list of events");
    err_field(err, "/events");
    CHECK(json_array_size(rows) <= WEBHOOK_MAX_EVENTS, err, TRIEN__ERROR__TOO_LARGE, "%zu events",
          json_array_size(rows));
    webhook.count = json_array_size(rows);
    webhook.events = ARENA_ARRAY(arena, struct webhook_event, webhook.count);
    for (size_t i = 0; i < webhook.count; i++)
        TRY(read_event(arena, json_array_get(rows, i), i, err, &webhook.events[i]));
    err_clear(err);
    webhook.count = sort_and_unite(webhook.events, webhook.count);
    *ret_webhook = webhook;
    return RC_OK;
}

enum rc rule_webhook_times(const struct webhook *webhook, usec now, usec window, struct err *err)
{
    usec off = webhook->sent_at > now ? webhook->sent_at - now : now - webhook->sent_at;

    err_field(err, "/sent_at");
    CHECK(off <= window, err, TRIEN__ERROR__WEBHOOK_TIME, "%lld s off",
          (long long)(off / USEC_PER_SECOND));
    for (size_t i = 0; i < webhook->count; i++) {
        err_field(err, "/events");
        CHECK(webhook->events[i].at <= now + window && webhook->events[i].at >= now - OLDEST_EVENT,
              err, TRIEN__ERROR__FIELD_INVALID,
              "the event of %s lies in the future or too far back",
              webhook->events[i].tracking_number);
    }
    err_clear(err);
    return RC_OK;
}

bool rule_webhook_signature(struct arena *arena, const char *header, struct bytes *ret_mac)
{
    static const char prefix[] = "sha256=";
    struct bytes mac;

    if (strncmp(header, prefix, sizeof(prefix) - 1) == 0)
        header += sizeof(prefix) - 1;
    if (strlen(header) != 64 || !bytes_from_hex(arena, header, &mac))
        return false;
    *ret_mac = mac;
    return true;
}
