/* The journal: the whole of it checked with its public key, the events the criteria ask about
 * picked out, and inclusion proofs as the public gets them. */
#include <stdlib.h>
#include <string.h>

#include "common/x509.h"
#include "proto/audit.pb-c.h"
#include "proto/courier.pb-c.h"
#include "proto/revocation.pb-c.h"
#include "proto/signing.pb-c.h"
#include "proto/validation.pb-c.h"
#include "services/trienctl/audit.h"
#include "services/trienctl/evidence.h"
#include "services/trienctl/proof.h"

#define MAX_EVENTS ((size_t)200000)

struct reader {
    struct evidence *evidence;
    struct audit_check *check;
    struct arena *scratch; /* of one entry */
};

static enum rc take_note(void *arg, const char *name, struct bytes note, struct err *err)
{
    struct reader *reader = arg;

    (void)err;
    audit_check_note(reader->check, name, note);
    return RC_OK;
}

static void count_type(struct evidence *evidence, const char *type)
{
    size_t i = 0;

    while (i < evidence->type_count && strcmp(evidence->types[i].name, type) != 0)
        i++;
    if (i == EVIDENCE_MAX_TYPES)
        return;
    if (i == evidence->type_count) {
        evidence->types[i].name = arena_strdup(ctl_arena(), type);
        evidence->type_count++;
    }
    evidence->types[i].count++;
}

static void add_event(struct evidence *evidence, struct seen_event event)
{
    if (evidence->event_count == MAX_EVENTS) {
        evidence->events_beyond++;
        return;
    }
    event.name = arena_strdup(ctl_arena(), event.name);
    event.asked_by = arena_strdup(ctl_arena(), event.asked_by ? event.asked_by : "");
    event.officer = arena_strdup(ctl_arena(), event.officer ? event.officer : "");
    event.device = event.device ? arena_strdup(ctl_arena(), event.device) : NULL;
    if (event.csr_der.n)
        event.csr_der = arena_bytes(ctl_arena(), event.csr_der);
    evidence->events[evidence->event_count++] = event;
}

/* --- the types whose content is looked into ------------------------------------------------------
 * Each fills the event from its message; false when that cannot be read. Texts live in the scratch
 * arena until add_event() copies them. */

#define UNPACK(message) message##__unpack(arena_allocator(scratch), payload.len, payload.data)

static bool read_issued(struct arena *scratch, ProtobufCBinaryData payload,
                        struct seen_event *event)
{
    const Trien__CertificateIssued *in = UNPACK(trien__certificate_issued);

    if (!in)
        return false;
    event->name = in->serial;
    event->at = in->issued_at;
    if (in->device_serial)
        event->device = arena_printf(scratch, "%s %s", in->lineage_id, in->device_serial);
    return true;
}

static bool read_authorized(struct arena *scratch, ProtobufCBinaryData payload,
                            struct seen_event *event)
{
    const Trien__RevocationAuthorized *in = UNPACK(trien__revocation_authorized);

    if (!in)
        return false;
    event->name = in->item_id;
    event->asked_at = in->received_at;
    event->at = in->authorized_at;
    return true;
}

static bool read_revoked(struct arena *scratch, ProtobufCBinaryData payload,
                         struct seen_event *event)
{
    const Trien__CertificateRevoked *in = UNPACK(trien__certificate_revoked);

    if (!in)
        return false;
    event->name = in->serial;
    event->at = in->revoked_at;
    event->asked_by = in->item_id ? in->item_id : in->request_id;
    event->officer = in->principal;
    return true;
}

static bool read_item(struct arena *scratch, ProtobufCBinaryData payload, struct seen_event *event)
{
    const Trien__ItemAuthorized *in = UNPACK(trien__item_authorized);

    if (!in)
        return false;
    event->name = in->item_id;
    if (in->has_csr_der)
        event->csr_der = bytes_of(in->csr_der.data, in->csr_der.len);
    return true;
}

static bool read_device(struct arena *scratch, ProtobufCBinaryData payload,
                        struct seen_event *event)
{
    const Trien__DeviceAssigned *in = UNPACK(trien__device_assigned);

    if (!in)
        return false;
    event->name = arena_printf(scratch, "%s %s", in->item_id, in->device_serial);
    event->at = in->assigned_at;
    return true;
}

static const struct {
    const char *type;
    enum seen_kind kind;
    bool (*read)(struct arena *scratch, ProtobufCBinaryData payload, struct seen_event *event);
} contents[] = {
    {"CertificateIssued", SEEN_ISSUED, read_issued},
    {"RevocationAuthorized", SEEN_AUTHORIZED, read_authorized},
    {"CertificateRevoked", SEEN_REVOKED, read_revoked},
    {"ItemAuthorized", SEEN_ITEM, read_item},
    {"DeviceAssigned", SEEN_DEVICE, read_device},
};

