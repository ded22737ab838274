/* Revocation lists in DER. Nothing is built as objects first: an entry is copied from the few forms
 * there are, and the lengths around all of them are known before the first one is read. */
#include "services/revocation/tbs_list.h"

#include <string.h>

#include "common/der.h"

/* Extension OIDs, whole values: 2.5.29.35, .20. */
static const uint8_t oid_authority_key[] = {0x06, 0x03, 0x55, 0x1d, 0x23};
static const uint8_t oid_crl_number[] = {0x06, 0x03, 0x55, 0x1d, 0x14};
static const uint8_t version_2[] = {DER_INTEGER, 1, 1};
/* SEQUENCE { 2.5.29.21 or .24, OCTET STRING { ENUMERATED or GeneralizedTime … */
static const uint8_t reason_head[] = {0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d,
                                      0x15, 0x04, 0x03, 0x0a, 0x01};
static const uint8_t invalidity_head[] = {0x30, 0x18, 0x06, 0x03, 0x55, 0x1d,
                                          0x18, 0x04, 0x11, 0x18, 0x0f};

#define CONSTANT(octets) bytes_of(octets, sizeof(octets))
#define GENERALIZED_CHARS 15

/* --- entries -------------------------------------------------------------------------------------
 */

/* Bytes one behind the other. */
struct pen {
    uint8_t *at;
};

static void put(struct pen *pen, const void *octets, size_t count)
{
    memcpy(pen->at, octets, count);
    pen->at += count;
}

static void put_two_digits(struct pen *pen, int value)
{
    *pen->at++ = (uint8_t)('0' + value / 10);
    *pen->at++ = (uint8_t)('0' + value % 10);
}

/* "20261122101502Z" */
static void put_time(struct pen *pen, usec at)
{
    int64_t day = at / USEC_PER_DAY, second = at % USEC_PER_DAY / USEC_PER_SECOND;
    int year, month, day_of_month;

    clock_day_parts((civil_day)day, &year, &month, &day_of_month);
    put_two_digits(pen, year / 100);
    put_two_digits(pen, year % 100);
    put_two_digits(pen, month);
    put_two_digits(pen, day_of_month);
    put_two_digits(pen, (int)(second / 3600));
    put_two_digits(pen, (int)(second / 60 % 60));
    put_two_digits(pen, (int)(second % 60));
    *pen->at++ = 'Z';
}

/* UTCTime through 2049, GeneralizedTime from 2050 (RFC 5280 5.1.2.6). */
static void put_revoked_at(struct pen *pen, usec at)
{
    uint8_t text[GENERALIZED_CHARS];
    struct pen general = {text};
    bool is_general;

    put_time(&general, at);
    is_general = memcmp(text, "2050", 4) >= 0;
    *pen->at++ = is_general ? DER_GENERALIZED_TIME : DER_UTC_TIME;
    *pen->at++ = is_general ? sizeof(text) : sizeof(text) - 2;
    put(pen, is_general ? text : text + 2, is_general ? sizeof(text) : sizeof(text) - 2);
}

