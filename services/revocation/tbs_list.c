/* Revocation lists in DER. A list of tens of thousands of entries is written in one pass; nothing
 * is built as objects first. */
#include "services/revocation/tbs_list.h"

#include <string.h>

#include "common/der.h"

/* Extension OIDs, whole values: 2.5.29.35, .20, .21, .24. */
static const uint8_t oid_authority_key[] = {0x06, 0x03, 0x55, 0x1d, 0x23};
static const uint8_t oid_crl_number[] = {0x06, 0x03, 0x55, 0x1d, 0x14};
static const uint8_t oid_reason[] = {0x06, 0x03, 0x55, 0x1d, 0x15};
static const uint8_t oid_invalidity[] = {0x06, 0x03, 0x55, 0x1d, 0x18};
static const uint8_t version_2[] = {DER_INTEGER, 1, 1};

#define CONSTANT(octets) bytes_of(octets, sizeof(octets))

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

static struct bytes serial_number(struct arena *arena, const char *hex)
{
    struct bytes magnitude = {NULL, 0};

    if (strlen(hex) % 2)
        hex = arena_printf(arena, "0%s", hex);
    if (!bytes_from_hex(arena, hex, &magnitude))
        magnitude = bytes_of(NULL, 0); /* cannot be: a CHECK of the table */
    return der_unsigned(arena, magnitude);
}

/* crlEntryExtensions; nothing when there is none to write. */
static struct bytes entry_extensions(struct arena *arena, const struct tbs_entry *entry)
{
    const uint8_t reason = (uint8_t)entry->reason;
    struct bytes why = {NULL, 0}, since = {NULL, 0};

    if (entry->reason)
        why = extension(arena, CONSTANT(oid_reason),
                        DER(arena, DER_ENUMERATED, arena_bytes(arena, bytes_of(&reason, 1))));
    if (entry->invalidity_at)
        since = extension(arena, CONSTANT(oid_invalidity), der_time(arena, entry->invalidity_at));
    return why.n || since.n ? DER(arena, DER_SEQUENCE, why, since) : bytes_of(NULL, 0);
}

static struct bytes revoked_certificates(struct arena *arena, const struct tbs_list *list)
{
    struct bytes *rows = ARENA_ARRAY(arena, struct bytes, list->entry_count);

    if (list->entry_count == 0)
        return bytes_of(NULL, 0);
    for (size_t i = 0; i < list->entry_count; i++)
        rows[i] = DER(arena, DER_SEQUENCE, serial_number(arena, list->entries[i].serial),
                      der_certificate_time(arena, list->entries[i].revoked_at),
                      entry_extensions(arena, &list->entries[i]));
    return der_value(arena, DER_SEQUENCE, rows, list->entry_count);
}

static struct bytes list_extensions(struct arena *arena, const struct tbs_list *list)
{
    struct bytes key_id = DER(arena, DER_CONTEXT + 0, list->issuer->key_id);

    return DER(arena, DER_CONTEXT_CONSTRUCTED + 0,
               DER(arena, DER_SEQUENCE,
                   extension(arena, CONSTANT(oid_authority_key), DER(arena, DER_SEQUENCE, key_id)),
                   extension(arena, CONSTANT(oid_crl_number), number(arena, list->number))));
}

struct bytes tbs_list_write(struct arena *arena, const struct tbs_list *list)
{
    return DER(arena, DER_SEQUENCE, CONSTANT(version_2), list->issuer->algorithm_der,
               list->issuer->subject_der, der_certificate_time(arena, list->this_update),
               der_certificate_time(arena, list->next_update), revoked_certificates(arena, list),
               list_extensions(arena, list));
}

/* OpenSSL reads the same list and finds the same signature. */
static bool reads_back(const struct x509_ca *issuer, struct bytes crl_der)
{
    const uint8_t *p = crl_der.p;
    autoptr(X509_CRL) crl = d2i_X509_CRL(NULL, &p, (long)crl_der.n);
    bool good = crl && p == crl_der.p + crl_der.n && X509_CRL_verify(crl, issuer->public_key) == 1;

    ERR_clear_error();
    return good;
}

enum rc tbs_list_assemble(const struct x509_ca *issuer, struct bytes tbs, struct bytes signature,
                          struct arena *arena, struct err *err, struct bytes *ret_crl)
{
    struct bytes crl;

    CHECK(signature.n > 0 && signature.n <= 1024 && x509_ca_verify(issuer, tbs, signature), err,
          TRIEN__ERROR__ANSWER_MISMATCH, "the signature over the list does not verify");
    crl = DER(arena, DER_SEQUENCE, tbs, issuer->algorithm_der, der_bits(arena, signature));
    CHECK(reads_back(issuer, crl), err, TRIEN__ERROR__ANSWER_MISMATCH,
          "what was put together is no revocation list");
    *ret_crl = crl;
    return RC_OK;
}