static void take_content(struct reader *reader, const char *type, uint64_t sequence,
                         ProtobufCBinaryData payload)
{
    struct seen_event event = {.sequence = sequence};

    for (size_t i = 0; i < COUNT_OF(contents); i++)
        if (strcmp(type, contents[i].type) == 0) {
            event.kind = contents[i].kind;
            if (contents[i].read(reader->scratch, payload, &event))
                add_event(reader->evidence, event);
            return;
        }
}

static enum rc take_entry(void *arg, const struct audit_entry *entry, struct err *err)
{
    struct reader *reader = arg;
    ProtobufCAllocator *allocator = arena_allocator(reader->scratch);
    Trien__JournalLeaf *leaf;
    Trien__JournalContent *content;

    (void)err;
    audit_check_entry(reader->check, entry);
    leaf = trien__journal_leaf__unpack(allocator, entry->leaf.n, entry->leaf.p);
    if (leaf) {
        count_type(reader->evidence, leaf->type);
        content = entry->has_content ? trien__journal_content__unpack(allocator, entry->content.n,
                                                                      entry->content.p)
                                     : NULL;
        if (content)
            take_content(reader, leaf->type, entry->sequence, content->payload);
    }
    arena_reset(reader->scratch);
    return RC_OK;
}

static int by_kind_and_name(const void *left, const void *right)
{
    const struct seen_event *a = left, *b = right;

    return a->kind != b->kind ? (a->kind > b->kind) - (a->kind < b->kind)
                              : strcmp(a->name, b->name);
}

const struct seen_event *evidence_find(const struct evidence *evidence, enum seen_kind kind,
                                       const char *name)
{
    struct seen_event wanted = {.kind = kind, .name = name};

    return evidence->event_count ? bsearch(&wanted, evidence->events, evidence->event_count,
                                           sizeof(wanted), by_kind_and_name)
                                 : NULL;
}

bool evidence_is_fresh(const struct evidence *evidence, const struct seen_certificate *seen)
{
    return x509_time_us(X509_get0_notBefore(seen->x509)) >= evidence->at - EVIDENCE_FRESH;
}

/* --- proofs, as the public gets them -------------------------------------------------------------
 */

static enum rc try_proof(struct evidence *evidence, uint64_t entry,
                         const struct checkpoint *checkpoint, struct err *err)
{
    struct bytes body;
    int status;

    TRY(evidence_http(arena_printf(ctl_arena(),
                                   "%s/v1/journal/proof/inclusion?entry=%llu&size=%llu",
                                   evidence->where.audit_url, (unsigned long long)entry,
                                   (unsigned long long)checkpoint->size),
                      (struct bytes){0}, NULL, err, &status, &body));
    evidence->proofs_tried++;
    evidence->proofs_hold += status == 200 && proof_holds(ctl_arena(), body, entry, checkpoint);
    return RC_OK;
}

static enum rc try_proofs(struct evidence *evidence, const struct x509_key *key, struct err *err)
{
    struct checkpoint checkpoint;
    struct bytes note;
    int status;

    TRY(evidence_http(
        arena_printf(ctl_arena(), "%s/v1/journal/checkpoint", evidence->where.audit_url),
        (struct bytes){0}, NULL, err, &status, &note));
    CHECK(status == 200, err, TRIEN__ERROR__NOT_FOUND, "no checkpoint: %d", status);
    TRY(checkpoint_open(ctl_arena(), note, key, err, &checkpoint));
    evidence->checkpoint_size = checkpoint.size;
    for (size_t i = 0; i < EVIDENCE_MAX_PROBES && i < checkpoint.size; i++)
        TRY(try_proof(
            evidence,
            checkpoint.size <= EVIDENCE_MAX_PROBES ? i : checkpoint.size * i / EVIDENCE_MAX_PROBES,
            &checkpoint, err));
    return RC_OK;
}

static enum rc read_journal(struct evidence *evidence, struct err *err)
{
    autoptr(x509_ring_t) ring = NULL;
    struct reader reader = {.evidence = evidence};
    struct audit_sink sink = {.arg = &reader, .note = take_note, .entry = take_entry};
    enum rc rc;

    TRY(x509_ring_load(evidence->where.journal_key_file, err, &ring));
    CHECK(x509_ring_count(ring) == 1, err, TRIEN__ERROR__KEY_FILE, "%s must hold one key",
          evidence->where.journal_key_file);
    reader.check = audit_check_new(ctl_arena(), x509_ring_at(ring, 0));
    reader.scratch = arena_new((size_t)16 << 20);
    rc = audit_pour_live(&sink, err);
    arena_free(&reader.scratch);
    TRY(rc);
    audit_check_end(reader.check, &evidence->journal);
    qsort(evidence->events, evidence->event_count, sizeof(*evidence->events), by_kind_and_name);
    return try_proofs(evidence, x509_ring_at(ring, 0), err);
}

void evidence_journal(struct evidence *evidence)
{
    evidence->events = ARENA_ARRAY(ctl_arena(), struct seen_event, MAX_EVENTS);
    if (read_journal(evidence, &evidence->journal_err) != RC_OK)
        ERR_clear_error();
}
