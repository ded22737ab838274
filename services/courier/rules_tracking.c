/* What carriers' words mean and what they add up to. Pure: the same set of words gives the same
 * state, however late, often or disordered they came. */
#include <string.h>

#include "services/courier/rules.h"

static const char *const state_names[] = {
    [SHIPMENT_CREATED] = "CREATED",
    [SHIPMENT_ACCEPTED] = "ACCEPTED",
    [SHIPMENT_IN_TRANSIT] = "IN_TRANSIT",
    [SHIPMENT_AT_DELIVERY_OFFICE] = "AT_DELIVERY_OFFICE",
    [SHIPMENT_OUT_FOR_DELIVERY] = "OUT_FOR_DELIVERY",
    [SHIPMENT_ATTEMPTED] = "ATTEMPTED",
    [SHIPMENT_RETURNING] = "RETURNING",
    [SHIPMENT_LOST] = "LOST",
    [SHIPMENT_RETURNED] = "RETURNED",
    [SHIPMENT_DELIVERED] = "DELIVERED",
};

/* EMSEVT V3 (UPU): events of an item on its way. Customs and transit mean nothing more to us than
 * that it is under way. */
static const struct {
    const char *code;
    enum shipment_state state;
} codes[] = {
    {"EMA", SHIPMENT_ACCEPTED},           /* posting or collection */
    {"EMB", SHIPMENT_IN_TRANSIT},         /* arrival at outward office of exchange */
    {"EXA", SHIPMENT_IN_TRANSIT},         /* handed to export customs */
    {"EXB", SHIPMENT_IN_TRANSIT},         /* held by export customs */
    {"EXC", SHIPMENT_IN_TRANSIT},         /* returned from export customs */
    {"EXD", SHIPMENT_IN_TRANSIT},         /* held at outward office of exchange */
    {"EMC", SHIPMENT_IN_TRANSIT},         /* departure from outward office of exchange */
    {"EMJ", SHIPMENT_IN_TRANSIT},         /* arrival at transit office */
    {"EMK", SHIPMENT_IN_TRANSIT},         /* departure from transit office */
    {"EMD", SHIPMENT_IN_TRANSIT},         /* arrival at inward office of exchange */
    {"EDA", SHIPMENT_IN_TRANSIT},         /* held at inward office of exchange */
    {"EDB", SHIPMENT_IN_TRANSIT},         /* handed to import customs */
    {"EME", SHIPMENT_IN_TRANSIT},         /* held by customs */
    {"EDC", SHIPMENT_IN_TRANSIT},         /* returned from customs */
    {"EMF", SHIPMENT_IN_TRANSIT},         /* departure from inward office of exchange */
    {"EDD", SHIPMENT_IN_TRANSIT},         /* into sorting centre */
    {"EDE", SHIPMENT_IN_TRANSIT},         /* out of sorting centre */
    {"EMG", SHIPMENT_AT_DELIVERY_OFFICE}, /* arrival at delivery office */
    {"EDF", SHIPMENT_AT_DELIVERY_OFFICE}, /* held at delivery office */
    {"EDH", SHIPMENT_AT_DELIVERY_OFFICE}, /* at a collection point */
    {"EDG", SHIPMENT_OUT_FOR_DELIVERY},   /* out for delivery */
    {"EMH", SHIPMENT_ATTEMPTED},          /* unsuccessful delivery */
    {"EMI", SHIPMENT_DELIVERED},          /* final delivery */
    {"EDX", SHIPMENT_RETURNING},          /* import terminated */
    {"EXX", SHIPMENT_RETURNING},          /* export terminated */
    {"RETURNING", SHIPMENT_RETURNING},    /* the three EMSEVT has no code for */
    {"RETURNED", SHIPMENT_RETURNED},      {"LOST", SHIPMENT_LOST},
};

const char *rule_shipment_state_name(enum shipment_state state)
{
    return state_names[state];
}

bool rule_shipment_state_of(const char *name, enum shipment_state *ret_state)
{
    for (size_t i = 0; i < COUNT_OF(state_names); i++)
        if (strcmp(state_names[i], name) == 0) {
            *ret_state = (enum shipment_state)i;
            return true;
        }
    return false;
}

bool rule_tracking_code(const char *code, enum shipment_state *ret_state)
{
    for (size_t i = 0; i < COUNT_OF(codes); i++)
        if (strcmp(codes[i].code, code) == 0) {
            *ret_state = codes[i].state;
            return true;
        }
    return false;
}

static bool is_final(enum shipment_state state)
{
    return state == SHIPMENT_DELIVERED || state == SHIPMENT_RETURNED;
}

/* By time; of one instant by the journey; then by place, so that no two words are equal but the
 * same. */
static int compare(const struct tracking_point *a, const struct tracking_point *b)
{
    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    if (a->state != b->state)
        return a->state < b->state ? -1 : 1;
    return strcmp(a->place, b->place);
}

static bool corrects(const struct tracking_point *a, const struct tracking_point *b)
{
    if (a->recorded_at != b->recorded_at)
        return a->recorded_at > b->recorded_at;
    return compare(a, b) > 0;
}

struct tracking_point rule_fold(const struct tracking_point *points, size_t count,
                                struct tracking_point start)
{
    const struct tracking_point *last = NULL, *final = NULL, *correction = NULL;

    for (size_t i = 0; i < count; i++) {
        const struct tracking_point *point = &points[i];
        if (point->recorded_at) {
            if (!correction || corrects(point, correction))
                correction = point;
        } else if (is_final(point->state)) {
            if (!final || compare(point, final) < 0)
                final = point;
        } else if (!last || compare(point, last) > 0) {
            last = point;
        }
    }
    if (correction)
        return *correction;
    if (final)
        return *final;
    return last ? *last : start;
}
