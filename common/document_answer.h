/* What the sandboxed child said of a document (pdf_child.h), read as a stranger's bytes: a document
 * may have captured the child. Pure. */
#pragma once

#include <stddef.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/err.h"
#include "common/pdf_child.h"

struct document_finding {
    Trien__Error code;
    const char *detail; /* printable ASCII, in the arena */
};

struct document_answer {
    size_t finding_count;
    struct document_finding findings[PDF_CHILD_FINDINGS];
    struct bytes request_json; /* in the child's bytes; only when there is no finding */
};

/** Reads an answer and holds it against the signatures that the parent has verified itself: the
 *  child must have seen the very same, no more and no fewer. Whatever is wrong with the answer is a
 *  finding, DOCUMENT_STRUCTURE. */
void document_answer_read(struct bytes child, const struct pdf_child_signature *verified,
                          size_t verified_count, struct arena *arena,
                          struct document_answer *ret_answer);
