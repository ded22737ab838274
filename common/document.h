/* The door for strangers' documents: is this PDF signed, whole, by somebody we may believe, and
 * what request.json did the first signature cover?
 *
 * Two parties share the work. The caller's process looks at raw bytes only: header, ByteRanges,
 * CMS, certificate chains, revocation, and the caller's own list of signers. Only a document that
 * passes all of that is parsed, by libqpdf in a child without files or network that lives for this
 * one document (pdf_child.h, sandbox.h). What the two saw must agree.
 *
 * Every finding is a code of proto/error.proto; findings of one check are listed together, in the
 * order of the codes' numbers within a signature and of the signatures in the file.
 *
 * Pure but for the child: no clock, no database, no network. Any number of threads may ask at once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/clock.h"
#include "common/guard.h"
#include "common/trust.h"

#define DOCUMENT_MAX_BYTES ((size_t)20 * 1024 * 1024)        /* a post, issue 2 */
#define DOCUMENT_MAX_SIGNATURES 16                           /* time stamps included */
#define DOCUMENT_MAX_REQUEST_BYTES ((size_t)2 * 1024 * 1024) /* request.json, unpacked */

/* --- the gate: one per process --- */

/* The program trien-inspect, which hands out one sandboxed child per document. */
struct document_gate;

/* Of one child; 0 takes the default. A service with a gate has it in its configuration. */
struct document_limits {
    const char *program; /* path of trien-inspect; NULL or "": beside this process' own program */
    int64_t cpu_ms;      /* CPU time: 2000, rounded up to whole seconds */
    int64_t deadline_ms; /* wall clock: 5000 */
    int64_t memory_mib;  /* that parsing may take: 256; not limited under ASan */
};

/* Its rows; `at`: where the struct stands in the service's own. */
/* clang-format off */
#define DOCUMENT_LIMIT(at, member) ((at) + offsetof(struct document_limits, member))
#define DOCUMENT_GATE_ROWS(at)                                                                     \
    {"gate/program", CONF_TEXT, DOCUMENT_LIMIT(at, program), "",                                   \
     "path of trien-inspect, which parses documents; empty: beside this program", 0, 0, NULL},     \
    {"gate/cpu", CONF_MS, DOCUMENT_LIMIT(at, cpu_ms), "2s", "CPU time to parse one document",      \
     0, 0, NULL},                                                                                  \
    {"gate/deadline", CONF_MS, DOCUMENT_LIMIT(at, deadline_ms), "5s", "time to parse one document", \
     0, 0, NULL},                                                                                  \
    {"gate/memory_mib", CONF_INT, DOCUMENT_LIMIT(at, memory_mib), "256",                           \
     "memory to parse one document, MiB", 16, 4096, NULL}
/* clang-format on */

/** Starts the program. Call it in `early`, before any thread. NULL limits: defaults.
 *  FATAL INTERNAL when it does not start. Free with document_gate_free(). */
enum rc document_gate_new(const struct document_limits *limits, struct err *err,
                          struct document_gate **ret_gate) MUST_USE;

/** Ends the zygote and waits for it. NULL is fine. No document_check() may be running. */
void document_gate_free(struct document_gate **gate);

/** The program is there. Once false it stays false: say so in /healthz. The process ends then by
 *  itself (svc.h), so that its supervisor starts both again. Cheap, any thread. */
bool document_gate_alive(const struct document_gate *gate);

/* --- one document --- */

enum document_verdict {
    DOCUMENT_ACCEPTED,
    DOCUMENT_REFUSED, /* can never be accepted; `reasons` has all that can be known at once */
    DOCUMENT_WAITS, /* nothing against it, but CRLs are missing or stale: fetch crl_needs, ask again
                     */
};

struct document_reason {
    Trien__Error code;  /* 21xx, or CRL_STALE */
    unsigned signature; /* which signature, from 1 in the order of the file; 0: the document */
    const char *detail; /* for operators, English, no personal data */
};

enum document_signature_kind {
    DOCUMENT_SIGNATURE,  /* a person's or an agency's */
    DOCUMENT_TIME_STAMP, /* ETSI.RFC3161 document time stamp; must verify as well, decides nothing
                          */
};

struct document_signature {
    enum document_signature_kind kind;
    struct bytes certificate_der;   /* the signer's; in the arena */
    uint8_t certificate_sha256[32]; /* of certificate_der */
    uint8_t key_sha256[32];         /* of its SubjectPublicKeyInfo */
    const char *subject;            /* RFC 4514, for people */
    const char *issuer;
    const char *serial;   /* lower-case hex without leading zeros */
    usec claimed_at;      /* signingTime as the signer claims it; 0 when absent. Some tools write
                             local time as UTC (+7 h): a hint, never evidence */
    const char *digest;   /* "SHA256" … */
    size_t covered_bytes; /* the signed revision is the first so many bytes of the file */
};

/** The caller's own knowledge of signers, asked before the document is parsed: may the holder of
 * this certificate sign here? `last` says that this signature covers the whole file. Not asked for
 * time stamps. Called on the thread of document_check(); false gives SIGNER_UNAUTHORISED. */
typedef bool (*document_signer_known)(void *context, const struct document_signature *signer,
                                      bool last);

struct document_question {
    struct bytes file;
    usec at;                            /* judged as of this moment: the receipt */
    const uint8_t *expected_sha256;     /* 32 bytes announced by intake, or NULL; DIGEST_MISMATCH */
    document_signer_known signer_known; /* NULL: anybody whose chain is trusted */
    void *context;                      /* for signer_known */
};

struct document_report {
    enum document_verdict verdict;
    uint8_t sha256[32];
    size_t reason_count;
    const struct document_reason *reasons; /* empty when accepted */
    size_t signature_count;                /* in the order of the file; empty when none was found */
    const struct document_signature *signatures;
    struct bytes request_json; /* exactly as the first signed revision embeds it; accepted only */
    size_t crl_need_count;
    const struct trust_crl_need *crl_needs; /* what DOCUMENT_WAITS waits for, each once */
};

/** Judges one document. RC_OK whatever the verdict: a refusal is an answer, not a failure.
 *  RETRY INSPECTOR_UNAVAILABLE when no child could be had (see document_gate_alive()). A child that
 *  crashes or breaks its limits is a refusal (DOCUMENT_STRUCTURE, DOCUMENT_BOMB) of this document.
 *  Everything in the report lives in the arena; it refers to nothing of question->file. */
enum rc document_check(struct document_gate *gate, struct trust *trust,
                       const struct document_question *question, struct arena *arena,
                       struct err *err, struct document_report *ret_report) MUST_USE;

/** "accepted", "refused" or "waits". */
const char *document_verdict_name(enum document_verdict verdict);
