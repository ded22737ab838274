/* The states of a request and of its items: tables that the program prints (--states) and CHECK
 * constraints of migrations/intake repeat. An event that finds another state changes nothing. */
#include "services/intake/rules.h"

#include <string.h>

/* Feeds of different publishers come in any order, so "completed" may be reached by the acceptance
 * itself when every item was finished before it was read. */
const struct state_step request_steps[] = {
    {"-", "RequestSubmitted", "received", "the post was stored"},
    {"received", "RequestAccepted", "accepted", "the document and every row keep the rules"},
    {"received", "RequestAccepted", "completed", "its items were finished before this was read"},
    {"received", "RequestAccepted", "failed", "its items had all failed before this was read"},
    {"received", "RequestRejected", "rejected", "refused, with every reason"},
    {"accepted", "CertificateIssued", "completed", "the last item is finished, one is issued"},
    {"accepted", "IssuanceFailed", "completed", "the last item is finished, one is issued"},
    {"accepted", "IssuanceFailed", "failed", "every item failed"},
    {"accepted", "CertificateRevoked", "completed", "the last item is finished, one is done"},
    {"accepted", "RevocationRefused", "completed", "the last item is finished, one is done"},
    {"accepted", "RevocationRefused", "failed", "every item failed"},
    {"accepted", "DeviceHandedOver", "completed", "the last row of form 07 is recorded"},
    {"accepted", "DeviceReturned", "completed", "the last row of form 08 is recorded"},
    {"accepted", "DeviceReportRefused", "completed", "the last row is finished, one is recorded"},
    {"accepted", "DeviceReportRefused", "failed", "every row was refused"},
    {0},
};

const struct state_step item_steps[] = {
    {"-", "RequestAccepted", "waiting", "a row of an accepted request"},
    {"-", "ItemAuthorized", "authorized", "read before the acceptance"},
    {"waiting", "ItemAuthorized", "authorized", "the registration authority signed for it"},
    {"-", "KeyAwaited", "key_awaited", "read before the acceptance"},
    {"waiting", "KeyAwaited", "key_awaited", "read before the authorisation"},
    {"authorized", "KeyAwaited", "key_awaited", "the key is to be made on a device"},
    {"-", "CertificateIssued", "issued", "read before the acceptance"},
    {"waiting", "CertificateIssued", "issued", "read before the authorisation"},
    {"authorized", "CertificateIssued", "issued", "the certificate is stored"},
    {"key_awaited", "CertificateIssued", "issued", "the certificate is stored"},
    {"-", "IssuanceFailed", "failed", "read before the acceptance"},
    {"waiting", "IssuanceFailed", "failed", "read before the authorisation"},
    {"authorized", "IssuanceFailed", "failed", "it can never be issued"},
    {"key_awaited", "IssuanceFailed", "failed", "it can never be issued"},
    {"-", "RevocationAuthorized", "authorized", "read before the acceptance"},
    {"waiting", "RevocationAuthorized", "authorized", "the agency's own certificate, for a cause"},
    {"-", "CertificateRevoked", "done", "read before the acceptance"},
    {"waiting", "CertificateRevoked", "done", "read before the authorisation"},
    {"authorized", "CertificateRevoked", "done", "the certificate is revoked"},
    {"-", "RevocationRefused", "failed", "read before the acceptance"},
    {"waiting", "RevocationRefused", "failed", "read before the authorisation"},
    {"authorized", "RevocationRefused", "failed", "revoked before, or expired"},
    {"-", "DeviceHandedOver", "done", "read before the acceptance"},
    {"waiting", "DeviceHandedOver", "done", "form 07: the subscriber has the device"},
    {"-", "DeviceReturned", "done", "read before the acceptance"},
    {"waiting", "DeviceReturned", "done", "form 08: the device is back"},
    {"-", "DeviceReportRefused", "failed", "read before the acceptance"},
    {"waiting", "DeviceReportRefused", "failed", "the device's state does not allow it"},
    {0},
};

const struct state_table intake_states[] = {
    {"request", request_steps},
    {"item", item_steps},
    {0},
};

size_t rule_states_before(const struct state_step *steps, const char *event,
                          const char *ret_states[8])
{
    size_t count = 0;
    for (const struct state_step *step = steps; step->from; step++) {
        bool seen = strcmp(step->event, event) != 0 || strcmp(step->from, "-") == 0;
        for (size_t i = 0; i < count; i++)
            seen = seen || strcmp(ret_states[i], step->from) == 0;
        if (!seen && count < 8)
            ret_states[count++] = step->from;
    }
    return count;
}

bool rule_is_request_state(const char *state)
{
    for (const struct state_step *step = request_steps; step->from; step++)
        if (strcmp(step->to, state) == 0)
            return true;
    return false;
}
