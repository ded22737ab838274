/* Rules over the certificates that a request names, and over what is attached to prove a cause.
 * They look nothing up and ask no clock. */
#include "services/validation/rules_certificates.h"

#include <string.h>

#include "common/causes.h"
#include "services/validation/forms.h"

/* One row beside what is known of it. */
struct named {
    const struct certificate_facts *facts;
    const Trien__ExaminedDocument *examined;
    const Trien__ExaminedItem *item;
    const struct certificate_row *certificate; /* NULL: unknown, or somebody else's */
    size_t row;
    struct reasons *reasons;
};

bool rule_certificates_lag(const struct certificate_facts *facts, usec received_at)
{
    bool unknown = false;

    for (size_t i = 0; i < facts->count; i++)
        unknown = unknown || (facts->rows[i].serial && !facts->rows[i].organ_id);
    return unknown && facts->followed_to < received_at;
}

static void refuse(const struct named *named, Trien__Error code, const char *member)
{
    const struct err_entry *entry = err_entry(code);
    struct arena *arena = named->reasons->arena;

    reasons_add(named->reasons, code,
                arena_printf(arena, "/subscribers/%zu/%s", named->row, member),
                arena_printf(arena, "Thuê bao thứ %zu: %s", named->row + 1, entry->vi),
                arena_printf(arena, "Subscriber %zu: %s", named->row + 1, entry->en));
}

/* --- what lies beside the document
 * ------------------------------------------------------------------ */

/* The attachment is the agency's own word: its code inside, its seal last. */
static bool is_agencys(const struct named *named, size_t enclosure)
{
    const Trien__ExaminedEnclosure *from = named->examined->enclosures[enclosure];
    const char *roles = named->facts->enclosed_roles[enclosure];
    size_t count = strlen(roles);

    return from->organ_id && strcmp(from->organ_id, named->examined->organ_id) == 0 &&
           from->n_reasons == 0 && count > 0 && roles[count - 1] == 's' && !strchr(roles, '-');
}

/* The minutes name this certificate and, when it has one, its device. */
static bool is_about(const Trien__ExaminedItem *minutes, const struct certificate_row *certificate)
{
    return minutes->certificate_serial &&
           strcmp(minutes->certificate_serial, certificate->serial) == 0 &&
           (!certificate->device_serial ||
            (minutes->device_serial &&
             strcmp(minutes->device_serial, certificate->device_serial) == 0));
}

static const Trien__ExaminedItem *find_minutes(const struct named *named)
{
    for (size_t e = 0; e < named->examined->n_enclosures; e++) {
        const Trien__ExaminedEnclosure *enclosure = named->examined->enclosures[e];

        for (size_t i = 0; i < enclosure->n_items && is_agencys(named, e); i++)
            if (is_about(enclosure->items[i], named->certificate))
                return enclosure->items[i];
    }
    return NULL;
}

/* Why the attachments do not prove it: what was found in each. */
static void add_findings(const struct named *named)
{
    struct arena *arena = named->reasons->arena;

    for (size_t e = 0; e < named->examined->n_enclosures; e++) {
        const Trien__ExaminedEnclosure *enclosure = named->examined->enclosures[e];

        for (size_t i = 0; i < enclosure->n_reasons; i++) {
            const Trien__Reason *reason = enclosure->reasons[i];
            const char *field = reason->field ? reason->field : "";

            reasons_add(named->reasons, reason->code,
                        arena_printf(arena, "/attachment/%u%s", enclosure->part - 1, field),
                        arena_printf(arena, "Văn bản kèm theo thứ %u: %s", enclosure->part,
                                     reason->text_vi),
                        arena_printf(arena, "Attachment %u: %s", enclosure->part, reason->text_en));
        }
        if (enclosure->n_reasons == 0 && !is_agencys(named, e))
            reasons_add(
                named->reasons, TRIEN__ERROR__SIGNER_UNAUTHORISED,
                arena_printf(arena, "/attachment/%u", enclosure->part - 1),
                arena_printf(
                    arena, "Văn bản kèm theo thứ %u không do cơ quan, tổ chức này ký và đóng dấu.",
                    enclosure->part),
                arena_printf(arena, "Attachment %u is not signed and sealed by this agency.",
                             enclosure->part));
    }
}

/* --- what is asked of a certificate
 * ----------------------------------------------------------------- */

