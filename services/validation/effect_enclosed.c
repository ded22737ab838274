/* The attachments of a document that rests on one: each is a document of its own and passes the
 * same gate. What proves nothing is kept with its reasons; whether anything had to be proved is
 * decided with the registry (rules_certificates.c). */
#include <string.h>

#include "common/causes.h"
#include "services/validation/examine.h"
#include "services/validation/validation.h"

#define MAX_ENCLOSURES 10

/* A row gives a cause that rests on minutes of a loss. */
static bool needs_minutes(const Trien__ExaminedDocument *examined)
{
    for (size_t i = 0; i < examined->n_items; i++) {
        const struct cause *cause =
            examined->items[i]->cause ? cause_find(examined->items[i]->cause) : NULL;

        if (cause && cause->proof == PROOF_LOSS_MINUTES)
            return true;
    }
    return false;
}

/* What the enclosed request says, as far as it is in order. */
static void read_request(struct fx *fx, const Trien__ExamineDocument *request, struct bytes json,
                         struct reasons *reasons, Trien__ExaminedEnclosure *enclosure)
{
    const struct rule_context context = examine_context(fx, request, true);
    Trien__ExaminedDocument inside = TRIEN__EXAMINED_DOCUMENT__INIT;

    examine_request(&context, json, reasons, &inside);
    enclosure->organ_id = inside.organ_id;
    enclosure->n_items = reasons->count ? 0 : inside.n_items;
    enclosure->items = inside.items;
}

static enum rc look_at(struct fx *fx, const Trien__ExamineDocument *request, uint32_t part,
                       Trien__ExaminedDocument *examined)
{
    Trien__ExaminedEnclosure *enclosure = ARENA_NEW(fx->arena, Trien__ExaminedEnclosure);
    struct document_report report;
    struct reasons reasons;

    trien__examined_enclosure__init(enclosure);
    enclosure->part = part;
    TRY(examine_check(fx, request, part, &report));
    reasons_init(&reasons, fx->arena);
    if (report.verdict == DOCUMENT_WAITS) {
        examined->verdict = (char *)document_verdict_name(DOCUMENT_WAITS);
        examine_pack_needs(fx->arena, &report, examined);
    } else if (report.verdict == DOCUMENT_REFUSED) {
        examine_findings(&report, &reasons);
    } else {
        read_request(fx, request, report.request_json, &reasons, enclosure);
    }
    examine_pack_signers(fx->arena, &report, &enclosure->n_signers, &enclosure->signers);
    reasons_pack(&reasons, &enclosure->n_reasons, &enclosure->reasons);
    examined->enclosures[examined->n_enclosures++] = enclosure;
    return RC_OK;
}

enum rc examine_enclosures(struct fx *fx, const Trien__ExamineDocument *request,
                           Trien__ExaminedDocument *examined)
{
    size_t count = request->n_enclosed < MAX_ENCLOSURES ? request->n_enclosed : MAX_ENCLOSURES;

    examined->has_enclosed_count = true;
    examined->enclosed_count = (uint32_t)request->n_enclosed;
    if (!needs_minutes(examined))
        return RC_OK;
    examined->enclosures = ARENA_ARRAY(fx->arena, Trien__ExaminedEnclosure *, count);
    for (uint32_t part = 1; part <= count; part++)
        TRY(look_at(fx, request, part, examined));
    return RC_OK;
}
