/* The signatures of a PDF file as its raw bytes show them, before anything parses it.
 *
 * Looks for /ByteRange and demands the one shape an honest signature has: [0 a b c] where a…b is
 * exactly the <hex> string after a /Contents and b + c is the end of a revision (ISO
 * 32000-2 12.8.1, ETSI EN 319 142-1 5.3). What it finds is compared later with what the parser
 * finds (document.c), so a fake in a stream or a name written with #-escapes fools neither. Pure;
 * reads only what it is given. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/err.h"

#define PDF_RAW_MAX_SIGNATURES 16
#define PDF_RAW_MAX_REASONS 24
#define PDF_RAW_MAX_CONTENTS_BYTES ((size_t)1024 * 1024) /* one CMS, decoded */

struct pdf_raw_signature {
    size_t gap_start;   /* offset of '<' of /Contents */
    size_t gap_end;     /* offset behind its '>' */
    size_t covered_end; /* the signed revision is bytes [0, covered_end) */
};

struct pdf_raw_reason {
    Trien__Error code;
    unsigned signature; /* from 1 in file order; 0: the file */
    const char *detail; /* static */
};

struct pdf_raw {
    size_t signature_count; /* well-formed ones only, ordered by covered_end */
    struct pdf_raw_signature signatures[PDF_RAW_MAX_SIGNATURES];
    size_t reason_count; /* 0: header, shape and coverage are in order */
    struct pdf_raw_reason reasons[PDF_RAW_MAX_REASONS];
};

/** Scans the file. Reasons: DOCUMENT_NOT_PDF, DOCUMENT_NOT_SIGNED, DOCUMENT_ENCRYPTED,
 * SIGNATURE_COVERAGE, DOCUMENT_CHANGED_AFTER_SIGNING, SIGNATURE_INVALID (empty /Contents),
 * DOCUMENT_STRUCTURE (too many). Time is linear in the size of the file. */
void pdf_raw_scan(struct bytes file, struct pdf_raw *ret_raw);

/** Decodes the hexadecimal between '<' and '>' of a signature's gap into room of (gap - 2) / 2
 * bytes. */
void pdf_raw_contents(struct bytes file, const struct pdf_raw_signature *signature,
                      uint8_t *ret_contents);
