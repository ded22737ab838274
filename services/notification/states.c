/* notification's state machines as tables; CHECK constraints in migrations/notification repeat
 * them. */
#include "services/notification/notification.h"

static const struct state_step request_steps[] = {
    {"", "RequestAccepted", "accepted", "the agency is told that its request is in order"},
    {"accepted", "CertificateIssued, IssuanceFailed", "partly", "some of several items have ended"},
    {"accepted", "CertificateIssued, IssuanceFailed", "finished",
     "the only item has ended: digest"},
    {"partly", "CertificateIssued, IssuanceFailed", "partly", "one more item has ended"},
    {"partly", "digest_due", "partly", "a digest of what has ended so far"},
    {"partly", "CertificateIssued, IssuanceFailed", "finished", "the last item has ended: digest"},
    {NULL, NULL, NULL, NULL},
};

static const struct state_step notice_steps[] = {
    {"", "queued", "queued", "an effect that may wait for cap and pace; no row yet"},
    {"queued", "mail server or file took it", "delivered", "NoticeDelivered"},
    {"queued", "gateway took it, receipts are on", "handed", "the receipt decides"},
    {"queued", "refused for good", "failed", "NoticeFailed"},
    {"queued", "receipt 1", "delivered", "the receipt overtook the gateway's answer"},
    {"queued", "receipt 2, 16", "failed", "the receipt overtook the gateway's answer"},
    {"handed", "receipt 1", "delivered", "NoticeDelivered"},
    {"handed", "receipt 2, 16", "failed", "NoticeFailed"},
    {"handed", "receipts/wait passed", "unconfirmed", "NoticeFailed"},
    {"unconfirmed", "receipt 1", "delivered", "late is better than never"},
    {"unconfirmed", "receipt 2, 16", "failed", "NoticeFailed"},
    {NULL, NULL, NULL, NULL},
};

const struct state_table notification_states[] = {
    {"request", request_steps},
    {"notice", notice_steps},
    {NULL, NULL},
};