static uint8_t nibble(char digit)
{
    return (uint8_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

/* Hexadecimal without leading zeros, 40 digits at most: a CHECK of the table. */
static void put_serial(struct pen *pen, const char *hex)
{
    size_t digits = strlen(hex), octets = (digits + 1) / 2;
    bool is_high = digits % 2 == 0 && nibble(*hex) >= 8;

    *pen->at++ = DER_INTEGER;
    *pen->at++ = (uint8_t)(octets + is_high);
    if (is_high)
        *pen->at++ = 0;
    if (digits % 2)
        *pen->at++ = nibble(*hex++);
    for (; *hex; hex += 2)
        *pen->at++ = (uint8_t)(nibble(hex[0]) << 4 | nibble(hex[1]));
}

static void put_extensions(struct pen *pen, const struct tbs_entry *entry)
{
    uint8_t *length;

    if (!entry->reason && !entry->invalidity_at)
        return;
    *pen->at++ = DER_SEQUENCE;
    length = pen->at++;
    if (entry->reason) {
        put(pen, reason_head, sizeof(reason_head));
        *pen->at++ = (uint8_t)entry->reason;
    }
    if (entry->invalidity_at) {
        put(pen, invalidity_head, sizeof(invalidity_head));
        put_time(pen, entry->invalidity_at);
    }
    *length = (uint8_t)(pen->at - length - 1);
}

size_t tbs_entry_write(const struct tbs_entry *entry, uint8_t ret_der[TBS_ENTRY_MAX_BYTES])
{
    struct pen pen = {ret_der + 2};

    put_serial(&pen, entry->serial);
    put_revoked_at(&pen, entry->revoked_at);
    put_extensions(&pen, entry);
    ret_der[0] = DER_SEQUENCE;
    ret_der[1] = (uint8_t)(pen.at - ret_der - 2);
    return (size_t)(pen.at - ret_der);
}

/* --- the list around them ------------------------------------------------------------------------
 */

static struct bytes extension(struct arena *arena, struct bytes oid, struct bytes value)
{
    return DER(arena, DER_SEQUENCE, oid, DER(arena, DER_OCTET_STRING, value));
}

static struct bytes number(struct arena *arena, uint64_t value)
{
    uint8_t octets[8];

    for (size_t i = 0; i < sizeof(octets); i++)
        octets[i] = (uint8_t)(value >> (8 * (sizeof(octets) - 1 - i)));
    return der_unsigned(arena, arena_bytes(arena, CONSTANT(octets)));
}

static struct bytes list_extensions(struct arena *arena, const struct tbs_list *list)
{
    struct bytes key_id = DER(arena, DER_CONTEXT + 0, list->issuer->key_id);

    return DER(arena, DER_CONTEXT_CONSTRUCTED + 0,
               DER(arena, DER_SEQUENCE,
                   extension(arena, CONSTANT(oid_authority_key), DER(arena, DER_SEQUENCE, key_id)),
                   extension(arena, CONSTANT(oid_crl_number), number(arena, list->number))));
}

static struct bytes join(struct arena *arena, const struct bytes *parts, size_t count)
{
    size_t size = 0, at = 0;
    uint8_t *joined;

    for (size_t i = 0; i < count; i++)
        size += parts[i].n;
    joined = arena_alloc(arena, size + 1);
    for (size_t i = 0; i < count; i++) {
        memcpy(joined + at, parts[i].p, parts[i].n);
        at += parts[i].n;
    }
    return bytes_of(joined, size);
}

#define JOIN(arena, ...)                                                                           \
    join((arena), (const struct bytes[]){__VA_ARGS__},                                             \
         sizeof((const struct bytes[]){__VA_ARGS__}) / sizeof(struct bytes))

/* The fields before revokedCertificates. */
static struct bytes list_fields(struct arena *arena, const struct tbs_list *list)
{
    return JOIN(arena, CONSTANT(version_2), list->issuer->algorithm_der, list->issuer->subject_der,
                der_certificate_time(arena, list->this_update),
                der_certificate_time(arena, list->next_update));
}

struct bytes tbs_list_bare(struct arena *arena, const struct tbs_list *list)
{
    return DER(arena, DER_SEQUENCE, list_fields(arena, list), list_extensions(arena, list));
}

/* Tag and length of a SEQUENCE with so much in it. */
static struct bytes sequence(struct arena *arena, size_t length)
{
    uint8_t *header = arena_alloc(arena, DER_MAX_HEADER);

    return bytes_of(header, der_header(DER_SEQUENCE, length, header));
}

struct tbs_edges tbs_list_edges(struct arena *arena, const struct tbs_list *list)
{
    struct bytes fields = list_fields(arena, list), after = list_extensions(arena, list);
    struct bytes inner =
        list->entries_bytes ? sequence(arena, list->entries_bytes) : bytes_of("", 0);
    size_t length = fields.n + inner.n + list->entries_bytes + after.n;

    return (struct tbs_edges){JOIN(arena, sequence(arena, length), fields, inner), after};
}

struct tbs_edges tbs_list_signed_edges(struct arena *arena, const struct tbs_list *list,
                                       struct bytes signature)
{
    struct tbs_edges tbs = tbs_list_edges(arena, list);
    struct bytes end = JOIN(arena, list->issuer->algorithm_der, der_bits(arena, signature));
    size_t length = tbs.before.n + list->entries_bytes + tbs.after.n + end.n;

    return (struct tbs_edges){JOIN(arena, sequence(arena, length), tbs.before),
                              JOIN(arena, tbs.after, end)};
}