typedef void certificate_rule(const struct named *named);

static void check_device(const struct named *named)
{
    const char *named_device = named->item->device_serial;
    const char *device = named->certificate->device_serial;

    if (named_device && (!device || strcmp(named_device, device) != 0))
        refuse(named, TRIEN__ERROR__DEVICE_UNKNOWN, "device_serial");
}

static void check_state(const struct named *named)
{
    if (strcmp(named->certificate->state, "revoked") == 0)
        refuse(named, TRIEN__ERROR__CERTIFICATE_REVOKED, "certificate_serial");
    else if (strcmp(named->certificate->state, "expired") == 0)
        refuse(named, TRIEN__ERROR__CERTIFICATE_EXPIRED, "certificate_serial");
}

static void check_cause(const struct named *named)
{
    const struct cause *cause = cause_find(named->item->cause);

    if (!cause || !(cause->kinds & cause_kind_of_profile(named->certificate->profile)))
        refuse(named, TRIEN__ERROR__CAUSE_INVALID, "reason");
}

static void check_proof(const struct named *named)
{
    const struct cause *cause = cause_find(named->item->cause);

    if (!cause)
        return;
    if (cause->proof == PROOF_LOSS_MINUTES && !find_minutes(named)) {
        refuse(named, TRIEN__ERROR__LOSS_MINUTES_MISSING, "reason");
        add_findings(named);
    }
    if (cause->proof == PROOF_DOCUMENT && named->examined->enclosed_count == 0)
        refuse(named, TRIEN__ERROR__PROOF_MISSING, "reason");
}

/* What each purpose asks of a certificate that is the agency's own. */
static const struct {
    enum form_purpose purpose;
    certificate_rule *rules[5];
} asked[] = {
    {FORM_REVOKES, {check_device, check_state, check_cause, check_proof, NULL}},
    /* whether its state allows it is courier's to say, who has the device's whole life */
    {FORM_REPORTS, {check_device, NULL}},
};

static void check_row(const struct named *named, enum form_purpose purpose)
{
    if (!named->certificate) {
        refuse(named, TRIEN__ERROR__CERTIFICATE_UNKNOWN, "certificate_serial");
        return;
    }
    for (size_t i = 0; i < COUNT_OF(asked); i++)
        for (certificate_rule *const *rule = asked[i].rules; asked[i].purpose == purpose && *rule;
             rule++)
            (*rule)(named);
}

void rule_certificates(const struct certificate_facts *facts,
                       const Trien__ExaminedDocument *examined, struct reasons *reasons)
{
    const struct form *form = examined->form ? forms_find(examined->form) : NULL;

    for (size_t i = 0; i < facts->count; i++) {
        const struct certificate_row *row = &facts->rows[i];
        bool own = row->organ_id && strcmp(row->organ_id, examined->organ_id) == 0;
        const struct named named = {facts, examined, examined->items[i], own ? row : NULL,
                                    i,     reasons};

        if (examined->items[i]->certificate_serial && form)
            check_row(&named, form->purpose);
    }
}

const Trien__ExaminedDocument *rule_certificates_fill(struct arena *arena,
                                                      const struct certificate_facts *facts,
                                                      const Trien__ExaminedDocument *examined)
{
    Trien__ExaminedDocument *filled = ARENA_NEW(arena, Trien__ExaminedDocument);
    Trien__ExaminedItem *items = ARENA_ARRAY(arena, Trien__ExaminedItem, facts->count);

    if (facts->count == 0)
        return examined;
    *filled = *examined;
    filled->items = ARENA_ARRAY(arena, Trien__ExaminedItem *, facts->count);
    for (size_t i = 0; i < facts->count; i++) {
        const struct certificate_row *row = &facts->rows[i];
        const struct named named = {facts, examined, examined->items[i], row, i, NULL};
        const Trien__ExaminedItem *minutes = find_minutes(&named);

        items[i] = *examined->items[i];
        items[i].subscriber_name = (char *)row->subscriber_name;
        items[i].profile = (char *)row->profile;
        items[i].device_kind = (char *)row->device_kind;
        items[i].device_serial = (char *)row->device_serial;
        if (minutes) {
            items[i].has_lost_at = minutes->has_lost_at;
            items[i].lost_at = minutes->lost_at;
        }
        filled->items[i] = &items[i];
    }
    return filled;
}
