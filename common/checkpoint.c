/* Signed checkpoints: written, read, verified. It holds no private key and accepts nothing that is
 * not exactly in the form it writes, signatures of others beside its own apart. */
#include "common/checkpoint.h"

#include <inttypes.h>
#include <string.h>

#define DASH "\xe2\x80\x94 "
#define DASH_BYTES 4
#define KEY_ID_BYTES 4

bool checkpoint_is_origin(const char *origin)
{
    size_t n = strlen(origin);

    for (size_t i = 0; i < n; i++)
        if (origin[i] <= ' ' || origin[i] > '~' || origin[i] == '+')
            return false;
    return n > 0 && n <= CHECKPOINT_MAX_ORIGIN;
}

struct bytes checkpoint_text(struct arena *arena, const struct checkpoint *checkpoint)
{
    const char *root =
        bytes_to_base64(arena, bytes_of(checkpoint->root.b, sizeof(checkpoint->root.b)));

    return bytes_of_text(
        arena_printf(arena, "%s\n%" PRIu64 "\n%s\n", checkpoint->origin, checkpoint->size, root));
}

const char *checkpoint_note(struct arena *arena, const struct checkpoint *checkpoint,
                            struct bytes spki_der, struct bytes signature_der)
{
    struct bytes text = checkpoint_text(arena, checkpoint);
    uint8_t *signature = arena_alloc(arena, KEY_ID_BYTES + signature_der.n), digest[32];

    bytes_sha256(spki_der, digest);
    memcpy(signature, digest, KEY_ID_BYTES);
    memcpy(signature + KEY_ID_BYTES, signature_der.p, signature_der.n);
    return arena_printf(
        arena, "%.*s\n" DASH "%s %s\n", (int)text.n, (const char *)text.p, checkpoint->origin,
        bytes_to_base64(arena, bytes_of(signature, KEY_ID_BYTES + signature_der.n)));
}

/* --- reading -----------------------------------------------------------------------------------
 */

/* Takes a line off the front, without its newline. */
static bool take_line(struct bytes *rest, struct bytes *ret_line)
{
    const uint8_t *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;

    if (!end)
        return false;
    *ret_line = bytes_of(rest->p, (size_t)(end - rest->p));
    *rest = bytes_of(end + 1, rest->n - ret_line->n - 1);
    return true;
}

/* Decimal without sign or leading zeros, up to the largest tree. */
static bool read_size(struct bytes line, uint64_t *ret_size)
{
    uint64_t size = 0;

    if (line.n == 0 || line.n > 19 || (line.p[0] == '0' && line.n > 1))
        return false;
    for (size_t i = 0; i < line.n; i++) {
        if (line.p[i] < '0' || line.p[i] > '9')
            return false;
        size = size * 10 + (uint64_t)(line.p[i] - '0');
    }
    *ret_size = size;
    return size <= MERKLE_MAX_SIZE;
}

/* In its one form: the bits that the last digit leaves over are zero. */
static bool read_root(struct arena *arena, struct bytes line, struct merkle_hash *ret_root)
{
    struct bytes root;

    if (line.n > 64 || !bytes_from_base64(arena, line, &root) || root.n != sizeof(ret_root->b) ||
        !bytes_equal(bytes_of_text(bytes_to_base64(arena, root)), line))
        return false;
    memcpy(ret_root->b, root.p, root.n);
    return true;
}

/* The three lines and the empty one; *ret_signatures is what follows. */
static bool read_text(struct arena *arena, struct bytes note, struct checkpoint *ret_checkpoint,
                      struct bytes *ret_signatures)
{
    struct bytes origin, size, root, empty;

    if (note.n > CHECKPOINT_MAX_BYTES || !take_line(&note, &origin) || !take_line(&note, &size) ||
        !take_line(&note, &root) || !take_line(&note, &empty) || empty.n != 0 ||
        origin.n > CHECKPOINT_MAX_ORIGIN || memchr(origin.p, 0, origin.n))
        return false;
    ret_checkpoint->origin = arena_strndup(arena, (const char *)origin.p, origin.n);
    *ret_signatures = note;
    return checkpoint_is_origin(ret_checkpoint->origin) && read_size(size, &ret_checkpoint->size) &&
           read_root(arena, root, &ret_checkpoint->root);
}

enum rc checkpoint_parse(struct arena *arena, struct bytes note, struct err *err,
                         struct checkpoint *ret_checkpoint)
{
    struct checkpoint checkpoint;
    struct bytes signatures;

    CHECK(read_text(arena, note, &checkpoint, &signatures), err, TRIEN__ERROR__MALFORMED,
          "this is no checkpoint");
    *ret_checkpoint = checkpoint;
    return RC_OK;
}

enum verdict { BROKEN, FOREIGN, WRONG, GOOD };

/* One signature line against the key, under the origin's name. */
static enum verdict judge_line(struct arena *arena, struct bytes line, const char *origin,
                               struct bytes text, const struct x509_key *key)
{
    size_t name = strlen(origin);
    struct bytes signature;
    const uint8_t *space;
    uint8_t id[32];

    if (line.n <= DASH_BYTES || memcmp(line.p, DASH, DASH_BYTES) != 0)
        return BROKEN;
    line = bytes_of(line.p + DASH_BYTES, line.n - DASH_BYTES);
    space = memchr(line.p, ' ', line.n);
    if (!space || space == line.p ||
        !bytes_from_base64(arena, bytes_of(space + 1, line.n - (size_t)(space - line.p) - 1),
                           &signature) ||
        signature.n <= KEY_ID_BYTES)
        return BROKEN;
    bytes_sha256(x509_key_spki(key), id);
    if ((size_t)(space - line.p) != name || memcmp(line.p, origin, name) != 0 ||
        memcmp(signature.p, id, KEY_ID_BYTES) != 0)
        return FOREIGN;
    signature = bytes_of(signature.p + KEY_ID_BYTES, signature.n - KEY_ID_BYTES);
    return x509_verify_p256(key, text, signature) ? GOOD : WRONG;
}

enum rc checkpoint_open(struct arena *arena, struct bytes note, const struct x509_key *key,
                        struct err *err, struct checkpoint *ret_checkpoint)
{
    struct checkpoint checkpoint;
    struct bytes rest, text, line;
    bool is_good = false;

    CHECK(read_text(arena, note, &checkpoint, &rest), err, TRIEN__ERROR__MALFORMED,
          "this is no checkpoint");
    text = bytes_of(note.p, note.n - rest.n - 1);
    for (int i = 0; rest.n; i++) {
        enum verdict verdict;

        CHECK(i < CHECKPOINT_MAX_SIGNATURES && take_line(&rest, &line), err,
              TRIEN__ERROR__MALFORMED, "the checkpoint's signature lines are malformed");
        verdict = judge_line(arena, line, checkpoint.origin, text, key);
        CHECK(verdict != BROKEN, err, TRIEN__ERROR__MALFORMED,
              "the checkpoint's signature lines are malformed");
        CHECK(verdict != WRONG, err, TRIEN__ERROR__SIGNATURE_INVALID,
              "the signature of the checkpoint at size %" PRIu64 " does not verify",
              checkpoint.size);
        is_good = is_good || verdict == GOOD;
    }
    CHECK(is_good, err, TRIEN__ERROR__SIGNATURE_INVALID,
          "the checkpoint at size %" PRIu64 " is not signed by this key", checkpoint.size);
    *ret_checkpoint = checkpoint;
    return RC_OK;
}
