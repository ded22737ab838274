/* Checkpoints: written and read back, verified with the right key only, refused in any other form.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/pem.h>

#include "common/checkpoint.h"
#include "common/ossl.h"

#define ORIGIN "trien.example/journal"

static struct arena *arena;
static EVP_PKEY *ours, *theirs;

static int up(void **state)
{
    (void)state;
    arena = arena_new(1 << 22);
    ours = EVP_EC_gen("P-256");
    theirs = EVP_EC_gen("P-256");
    return ours && theirs ? 0 : -1;
}

static int down(void **state)
{
    (void)state;
    EVP_PKEY_free(ours);
    EVP_PKEY_free(theirs);
    arena_free(&arena);
    return 0;
}

static struct bytes spki(EVP_PKEY *key)
{
    uint8_t *out = NULL;
    int n = i2d_PUBKEY(key, &out);
    struct bytes copy = arena_bytes(arena, bytes_of(out, (size_t)n));

    OPENSSL_free(out);
    return copy;
}

static struct bytes sign(EVP_PKEY *key, struct bytes text)
{
    uint8_t *out = arena_alloc(arena, 128);
    size_t n = 128;
    autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();

    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(context, out, &n, text.p, text.n), 1);
    return bytes_of(out, n);
}

static struct checkpoint example(void)
{
    struct checkpoint checkpoint = {.origin = ORIGIN, .size = 4711};

    memset(checkpoint.root.b, 0xab, sizeof(checkpoint.root.b));
    return checkpoint;
}

static const char *note_by(EVP_PKEY *key)
{
    struct checkpoint checkpoint = example();

    return checkpoint_note(arena, &checkpoint, spki(key),
                           sign(key, checkpoint_text(arena, &checkpoint)));
}

static int open_with(EVP_PKEY *key, const char *note, struct checkpoint *ret_checkpoint)
{
    struct x509_key *public_key;
    struct err err = {0};

    assert_int_equal(x509_key_from_spki(spki(key), &err, &public_key), RC_OK);
    if (checkpoint_open(arena, bytes_of_text(note), public_key, &err, ret_checkpoint) == RC_OK)
        err.code = TRIEN__ERROR__NONE;
    x509_key_free(&public_key);
    return (int)err.code;
}

static void there_and_back(void **state)
{
    struct checkpoint expected = example(), seen;

    (void)state;
    assert_int_equal(open_with(ours, note_by(ours), &seen), TRIEN__ERROR__NONE);
    assert_string_equal(seen.origin, ORIGIN);
    assert_int_equal(seen.size, 4711);
    assert_true(merkle_equal(&seen.root, &expected.root));
}

static void only_by_its_key(void **state)
{
    struct checkpoint seen;
    const char *note = note_by(ours);
    char *changed = arena_strdup(arena, note);

    (void)state;
    assert_int_equal(open_with(theirs, note, &seen), TRIEN__ERROR__SIGNATURE_INVALID);
    *strstr(changed, "4711") = '5';
    assert_int_equal(open_with(ours, changed, &seen), TRIEN__ERROR__SIGNATURE_INVALID);
}

static void other_signatures_beside(void **state)
{
    const char *note = note_by(ours), *other = note_by(theirs);
    struct checkpoint seen;

    (void)state;
    note = arena_printf(arena, "%s%s", note, strstr(other, "\n\n") + 2);
    assert_int_equal(open_with(ours, note, &seen), TRIEN__ERROR__NONE);
    assert_int_equal(open_with(theirs, note, &seen), TRIEN__ERROR__NONE);
}

static void other_forms(void **state)
{
    static const char *const texts[] = {
        "",
        "a\n1\n\n",
        "a\n01\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n",
        "a\n-1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n",
        "a\n99999999999999999999\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n",
        "a b\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n",
        "\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n",
        "a\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hS\n\n",
        "a\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=\n\n",
        "a\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nmore\n\n",
        "a\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "a\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\nnot a line of a signature\n",
        "a\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\xe2\x80\x94 a AAAA\n",
        "a\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\xe2\x80\x94 a AAAAAAAA",
    };
    struct checkpoint seen;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_int_equal(open_with(ours, texts[i], &seen), TRIEN__ERROR__MALFORMED);
    assert_int_equal(
        open_with(ours, "a\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n", &seen),
        TRIEN__ERROR__SIGNATURE_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(only_by_its_key),
        cmocka_unit_test(other_signatures_beside),
        cmocka_unit_test(other_forms),
    };

    return cmocka_run_group_tests(tests, up, down);
}
