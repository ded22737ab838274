/* Revocation lists that the signer is asked to sign: to-be-signed bytes, every question. An input
 * is the bytes themselves, or, with '!' before it, a program that changes a right list:
 *
 *     ! then <offset, 2 bytes> <value>, again and again */
// links: services/signer
#define WORLD_WITHOUT_CMOCKA
#include "tests/unit/signer/world_list.h"

static struct world w;
static Trien__SignCrl good;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct world_list list;

    (void)argc;
    (void)argv;
    world_open(&w, "p256");
    list = world_good_list(&w, 5);
    good = world_list_call(&w, &list);
    return 0;
}

static void ask(struct bytes tbs, struct arena *arena)
{
    Trien__SignCrl call = good;
    struct list_question question;
    struct err err = {0};

    call.tbs_der = (ProtobufCBinaryData){tbs.n, (uint8_t *)(uintptr_t)tbs.p};
    if (list_check(&call, &w.issuer, 1, WORLD_NOW, arena, &err, &question) != RC_OK) {
        if (err.code == 0 || err_rc(err.code) != RC_REJECT)
            abort();
        return;
    }
    if (!bytes_equal(question.list->issuer_der, w.issuer.subject_der) ||
        question.list->next_update - question.list->this_update > LIST_MAX_LIFETIME)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    static struct arena *arena;
    uint8_t room[4096];
    struct bytes tbs = bytes_of(input, size);

    if (!arena)
        arena = arena_new((size_t)64 * 1024 * 1024);
    if (size > 1 && input[0] == '!' && good.tbs_der.len <= sizeof(room)) {
        memcpy(room, good.tbs_der.data, good.tbs_der.len);
        for (size_t i = 1; i + 3 <= size; i += 3)
            room[((size_t)input[i] << 8 | input[i + 1]) % good.tbs_der.len] = input[i + 2];
        tbs = bytes_of(room, good.tbs_der.len);
    }
    ask(tbs, arena);
    arena_reset(arena);
    return 0;
}
