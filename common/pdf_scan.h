/* Every byte of a PDF accounted for: the objects of a file in the order in which they stand there.
 *
 * A cross-reference table says where a reader should look; this scan says what is there. Comparing
 * the two (pdf_child.cpp) leaves no room for hidden, wrapped or repeated objects. Runs in the
 * sandboxed child, but is pure and safe by itself: bounded nesting and counts, no recursion; the
 * child's CPU limit bounds time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PDF_SCAN_MAX_OBJECTS 200000
#define PDF_SCAN_MAX_LONG 32
#define PDF_SCAN_LONG_BYTES 512

/* One "N G obj … endobj". */
struct pdf_scan_object {
    uint32_t number;
    uint32_t generation;
    uint32_t revision; /* from 0: how many %%EOF stand before it */
    size_t start;      /* offset of N */
    size_t end;        /* offset behind endobj */
};

/* One free entry of a classic cross-reference table. */
struct pdf_scan_free {
    uint32_t number;
    size_t at; /* offset of the table */
};

/* A hexadecimal string in an object, long and of nothing but digits: mostly a signature. */
struct pdf_scan_long {
    size_t start; /* offset of its first digit */
    size_t end;   /* offset of its '>' */
};

struct pdf_scan {
    struct pdf_scan_object *objects; /* in file order */
    size_t object_count, object_room;
    struct pdf_scan_free *freed;
    size_t freed_count, freed_room;
    size_t *tables; /* what each startxref points at */
    size_t table_count, table_room;
    struct pdf_scan_long longs[PDF_SCAN_MAX_LONG]; /* in file order; others are not noted */
    size_t long_count;
    uint32_t revisions;
    const char *fault; /* why the file is not accepted, static; NULL when it is */
    size_t fault_at;
};

/** Scans the whole file; false with ret_scan->fault when some byte belongs to no object, table or
 * trailer, an object number stands twice in one revision, or a limit is passed. Release with
 * pdf_scan_done(). */
bool pdf_scan_file(struct bytes file, struct pdf_scan *ret_scan);
void pdf_scan_done(struct pdf_scan *scan);

#ifdef __cplusplus
}
#endif
