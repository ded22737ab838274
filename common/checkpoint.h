/* Signed checkpoints of a journal: C2SP tlog-checkpoint in a C2SP signed note.
 *
 *     trien.example/journal          origin: which journal; also the name of the key
 *     4711                           entries in the tree
 *     47DEQpj8HBSa+/TImW+5JCeuQe…    base64 of the tree head, RFC 9162 2.1.1
 *
 *     — trien.example/journal AbCdEf…  base64 of key id (4 bytes) and signature
 *
 * Signed is the text up to the empty line. The key is ECDSA P-256 (signature type 0x02): its key id
 * is the beginning of SHA-256 of the DER SubjectPublicKeyInfo, its signature ASN.1 DER over
 * SHA-256. */
#pragma once

#include "common/arena.h"
#include "common/bytes.h"
#include "common/guard.h"
#include "common/merkle.h"
#include "common/x509.h"

#define CHECKPOINT_MAX_BYTES 8192
#define CHECKPOINT_MAX_ORIGIN 128
#define CHECKPOINT_MAX_SIGNATURES 16

struct checkpoint {
    const char *origin;
    uint64_t size;
    struct merkle_hash root;
};

/** The origin can be one: 1 to 128 characters of ASCII without space and '+'. */
bool checkpoint_is_origin(const char *origin);

/** The text to be signed, in the arena. */
struct bytes checkpoint_text(struct arena *arena, const struct checkpoint *checkpoint);

/** The signed note, in the arena: the text of checkpoint_text() and one signature by the key whose
 *  DER SubjectPublicKeyInfo is given. */
const char *checkpoint_note(struct arena *arena, const struct checkpoint *checkpoint,
                            struct bytes spki_der, struct bytes signature_der);

/** Reads a note without believing it: texts in the arena. REJECT MALFORMED. */
enum rc checkpoint_parse(struct arena *arena, struct bytes note, struct err *err,
                         struct checkpoint *ret_checkpoint) MUST_USE;

/** Reads a note that this key has signed under its origin's name; signatures of other keys are
 *  ignored. REJECT MALFORMED, SIGNATURE_INVALID. */
enum rc checkpoint_open(struct arena *arena, struct bytes note, const struct x509_key *key,
                        struct err *err, struct checkpoint *ret_checkpoint) MUST_USE;
