/* What signing and revocation say of certificates: the registry follows. It decides nothing. */
#include <stdlib.h>
#include <string.h>

#include "common/bus.h"
#include "proto/revocation.pb-c.h"
#include "proto/signing.pb-c.h"
#include "services/validation/validation.h"

enum rc on_certificate_issued(struct tx *tx, const void *in)
{
    const Trien__CertificateIssued *event = in;
    const char *slash = strrchr(event->item_id, '/');
    long number = slash ? strtol(slash + 1, NULL, 10) : 0;
    uint8_t request_id[16];

    CHECK(bus_uuid_parse(event->request_id, request_id) && number > 0 && number <= INT32_MAX,
          &tx->err, TRIEN__ERROR__MALFORMED, "no item id");
    return store_insert_certificate(tx, request_id, (int32_t)number, event);
}

static enum rc set_state(struct tx *tx, const char *serial, const char *state)
{
    bool known = false;

    TRY(store_set_certificate_state(tx, serial, state, &known));
    CHECK(known, &tx->err, TRIEN__ERROR__NOT_YET, "certificate %.40s is not known yet", serial);
    return RC_OK;
}

enum rc on_certificate_revoked(struct tx *tx, const void *in)
{
    const Trien__CertificateRevoked *event = in;

    return set_state(tx, event->serial, "revoked");
}

enum rc on_certificate_expired(struct tx *tx, const void *in)
{
    const Trien__CertificateExpired *event = in;

    return set_state(tx, event->serial, "expired");
}
