/* The states of a device and of a shipment: tables that the program prints (--states). The device's
 * is repeated by migrations/courier (device_step), where a trigger enforces it; a shipment's state
 * is what its events fold to (rules_tracking.c). */
#include <string.h>

#include "services/courier/rules.h"

static const struct state_step device_steps[] = {
    {"-", "AddDevices", "in_stock", "it came from the maker"},
    {"in_stock", "KeyAwaited", "assigned", "an order's key is to be made on it"},
    {"assigned", "IssuanceFailed", "in_stock", "the order came to nothing"},
    {"assigned", "OrderServed", "in_stock",
     "the order's key had been made in the device before it"},
    {"assigned", "CertificateIssued", "personalised", "key and certificate are in it"},
    {"personalised", "DispatchDevices", "dispatched", "it left for the agency"},
    {"dispatched", "ShipmentDelivered", "delivered", "it is at the agency"},
    {"dispatched", "ShipmentReturned", "personalised", "it could not be delivered and came back"},
    {"dispatched", "ShipmentLost", "lost", "the carrier lost it"},
    {"dispatched", "HandoverReported", "handed_over", "form 07 came before the carrier's word"},
    {"delivered", "HandoverReported", "handed_over", "form 07: the subscriber has it"},
    {"delivered", "ShipmentReturned", "personalised", "corrected: it came back"},
    {"delivered", "ShipmentLost", "lost", "corrected: it never arrived"},
    {"personalised", "CertificateRevoked", "returned", "it never left"},
    {"dispatched", "CertificateRevoked", "recalled", "the agency is to bring it back"},
    {"delivered", "CertificateRevoked", "recalled", "the agency is to bring it back"},
    {"handed_over", "CertificateRevoked", "recalled", "the agency is to bring it back"},
    {"personalised", "CertificateExpired", "returned", "it never left"},
    {"dispatched", "CertificateExpired", "recalled", "the agency is to bring it back"},
    {"delivered", "CertificateExpired", "recalled", "the agency is to bring it back"},
    {"handed_over", "CertificateExpired", "recalled", "the agency is to bring it back"},
    {"personalised", "LossConfirmed", "lost", "form 09"},
    {"dispatched", "LossConfirmed", "lost", "form 09"},
    {"delivered", "LossConfirmed", "lost", "form 09"},
    {"handed_over", "LossConfirmed", "lost", "form 09"},
    {"recalled", "LossConfirmed", "lost", "form 09"},
    {"recalled", "ShipmentReturned", "returned", "it came back undelivered"},
    {"recalled", "ShipmentLost", "lost", "the carrier lost it"},
    {"dispatched", "ReturnReported", "returned", "form 08"},
    {"delivered", "ReturnReported", "returned", "form 08"},
    {"handed_over", "ReturnReported", "returned", "form 08"},
    {"recalled", "ReturnReported", "returned", "form 08"},
    {"lost", "ReturnReported", "returned", "form 08: it was found"},
    {"lost", "ShipmentDelivered", "delivered", "corrected: it arrived after all"},
    {"lost", "DeliveredAfterEnd", "recalled",
     "it arrived after all, but its certificate has ended"},
    {"lost", "ShipmentReturned", "returned", "corrected: it came back"},
    {"in_stock", "RetireDevice", "destroyed", "it was never used"},
    {"assigned", "RetireDevice", "destroyed", "it is broken; the order gets another one"},
    {"returned", "RetireDevice", "destroyed", "its life is over"},
    {"returned", "InitialiseDevice", "initialised", "the station removed key and certificate"},
    {"initialised", "CheckDevice", "in_stock", "an officer saw that it is empty and whole"},
    {"initialised", "RetireDevice", "destroyed", "an officer found it unfit"},
    {0},
};

/* From any state that is not final; every event of the carrier is put into its place first. */
static const struct state_step shipment_steps[] = {
    {"-", "DispatchDevices", "CREATED", "it was handed to whoever carries it"},
    {"not final", "EMA", "ACCEPTED", "posted"},
    {"not final", "EMB EMC EMD EMF EMJ EMK EDD EDE EXA EXB EXC EXD EDA EDB EDC EME", "IN_TRANSIT",
     "between offices, or held on the way"},
    {"not final", "EMG EDF EDH", "AT_DELIVERY_OFFICE", "arrived where it is delivered from"},
    {"not final", "EDG", "OUT_FOR_DELIVERY", "with the postman"},
    {"not final", "EMH", "ATTEMPTED", "nobody took it"},
    {"not final", "EMI, RecordDelivery", "DELIVERED", "final unless a person corrects it"},
    {"not final", "RETURNING, EDX, EXX", "RETURNING", "on its way back"},
    {"not final", "RETURNED, RecordDelivery", "RETURNED", "back; final unless corrected"},
    {"not final", "LOST, RecordDelivery", "LOST", "the carrier gave it up"},
    {0},
};

const struct state_table courier_states[] = {
    {"device", device_steps},
    {"shipment", shipment_steps},
    {0},
};

const char *rule_device_next(const char *state, const char *event)
{
    for (const struct state_step *step = device_steps; step->from; step++)
        if (strcmp(step->from, state) == 0 && strcmp(step->event, event) == 0)
            return step->to;
    return NULL;
}
