/* Moving over PDF tokens. It refuses what the syntax does not allow and never builds anything. */
#include "common/pdf_token.h"

#include <string.h>

bool pdf_token_fail(struct pdf_token *s, const char *fault)
{
    if (!s->fault) {
        s->fault = fault;
        s->fault_at = s->at;
    }
    return false;
}

static bool is_space(int c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == 0;
}

static bool is_delimiter(int c)
{
    return c == '(' || c == ')' || c == '<' || c == '>' || c == '[' || c == ']' || c == '{' ||
           c == '}' || c == '/' || c == '%';
}

bool pdf_token_digit(int c)
{
    return c >= '0' && c <= '9';
}

int pdf_token_peek(const struct pdf_token *s, size_t ahead)
{
    return s->at + ahead < s->file.n ? s->file.p[s->at + ahead] : -1;
}

bool pdf_token_is(const struct pdf_token *s, const char *word)
{
    size_t n = strlen(word);
    int next;

    if (s->file.n - s->at < n || memcmp(s->file.p + s->at, word, n) != 0)
        return false;
    next = pdf_token_peek(s, n);
    return next < 0 || is_space(next) || is_delimiter(next);
}

bool pdf_token_take(struct pdf_token *s, const char *word)
{
    if (!pdf_token_is(s, word))
        return false;
    s->at += strlen(word);
    return true;
}

uint32_t pdf_token_blank(struct pdf_token *s)
{
    uint32_t ends = 0;

    for (;;) {
        while (is_space(pdf_token_peek(s, 0)))
            s->at++;
        if (pdf_token_peek(s, 0) != '%')
            return ends;
        if (s->file.n - s->at >= 5 && memcmp(s->file.p + s->at, "%%EOF", 5) == 0)
            ends++;
        while (pdf_token_peek(s, 0) >= 0 && pdf_token_peek(s, 0) != '\n' &&
               pdf_token_peek(s, 0) != '\r')
            s->at++;
    }
}

bool pdf_token_number(struct pdf_token *s, uint64_t limit, uint64_t *ret_number)
{
    uint64_t number = 0;
    size_t start = s->at;

    for (; pdf_token_digit(pdf_token_peek(s, 0)); s->at++) {
        number = number * 10 + (uint64_t)(pdf_token_peek(s, 0) - '0');
        if (number > limit)
            return false;
    }
    *ret_number = number;
    return s->at > start;
}

/* --- tokens inside an object --- */

static bool skip_string(struct pdf_token *s)
{
    size_t depth = 0;

    do {
        int c = pdf_token_peek(s, 0);

        if (c < 0)
            return pdf_token_fail(s, "string without an end");
        if (c == '\\')
            s->at++;
        else if (c == '(')
            depth++;
        else if (c == ')')
            depth--;
        s->at++;
    } while (depth > 0);
    return true;
}

static bool skip_hex(struct pdf_token *s)
{
    const uint8_t *end = memchr(s->file.p + s->at, '>', s->file.n - s->at);

    if (!end)
        return pdf_token_fail(s, "hexadecimal string without an end");
    s->at = (size_t)(end - s->file.p) + 1;
    return true;
}

static bool open_bracket(struct pdf_token *s, struct pdf_nesting *nest, uint8_t kind, size_t width)
{
    if (nest->depth == PDF_TOKEN_MAX_NESTING)
        return pdf_token_fail(s, "nesting too deep");
    nest->open[nest->depth++] = kind;
    s->at += width;
    return true;
}

static bool close_bracket(struct pdf_token *s, struct pdf_nesting *nest, uint8_t kind, size_t width)
{
    if (nest->depth == 0 || nest->open[nest->depth - 1] != kind)
        return pdf_token_fail(s, "brackets do not match");
    nest->depth--;
    s->at += width;
    return true;
}

static void skip_regular(struct pdf_token *s)
{
    do
        s->at++;
    while (pdf_token_peek(s, 0) >= 0 && !is_space(pdf_token_peek(s, 0)) &&
           !is_delimiter(pdf_token_peek(s, 0)));
}

bool pdf_token_skip(struct pdf_token *s, struct pdf_nesting *nest)
{
    switch (pdf_token_peek(s, 0)) {
    case '(':
        return skip_string(s);
    case '<':
        if (pdf_token_peek(s, 1) == '<')
            return open_bracket(s, nest, '<', 2);
        return skip_hex(s);
    case '>':
        return pdf_token_peek(s, 1) == '>' ? close_bracket(s, nest, '<', 2)
                                           : pdf_token_fail(s, "stray '>'");
    case '[':
        return open_bracket(s, nest, '[', 1);
    case ']':
        return close_bracket(s, nest, '[', 1);
    case ')':
    case '{':
    case '}':
    case -1:
        return pdf_token_fail(s, "stray character in an object");
    default:
        skip_regular(s);
        return true;
    }
}

size_t pdf_token_length(struct pdf_token *s)
{
    struct pdf_token look = *s;
    uint64_t length, generation;

    look.at += strlen("/Length");
    pdf_token_blank(&look);
    if (!pdf_token_number(&look, UINT32_MAX, &length))
        return SIZE_MAX;
    pdf_token_blank(&look);
    if (pdf_token_number(&look, 65535, &generation)) {
        pdf_token_blank(&look);
        if (pdf_token_peek(&look, 0) == 'R')
            return SIZE_MAX;
    }
    return (size_t)length;
}

/* --- streams --- */

static bool ends_stream(struct pdf_token *s)
{
    pdf_token_blank(s);
    if (!pdf_token_take(s, "endstream"))
        return false;
    pdf_token_blank(s);
    return pdf_token_is(s, "endobj");
}

static bool find_stream_end(struct pdf_token *s)
{
    for (;;) {
        const uint8_t *hit = memmem(s->file.p + s->at, s->file.n - s->at, "endstream", 9);
        struct pdf_token look = *s;

        if (!hit)
            return pdf_token_fail(s, "stream without an end");
        look.at = (size_t)(hit - s->file.p);
        if (ends_stream(&look)) {
            s->at = look.at;
            return true;
        }
        s->at = (size_t)(hit - s->file.p) + 9;
    }
}

bool pdf_token_stream(struct pdf_token *s, size_t length)
{
    if (pdf_token_peek(s, 0) == '\r')
        s->at++;
    if (pdf_token_peek(s, 0) != '\n')
        return pdf_token_fail(s, "stream keyword without line end");
    s->at++;
    if (length == SIZE_MAX)
        return find_stream_end(s);
    if (length > s->file.n - s->at)
        return pdf_token_fail(s, "stream longer than the file");
    s->at += length;
    return ends_stream(s) || pdf_token_fail(s, "stream does not end where its length says");
}
