/* Tokens of PDF syntax (ISO 32000-2 7.2, 7.3), for pdf_scan.c alone: a position in a file that
 * moves over strings, names, brackets and streams without understanding them. Bounded nesting, no
 * recursion. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

#define PDF_TOKEN_MAX_NESTING 256

struct pdf_token {
    struct bytes file;
    size_t at;
    const char *fault; /* the first one, static; NULL while all is well */
    size_t fault_at;
};

/* The brackets that are open in one object. */
struct pdf_nesting {
    uint8_t open[PDF_TOKEN_MAX_NESTING]; /* '<' or '[' */
    size_t depth;
};

/** Notes the first fault; always false, so that it can be returned. */
bool pdf_token_fail(struct pdf_token *s, const char *fault);

/** The byte so many ahead; -1 behind the end. */
int pdf_token_peek(const struct pdf_token *s, size_t ahead);

bool pdf_token_digit(int c);

/** The keyword stands here, and ends here. */
bool pdf_token_is(const struct pdf_token *s, const char *word);

/** The same, and moves behind it. */
bool pdf_token_take(struct pdf_token *s, const char *word);

/** Moves over white space and comments; the number of %%EOF comments among them. */
uint32_t pdf_token_blank(struct pdf_token *s);

/** A plain number up to the limit; false without one. */
bool pdf_token_number(struct pdf_token *s, uint64_t limit, uint64_t *ret_number);

/** Moves over one token inside an object; false at what belongs in no object. */
bool pdf_token_skip(struct pdf_token *s, struct pdf_nesting *nest);

/** The number behind the /Length that stands here; SIZE_MAX when it is a reference. */
size_t pdf_token_length(struct pdf_token *s);

/** From behind "stream" to behind "endstream"; length SIZE_MAX: to the first endstream that endobj
 *  follows. What a stream hides behind such a pair comes out as objects, and is then one too many.
 */
bool pdf_token_stream(struct pdf_token *s, size_t length);
