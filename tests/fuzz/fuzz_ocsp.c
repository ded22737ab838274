/* OCSP requests of strangers: what is read keeps its limits, and an answer about it can be built.
 */
// links: services/status
#include <openssl/ocsp.h>

#include "services/status/ocsp_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes);

static void check(const struct ocsp_request *request)
{
    if (request->count == 0 || request->count > OCSP_MAX_CERTIFICATES ||
        (request->nonce.p && (request->nonce.n == 0 || request->nonce.n > OCSP_MAX_NONCE_BYTES)))
        __builtin_trap();
    for (size_t i = 0; i < request->count; i++)
        if (request->ids[i].serial.n == 0 || request->ids[i].serial.n > OCSP_MAX_SERIAL_BYTES ||
            request->ids[i].key_hash.n != (request->ids[i].hash == OCSP_SHA1 ? 20 : 32) ||
            request->ids[i].name_hash.n != request->ids[i].key_hash.n)
            __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size_bytes)
{
    static const struct ocsp_fact facts[OCSP_MAX_CERTIFICATES] = {{OCSP_REVOKED, 1, 1}};
    static const uint8_t key_hash[20], algorithm[] = {0x30, 0x00};
    static struct arena *arena;
    struct ocsp_request request;
    struct bytes answer;
    OCSP_RESPONSE *parsed;

    if (!arena)
        arena = arena_new((size_t)64 << 20);
    if (ocsp_request_read(arena, bytes_of(input, size_bytes), &request) == OCSP_REQUEST_FINE) {
        check(&request);
        answer = ocsp_response(
            arena,
            ocsp_response_data(
                arena, &(struct ocsp_response_data){.responder_key_hash = bytes_of(key_hash, 20),
                                                    .next_update = 1,
                                                    .count = request.count,
                                                    .ids = request.ids,
                                                    .facts = facts,
                                                    .nonce = request.nonce}),
            bytes_of(algorithm, 2), bytes_of(key_hash, 20), bytes_of(algorithm, 2));
        parsed = d2i_OCSP_RESPONSE(NULL, &(const uint8_t *){answer.p}, (long)answer.n);
        if (!parsed)
            __builtin_trap();
        OCSP_RESPONSE_free(parsed);
    }
    arena_reset(arena);
    return 0;
}
