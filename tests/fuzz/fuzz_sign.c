/* Calls of the signer: protobuf, vouchers, to-be-signed bytes, every rule. What passes the rules
 * must be what was authorised. An input is a program that changes a right order:
 *
 *     <profile 0-6> <what: t to-be-signed bytes, c whole call, r raw call follows> then
 *     <op: s set, i insert, d delete> <offset, 2 bytes> <value>, again and again */
// links: services/signer
#define WORLD_WITHOUT_CMOCKA
#include "tests/unit/signer/world.h"

#define MAX_BYTES 20000

static const char *const profiles[] = {
    PROFILE_PERSON,     PROFILE_AGENCY,       PROFILE_DEVICE,        PROFILE_TLS_SERVER,
    PROFILE_API_CLIENT, PROFILE_CODE_SIGNING, PROFILE_OCSP_RESPONDER};

static struct world w;
static Trien__SignCertificate *good[COUNT_OF(profiles)];
static ProtobufCBinaryData packed[COUNT_OF(profiles)];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    world_open(&w, "p256");
    for (size_t i = 0; i < COUNT_OF(profiles); i++) {
        struct world_order o;
        world_good(&w, profiles[i], "order-1", &o);
        o.with_statement = i % 2;
        good[i] = world_order(&w, &o);
        packed[i] = world_pack(&w, &good[i]->base);
    }
    return 0;
}

/* Changes a copy of the bytes as the program says. */
static size_t change(uint8_t *bytes, size_t size, const uint8_t *program, size_t length)
{
    for (size_t i = 0; i + 4 <= length && size > 0 && size < MAX_BYTES - 1; i += 4) {
        size_t at = ((size_t)program[i + 1] << 8 | program[i + 2]) % size;
        switch (program[i]) {
        case 'i':
            memmove(bytes + at + 1, bytes + at, size - at);
            bytes[at] = program[i + 3];
            size++;
            break;
        case 'd':
            memmove(bytes + at, bytes + at + 1, size - at - 1);
            size--;
            break;
        default:
            bytes[at] = program[i + 3];
        }
    }
    return size;
}

static void ask(const Trien__SignCertificate *call, struct arena *arena)
{
    struct question question;
    struct err err = {0};

    if (rules_check(call, &w.issuer, 1, &w.rings, WORLD_NOW, arena, &err, &question) != RC_OK) {
        /* A stranger's bytes are refused, never fatal; what is of the future, or of an issuer that
         * is not known yet, may wait. */
        if (err.code == 0 || (err_rc(err.code) != RC_REJECT && err.code != TRIEN__ERROR__NOT_YET))
            abort();
        return;
    }
    /* It may differ from the right one only where nobody authorised anything in particular. */
    if (!bytes_equal(question.tbs->subject_der, question.ground->subject_der) ||
        question.tbs->not_after > question.issuer->not_after ||
        memcmp(question.tbs->key_sha256, question.ground->key_sha256.p, 32) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    static uint8_t room[MAX_BYTES];
    static struct arena *arena;
    size_t profile = size > 2 ? (size_t)input[0] % COUNT_OF(profiles) : 0, length;
    Trien__SignCertificate call, *unpacked;

    if (size <= 2)
        return 0;
    if (!arena)
        arena = arena_new((size_t)64 * 1024 * 1024);
    if (input[1] == 't') {
        call = *good[profile];
        memcpy(room, call.tbs_der.data, call.tbs_der.len);
        length = change(room, call.tbs_der.len, input + 2, size - 2);
        call.tbs_der = (ProtobufCBinaryData){length, room};
        ask(&call, arena);
    } else {
        struct bytes raw = bytes_of(input + 2, size - 2);
        if (input[1] == 'c') {
            memcpy(room, packed[profile].data, packed[profile].len);
            raw = bytes_of(room, change(room, packed[profile].len, input + 2, size - 2));
        }
        unpacked = trien__sign_certificate__unpack(arena_allocator(arena), raw.n, raw.p);
        if (unpacked)
            ask(unpacked, arena);
    }
    arena_reset(arena);
    return 0;
}
