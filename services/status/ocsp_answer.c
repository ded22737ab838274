/* Puts OCSP answers together. Knows no key, no clock and no database. */
#include "services/status/ocsp_answer.h"

#include "common/der.h"

/* id-pkix-ocsp-basic 1.3.6.1.5.5.7.48.1.1 and -nonce .2; AlgorithmIdentifiers of the hashes. */
static const uint8_t oid_basic[] = {0x06, 0x09, 0x2b, 0x06, 0x01, 0x05,
                                    0x05, 0x07, 0x30, 0x01, 0x01};
static const uint8_t oid_nonce[] = {0x06, 0x09, 0x2b, 0x06, 0x01, 0x05,
                                    0x05, 0x07, 0x30, 0x01, 0x02};
static const uint8_t algorithm_sha1[] = {0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e,
                                         0x03, 0x02, 0x1a, 0x05, 0x00};
static const uint8_t algorithm_sha256[] = {0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                           0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00};
#define FIXED(array) bytes_of((array), sizeof(array))

static struct bytes certid(struct arena *arena, const struct ocsp_certid *id)
{
    return DER(arena, DER_SEQUENCE,
               id->hash == OCSP_SHA1 ? FIXED(algorithm_sha1) : FIXED(algorithm_sha256),
               DER(arena, DER_OCTET_STRING, id->name_hash),
               DER(arena, DER_OCTET_STRING, id->key_hash), der_unsigned(arena, id->serial));
}

static struct bytes revoked(struct arena *arena, const struct ocsp_fact *fact)
{
    const uint8_t reason = (uint8_t)fact->reason;
    struct bytes code = {NULL, 0};

    if (fact->reason > 0)
        code = DER(arena, DER_CONTEXT_CONSTRUCTED + 0,
                   DER(arena, DER_ENUMERATED, bytes_of(&reason, 1)));
    return DER(arena, DER_CONTEXT_CONSTRUCTED + 1, der_time(arena, fact->revoked_at), code);
}

static struct bytes cert_status(struct arena *arena, const struct ocsp_fact *fact)
{
    switch (fact->status) {
    case OCSP_GOOD:
        return DER(arena, DER_CONTEXT + 0, bytes_of(NULL, 0));
    case OCSP_REVOKED:
        return revoked(arena, fact);
    case OCSP_UNKNOWN:
        break;
    }
    return DER(arena, DER_CONTEXT + 2, bytes_of(NULL, 0));
}

static struct bytes single_response(struct arena *arena, const struct ocsp_response_data *in,
                                    size_t i)
{
    struct bytes next = {NULL, 0};

    if (in->next_update)
        next = DER(arena, DER_CONTEXT_CONSTRUCTED + 0, der_time(arena, in->next_update));
    return DER(arena, DER_SEQUENCE, certid(arena, &in->ids[i]), cert_status(arena, &in->facts[i]),
               der_time(arena, in->this_update), next);
}

static struct bytes nonce_extension(struct arena *arena, struct bytes nonce)
{
    struct bytes value = DER(arena, DER_OCTET_STRING, DER(arena, DER_OCTET_STRING, nonce));
    struct bytes extension = DER(arena, DER_SEQUENCE, FIXED(oid_nonce), value);

    return DER(arena, DER_CONTEXT_CONSTRUCTED + 1, DER(arena, DER_SEQUENCE, extension));
}

struct bytes ocsp_response_data(struct arena *arena, const struct ocsp_response_data *in)
{
    struct bytes singles[OCSP_MAX_CERTIFICATES], extensions = {NULL, 0};

    for (size_t i = 0; i < in->count; i++)
        singles[i] = single_response(arena, in, i);
    if (in->nonce.p)
        extensions = nonce_extension(arena, in->nonce);
    return DER(arena, DER_SEQUENCE,
               DER(arena, DER_CONTEXT_CONSTRUCTED + 2,
                   DER(arena, DER_OCTET_STRING, in->responder_key_hash)),
               der_time(arena, in->produced_at), der_value(arena, DER_SEQUENCE, singles, in->count),
               extensions);
}

struct bytes ocsp_response(struct arena *arena, struct bytes response_data, struct bytes algorithm,
                           struct bytes signature, struct bytes certificate)
{
    static const uint8_t successful[] = {DER_ENUMERATED, 1, 0};
    struct bytes certificates =
        DER(arena, DER_CONTEXT_CONSTRUCTED + 0, DER(arena, DER_SEQUENCE, certificate));
    struct bytes basic = DER(arena, DER_SEQUENCE, response_data, algorithm,
                             der_bits(arena, signature), certificates);
    struct bytes body =
        DER(arena, DER_SEQUENCE, FIXED(oid_basic), DER(arena, DER_OCTET_STRING, basic));

    return DER(arena, DER_SEQUENCE, FIXED(successful),
               DER(arena, DER_CONTEXT_CONSTRUCTED + 0, body));
}

struct bytes ocsp_refusal(enum ocsp_refusal refusal)
{
    static const uint8_t answers[][5] = {
        {DER_SEQUENCE, 3, DER_ENUMERATED, 1, OCSP_MALFORMED_REQUEST},
        {DER_SEQUENCE, 3, DER_ENUMERATED, 1, OCSP_INTERNAL_ERROR},
        {DER_SEQUENCE, 3, DER_ENUMERATED, 1, OCSP_TRY_LATER},
        {DER_SEQUENCE, 3, DER_ENUMERATED, 1, OCSP_UNAUTHORIZED},
    };

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
        if (answers[i][4] == refusal)
            return bytes_of(answers[i], sizeof(answers[i]));
    return bytes_of(answers[1], sizeof(answers[1]));
}
