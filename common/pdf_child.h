/* What the sandboxed child does with one document, and what it may say about it.
 *
 * The answer is a stranger's bytes: document.c checks every number of it and compares the
 * signatures with those it has verified itself. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PDF_CHILD_MAGIC UINT32_C(0x54504446)
#define PDF_CHILD_MAX_SIGNATURES 16
#define PDF_CHILD_MAX_REQUEST_BYTES (2u * 1024 * 1024)

/* One bit a finding; document.c has the table of their codes. */
enum pdf_child_finding {
    PDF_CHILD_STRUCTURE = 1 << 0,
    PDF_CHILD_BOMB = 1 << 1,
    PDF_CHILD_ENCRYPTED = 1 << 2,
    PDF_CHILD_CHANGES = 1 << 3,
    PDF_CHILD_REQUEST_MISSING = 1 << 4,
    PDF_CHILD_REQUEST_DUPLICATED = 1 << 5,
    PDF_CHILD_REQUEST_NOT_SIGNED = 1 << 6,
    PDF_CHILD_SIGNATURE = 1 << 7, /* a kind of signature that is not accepted */
};
#define PDF_CHILD_FINDINGS 8
#define PDF_CHILD_DETAIL_BYTES 120

struct pdf_child_signature {
    uint64_t gap_start, gap_end, covered_end;
    uint32_t is_time_stamp;
    uint32_t unused;
};

/* Followed by request_size bytes of request.json when findings is 0. */
struct pdf_child_answer {
    uint32_t magic;
    uint32_t findings;
    uint32_t signature_count;
    uint32_t request_size;
    /* For each finding its first reason, for operators: printable ASCII, NUL-terminated. */
    char details[PDF_CHILD_FINDINGS][PDF_CHILD_DETAIL_BYTES];
    struct pdf_child_signature signatures[PDF_CHILD_MAX_SIGNATURES]; /* ordered by covered_end */
};

/** The job: parses the file with libqpdf, revision by revision. What it returns lives until the
 * next call. Safe outside the sandbox too (tests, fuzz targets); one thread only. Throws nothing
 * but what running out of memory while answering throws, which ends the child. */
struct bytes pdf_child_job(struct bytes file);

/** Frees what the latest answer needed. */
void pdf_child_forget(void);

/** Examines a document with everything in it, made here, so that a forked child finds it all warm.
 *  False when that document does not pass: the build is broken. */
bool pdf_child_warm_up(void);

#ifdef __cplusplus
}
#endif
