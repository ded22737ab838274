/* Reading the entries of a revocation list. A list has as many as there are revoked certificates,
 * so each is compared with the few encodings that there may be, and nothing is built of it:
 * whatever is not exactly what revocation writes is refused. Pure. */
#include "services/signer/list_entries.h"

#include <openssl/x509v3.h>
#include <string.h>

#include "common/der.h"
#include "services/signer/rules.h"

/* SEQUENCE { OID, OCTET STRING { ENUMERATED or GeneralizedTime } } up to the value itself. */
static const uint8_t reason_head[] = {0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d,
                                      0x15, 0x04, 0x03, 0x0a, 0x01};
static const uint8_t invalidity_head[] = {0x30, 0x18, 0x06, 0x03, 0x55, 0x1d,
                                          0x18, 0x04, 0x11, 0x18, 0x0f};
#define UTC_CHARS 13
#define GENERALIZED_CHARS 15

/* RFC 5280 5.3.1; not 0 (it is left out), not the CA's own (2), not what ends a hold (8). */
static const uint8_t reasons[] = {CRL_REASON_KEY_COMPROMISE, CRL_REASON_AFFILIATION_CHANGED,
                                  CRL_REASON_SUPERSEDED, CRL_REASON_CESSATION_OF_OPERATION,
                                  CRL_REASON_PRIVILEGE_WITHDRAWN};

/* --- bytes ---------------------------------------------------------------------------------------
 */

static bool take(struct bytes *from, size_t size, struct bytes *ret_taken)
{
    if (from->n < size)
        return false;
    *ret_taken = bytes_of(from->p, size);
    *from = bytes_of(from->p + size, from->n - size);
    return true;
}

/* A value of this tag with a length of one octet; an entry is never longer. */
static bool take_value(struct bytes *from, uint8_t tag, struct bytes *ret_content)
{
    struct bytes rest = *from;

    if (!der_take(&rest, tag, ret_content).p || ret_content->n >= 0x80)
        return false;
    *from = rest;
    return true;
}

static bool take_exactly(struct bytes *from, const uint8_t *what, size_t size)
{
    struct bytes rest = *from, taken;

    if (!take(&rest, size, &taken) || memcmp(taken.p, what, size) != 0)
        return false;
    *from = rest;
    return true;
}

static int two_digits(const uint8_t *p)
{
    return p[0] >= '0' && p[0] <= '9' && p[1] >= '0' && p[1] <= '9'
               ? (p[0] - '0') * 10 + (p[1] - '0')
               : -1;
}

/* "20261122101502Z", or without its century. False when there is no such second. */
static bool read_time(struct bytes text, usec *ret_at)
{
    const uint8_t *p = text.p + (text.n == GENERALIZED_CHARS ? 2 : 0);
    int century = text.n == GENERALIZED_CHARS ? two_digits(text.p) : 0;
    int year = two_digits(p), month = two_digits(p + 2), day = two_digits(p + 4);
    int hour = two_digits(p + 6), minute = two_digits(p + 8), second = two_digits(p + 10);
    int again_year, again_month, again_day;
    civil_day civil;

    if (century < 0 || year < 0 || month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23 ||
        minute < 0 || minute > 59 || second < 0 || second > 59 || p[12] != 'Z')
        return false;
    if (text.n == UTC_CHARS)
        century = year < 50 ? 20 : 19;
    civil = clock_day_of(century * 100 + year, month, day);
    clock_day_parts(civil, &again_year, &again_month, &again_day);
    *ret_at = civil * USEC_PER_DAY + ((hour * 60 + minute) * 60 + second) * USEC_PER_SECOND;
    return again_month == month && again_day == day;
}

/* --- one entry -----------------------------------------------------------------------------------
 */

/* An INTEGER above zero in the fewest octets. */
static bool is_serial(struct bytes content)
{
    return content.n >= 1 && content.n <= LIST_MAX_SERIAL_BYTES && content.p[0] < 0x80 &&
           (content.p[0] != 0 || (content.n > 1 && content.p[1] >= 0x80));
}

static bool is_above(const struct list_entries *entries, struct bytes serial)
{
    if (serial.n != entries->serial_bytes)
        return serial.n > entries->serial_bytes;
    return memcmp(serial.p, entries->serial, serial.n) > 0;
}

/* UTCTime through 2049, GeneralizedTime from 2050 (5.1.2.6); not after the list. */
static bool read_revoked_at(struct bytes *entry, usec this_update)
{
    static const char first_general[] = "2050";
    struct bytes text;
    usec at = 0;

    if (take_value(entry, DER_UTC_TIME, &text)) {
        if (text.n != UTC_CHARS)
            return false;
    } else if (!take_value(entry, DER_GENERALIZED_TIME, &text) || text.n != GENERALIZED_CHARS ||
               memcmp(text.p, first_general, strlen(first_general)) < 0) {
        return false;
    }
    return read_time(text, &at) && at > 0 && at <= this_update + RULES_SKEW;
}

static bool reason_may_stand(uint8_t reason)
{
    return memchr(reasons, reason, sizeof(reasons)) != NULL;
}

/* What there may be, in the one order; NULL, or the rule that does not hold. */
static const char *read_extensions(struct bytes entry, usec this_update)
{
    struct bytes all, value;
    usec at = 0;

    if (entry.n == 0)
        return NULL;
    if (!take_value(&entry, DER_SEQUENCE, &all) || entry.n || all.n == 0)
        return "entry_extensions_known";
    if (take_exactly(&all, reason_head, sizeof(reason_head)) &&
        (!take(&all, 1, &value) || !reason_may_stand(value.p[0])))
        return "reasons_may_stand";
    if (take_exactly(&all, invalidity_head, sizeof(invalidity_head)) &&
        (!take(&all, GENERALIZED_CHARS, &value) || !read_time(value, &at) || at <= 0 ||
         at > this_update + RULES_SKEW))
        return "reasons_may_stand";
    return all.n ? "entry_extensions_known" : NULL;
}

/* NULL, or the rule that does not hold. */
static const char *read_entry(struct list_entries *entries, struct bytes entry)
{
    struct bytes serial;

    if (!take_value(&entry, DER_INTEGER, &serial))
        return "entries_in_form";
    if (!is_serial(serial) || !is_above(entries, serial))
        return "serials_ascend";
    if (!read_revoked_at(&entry, entries->this_update))
        return "revoked_before_now";
    memcpy(entries->serial, serial.p, serial.n);
    entries->serial_bytes = serial.n;
    entries->count++;
    return read_extensions(entry, entries->this_update);
}

bool list_entries_read(struct list_entries *entries, struct bytes der, const char **ret_rule)
{
    struct bytes entry;
    const char *rule;

    while (der.n) {
        rule =
            take_value(&der, DER_SEQUENCE, &entry) ? read_entry(entries, entry) : "entries_in_form";
        if (rule) {
            *ret_rule = rule;
            return false;
        }
    }
    return true;
}
