/* What an accepted row sets going, by the form's purpose. To issue: an authorisation, serialised
 * once, signed with the registration authority's key; what is not in these bytes may not be
 * certified. To revoke: the certificate, the cause, what the list will say. To report a device:
 * what the agency says of it. */
#include "common/causes.h"
#include "services/validation/validation.h"

static Trien__Authorization authorization_of(struct tx *tx, const Trien__ExamineDocument *request,
                                             const Trien__ExaminedItem *item, char *item_id)
{
    const struct validation_conf *conf = tx->conf;
    Trien__Authorization authorization = TRIEN__AUTHORIZATION__INIT;

    authorization.version = 1;
    authorization.request_id = request->request_id;
    authorization.item_id = item_id;
    authorization.document_sha256 = request->document_sha256;
    authorization.action = (char *)"issue";
    authorization.profile = item->profile;
    authorization.subject_der = item->subject_der;
    authorization.validity_days = (uint32_t)conf->validity_days;
    authorization.has_key_sha256 = item->has_key_sha256;
    authorization.key_sha256 = item->key_sha256;
    authorization.authorized_at = tx->now;
    authorization.expires_at = tx->now + conf->authorization_days * USEC_PER_DAY;
    authorization.lineage_id = item_id;
    return authorization;
}

static enum rc authorize_issue(struct tx *tx, const Trien__ExamineDocument *request,
                               const Trien__ExaminedDocument *examined, size_t row, char *item_id)
{
    const struct validation *validation = tx->state;
    Trien__ExaminedItem *item = examined->items[row];
    Trien__Authorization authorization = authorization_of(tx, request, item, item_id);
    Trien__ItemAuthorized event = TRIEN__ITEM_AUTHORIZED__INIT;
    Trien__KeySignature signature = TRIEN__KEY_SIGNATURE__INIT;
    uint8_t *bytes;

    authorization.n_email = item->email ? 1 : 0;
    authorization.email = &item->email;
    authorization.n_dns_name = item->dns_name ? 1 : 0;
    authorization.dns_name = &item->dns_name;
    authorization.n_ip_address = item->ip_address ? 1 : 0;
    authorization.ip_address = &item->ip_address;
    bytes = arena_alloc(tx->arena, trien__authorization__get_packed_size(&authorization));
    event.authorization.len = trien__authorization__pack(&authorization, bytes);
    event.authorization.data = bytes;
    TRY(x509_sign_p256(validation->registration_key, tx->arena,
                       bytes_of(bytes, event.authorization.len), &tx->err, &signature));
    event.request_id = request->request_id;
    event.item_id = item_id;
    event.registration_authority = &signature;
    event.device_kind = item->device_kind;
    event.has_csr_der = item->has_csr_der;
    event.csr_der = item->csr_der;
    event.subscriber_name = item->subscriber_name;
    event.row = (uint32_t)row;
    event.received_at = request->received_at;
    event.organ_id = examined->organ_id;
    return emit(tx, request->request_id, &event);
}

static enum rc authorize_revocation(struct tx *tx, const Trien__ExamineDocument *request,
                                    const Trien__ExaminedDocument *examined, size_t row,
                                    char *item_id)
{
    Trien__ExaminedItem *item = examined->items[row];
    const struct cause *cause = cause_find(item->cause);
    Trien__RevocationAuthorized event = TRIEN__REVOCATION_AUTHORIZED__INIT;

    CHECK(cause, &tx->err, TRIEN__ERROR__INTERNAL, "a cause the rules let pass");
    event.request_id = request->request_id;
    event.item_id = item_id;
    event.certificate_serial = item->certificate_serial;
    event.cause = item->cause;
    event.reason = cause->reason;
    event.organ_id = examined->organ_id;
    event.authorized_at = tx->now;
    event.device_serial = item->device_serial;
    event.has_lost_at = item->has_lost_at;
    event.lost_at = item->lost_at;
    event.received_at = request->received_at;
    return emit(tx, request->request_id, &event);
}

/* Only says it on: courier holds the report against the device's state. Its key is the device: what
 * forms 07 and 08 say of one is heard in the order in which they were accepted. */
static enum rc report_device(struct tx *tx, const Trien__ExamineDocument *request,
                             const Trien__ExaminedDocument *examined, size_t row, char *item_id)
{
    const Trien__ExaminedItem *item = examined->items[row];
    Trien__DeviceReported event = TRIEN__DEVICE_REPORTED__INIT;

    event.request_id = request->request_id;
    event.item_id = item_id;
    event.form = examined->form;
    event.device_serial = item->device_serial;
    event.certificate_serial = item->certificate_serial;
    event.organ_id = examined->organ_id;
    event.happened_on = item->happened_on;
    event.condition = item->condition;
    event.reason = item->cause;
    event.reported_at = tx->now;
    return emit(tx, event.device_serial, &event);
}

typedef enum rc authorize_fn(struct tx *tx, const Trien__ExamineDocument *request,
                             const Trien__ExaminedDocument *examined, size_t row, char *item_id);

static authorize_fn *const by_purpose[] = {
    [FORM_ISSUES] = authorize_issue,
    [FORM_REVOKES] = authorize_revocation,
    [FORM_REPORTS] = report_device,
};

enum rc authorize_item(struct tx *tx, const Trien__ExamineDocument *request,
                       const Trien__ExaminedDocument *examined, size_t row)
{
    const struct form *form = forms_find(examined->form);
    char *item_id = arena_printf(tx->arena, "%s/%zu", request->request_id, row + 1);

    CHECK(form && form->purpose < COUNT_OF(by_purpose) && by_purpose[form->purpose], &tx->err,
          TRIEN__ERROR__INTERNAL, "a form that sets nothing going");
    return by_purpose[form->purpose](tx, request, examined, row, item_id);
}
