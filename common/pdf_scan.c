/* The linear scan. It knows tokens, not meanings: strings, names, brackets, streams, tables,
 * trailers. Anything between objects that is none of these is refused. */
#include "common/pdf_scan.h"

#include <stdlib.h>
#include <string.h>

struct scanner {
    struct bytes file;
    size_t at;
    struct pdf_scan *scan;
};

/* One dictionary's or array's worth of an object's syntax. */
struct nesting {
    uint8_t open[PDF_SCAN_MAX_NESTING]; /* '<' or '[' */
    size_t depth;
};

static bool fail(struct scanner *s, const char *fault)
{
    if (!s->scan->fault) {
        s->scan->fault = fault;
        s->scan->fault_at = s->at;
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

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static int peek(const struct scanner *s, size_t ahead)
{
    return s->at + ahead < s->file.n ? s->file.p[s->at + ahead] : -1;
}

static bool word_at(const struct scanner *s, const char *word)
{
    size_t n = strlen(word);
    int next;

    if (s->file.n - s->at < n || memcmp(s->file.p + s->at, word, n) != 0)
        return false;
    next = peek(s, n);
    return next < 0 || is_space(next) || is_delimiter(next);
}

static bool take_word(struct scanner *s, const char *word)
{
    if (!word_at(s, word))
        return false;
    s->at += strlen(word);
    return true;
}

/* White space and comments; a %%EOF comment ends a revision. */
static void skip_blank(struct scanner *s, bool between_objects)
{
    for (;;) {
        while (is_space(peek(s, 0)))
            s->at++;
        if (peek(s, 0) != '%')
            return;
        if (between_objects && s->file.n - s->at >= 5 && memcmp(s->file.p + s->at, "%%EOF", 5) == 0)
            s->scan->revisions++;
        while (peek(s, 0) >= 0 && peek(s, 0) != '\n' && peek(s, 0) != '\r')
            s->at++;
    }
}

static bool read_number(struct scanner *s, uint64_t limit, uint64_t *ret_number)
{
    uint64_t number = 0;
    size_t start = s->at;

    for (; is_digit(peek(s, 0)); s->at++) {
        number = number * 10 + (uint64_t)(peek(s, 0) - '0');
        if (number > limit)
            return false;
    }
    *ret_number = number;
    return s->at > start;
}

/* --- tokens inside an object
 * ---------------------------------------------------------------------------- */

static bool skip_string(struct scanner *s)
{
    size_t depth = 0;

    do {
        int c = peek(s, 0);

        if (c < 0)
            return fail(s, "string without an end");
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

static bool skip_hex(struct scanner *s)
{
    const uint8_t *end = memchr(s->file.p + s->at, '>', s->file.n - s->at);

    if (!end)
        return fail(s, "hexadecimal string without an end");
    s->at = (size_t)(end - s->file.p) + 1;
    return true;
}

static bool open_bracket(struct scanner *s, struct nesting *nest, uint8_t kind, size_t width)
{
    if (nest->depth == PDF_SCAN_MAX_NESTING)
        return fail(s, "nesting too deep");
    nest->open[nest->depth++] = kind;
    s->at += width;
    return true;
}

static bool close_bracket(struct scanner *s, struct nesting *nest, uint8_t kind, size_t width)
{
    if (nest->depth == 0 || nest->open[nest->depth - 1] != kind)
        return fail(s, "brackets do not match");
    nest->depth--;
    s->at += width;
    return true;
}

static void skip_regular(struct scanner *s)
{
    do
        s->at++;
    while (peek(s, 0) >= 0 && !is_space(peek(s, 0)) && !is_delimiter(peek(s, 0)));
}

/* One token; keywords at depth 0 are the caller's. */
static bool skip_token(struct scanner *s, struct nesting *nest)
{
    switch (peek(s, 0)) {
    case '(':
        return skip_string(s);
    case '<':
        if (peek(s, 1) == '<')
            return open_bracket(s, nest, '<', 2);
        return skip_hex(s);
    case '>':
        return peek(s, 1) == '>' ? close_bracket(s, nest, '<', 2) : fail(s, "stray '>'");
    case '[':
        return open_bracket(s, nest, '[', 1);
    case ']':
        return close_bracket(s, nest, '[', 1);
    case ')':
    case '{':
    case '}':
    case -1:
        return fail(s, "stray character in an object");
    default:
        skip_regular(s);
        return true;
    }
}

/* "/Length n" of a stream's dictionary; SIZE_MAX when it is a reference. */
static size_t read_length(struct scanner *s)
{
    struct scanner look = *s;
    uint64_t length, generation;

    look.at += strlen("/Length");
    skip_blank(&look, false);
    if (!read_number(&look, look.file.n, &length))
        return SIZE_MAX;
    skip_blank(&look, false);
    if (read_number(&look, 65535, &generation)) {
        skip_blank(&look, false);
        if (peek(&look, 0) == 'R')
            return SIZE_MAX;
    }
    return (size_t)length;
}

/* --- streams
 * -------------------------------------------------------------------------------------------- */

static bool ends_stream(struct scanner *s)
{
    skip_blank(s, false);
    if (!take_word(s, "endstream"))
        return false;
    skip_blank(s, false);
    return word_at(s, "endobj");
}

/* Without a length of its own: the first endstream that an endobj follows. What a stream hides
 * behind such a pair comes out as objects, and is then one too many. */
static bool find_stream_end(struct scanner *s)
{
    for (;;) {
        const uint8_t *hit = memmem(s->file.p + s->at, s->file.n - s->at, "endstream", 9);
        struct scanner look = *s;

        if (!hit)
            return fail(s, "stream without an end");
        look.at = (size_t)(hit - s->file.p);
        if (ends_stream(&look)) {
            s->at = look.at;
            return true;
        }
        s->at = (size_t)(hit - s->file.p) + 9;
    }
}

static bool skip_stream(struct scanner *s, size_t length)
{
    if (peek(s, 0) == '\r')
        s->at++;
    if (peek(s, 0) != '\n')
        return fail(s, "stream keyword without line end");
    s->at++;
    if (length == SIZE_MAX)
        return find_stream_end(s);
    if (length > s->file.n - s->at)
        return fail(s, "stream longer than the file");
    s->at += length;
    return ends_stream(s) || fail(s, "stream does not end where its length says");
}

/* --- objects
 * -------------------------------------------------------------------------------------------- */

/* From behind "obj" to behind "endobj". */
static bool skip_object(struct scanner *s)
{
    struct nesting nest = {.depth = 0};
    size_t length = SIZE_MAX;

    for (;;) {
        skip_blank(s, false);
        if (nest.depth == 0 && take_word(s, "endobj"))
            return true;
        if (nest.depth == 0 && take_word(s, "stream")) {
            if (!skip_stream(s, length))
                return false;
            continue;
        }
        if (word_at(s, "obj") || word_at(s, "endobj") || word_at(s, "stream"))
            return fail(s, "object inside an object");
        if (nest.depth == 1 && word_at(s, "/Length"))
            length = read_length(s);
        if (!skip_token(s, &nest))
            return false;
    }
}

static bool grow(struct scanner *s, void **array, size_t *room, size_t count, size_t size)
{
    size_t wanted = *room ? *room * 2 : 64;
    void *bigger;

    if (count < *room)
        return true;
    if (count >= PDF_SCAN_MAX_OBJECTS || !(bigger = realloc(*array, wanted * size)))
        return fail(s, "too many objects");
    *array = bigger;
    *room = wanted;
    return true;
}

static bool scan_object(struct scanner *s)
{
    struct pdf_scan_object object = {.start = s->at, .revision = s->scan->revisions};
    uint64_t number, generation;

    if (!read_number(s, UINT32_MAX / 2, &number))
        return fail(s, "object number too large");
    skip_blank(s, false);
    if (!read_number(s, 65535, &generation))
        return fail(s, "bytes that belong to no object");
    skip_blank(s, false);
    if (!take_word(s, "obj"))
        return fail(s, "bytes that belong to no object");
    if (!skip_object(s))
        return false;
    object.number = (uint32_t)number;
    object.generation = (uint32_t)generation;
    object.end = s->at;
    if (!grow(s, (void **)&s->scan->objects, &s->scan->object_room, s->scan->object_count,
              sizeof(object)))
        return false;
    s->scan->objects[s->scan->object_count++] = object;
    return true;
}

/* --- cross-reference tables and trailers
 * ---------------------------------------------------------------- */

static bool note_free(struct scanner *s, uint64_t number, size_t table)
{
    if (!grow(s, (void **)&s->scan->freed, &s->scan->freed_room, s->scan->freed_count,
              sizeof(*s->scan->freed)))
        return false;
    s->scan->freed[s->scan->freed_count++] = (struct pdf_scan_free){(uint32_t)number, table};
    return true;
}

static bool scan_entry(struct scanner *s, uint64_t number, size_t table)
{
    uint64_t offset, generation;

    skip_blank(s, false);
    if (!read_number(s, UINT64_C(9999999999), &offset))
        return fail(s, "malformed cross-reference entry");
    skip_blank(s, false);
    if (!read_number(s, 99999, &generation))
        return fail(s, "malformed cross-reference entry");
    skip_blank(s, false);
    if (take_word(s, "n"))
        return true;
    return take_word(s, "f") ? note_free(s, number, table)
                             : fail(s, "malformed cross-reference entry");
}

static bool scan_table(struct scanner *s)
{
    size_t table = s->at;
    uint64_t first, count;

    s->at += strlen("xref");
    for (;;) {
        skip_blank(s, false);
        if (word_at(s, "trailer"))
            return true;
        if (!read_number(s, UINT32_MAX / 2, &first))
            return fail(s, "malformed cross-reference table");
        skip_blank(s, false);
        if (!read_number(s, PDF_SCAN_MAX_OBJECTS, &count))
            return fail(s, "malformed cross-reference table");
        for (uint64_t i = 0; i < count; i++)
            if (!scan_entry(s, first + i, table))
                return false;
    }
}

static bool scan_trailer(struct scanner *s)
{
    struct nesting nest = {.depth = 0};

    s->at += strlen("trailer");
    do {
        skip_blank(s, false);
        if (!skip_token(s, &nest))
            return false;
    } while (nest.depth > 0);
    return true;
}

static bool scan_start(struct scanner *s)
{
    uint64_t offset;

    s->at += strlen("startxref");
    skip_blank(s, false);
    if (!read_number(s, s->file.n, &offset))
        return fail(s, "malformed startxref");
    if (!grow(s, (void **)&s->scan->tables, &s->scan->table_room, s->scan->table_count,
              sizeof(*s->scan->tables)))
        return false;
    s->scan->tables[s->scan->table_count++] = (size_t)offset;
    return true;
}

static bool scan_item(struct scanner *s)
{
    if (is_digit(peek(s, 0)))
        return scan_object(s);
    if (word_at(s, "xref"))
        return scan_table(s);
    if (word_at(s, "trailer"))
        return scan_trailer(s);
    if (word_at(s, "startxref"))
        return scan_start(s);
    return fail(s, "bytes that belong to no object");
}

/* --- repeated objects
 * ----------------------------------------------------------------------------------- */

static int by_number(const void *left, const void *right)
{
    const struct pdf_scan_object *a = left, *b = right;

    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    if (a->revision != b->revision)
        return a->revision < b->revision ? -1 : 1;
    return a->start < b->start ? -1 : a->start > b->start;
}

static bool repeats(struct scanner *s)
{
    size_t n = s->scan->object_count;
    struct pdf_scan_object *sorted = malloc((n ? n : 1) * sizeof(*sorted));
    bool found = false;

    if (!sorted)
        return !fail(s, "out of memory");
    if (n > 0)
        memcpy(sorted, s->scan->objects, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), by_number);
    for (size_t i = 1; i < n && !found; i++)
        found = sorted[i].number == sorted[i - 1].number &&
                sorted[i].revision == sorted[i - 1].revision;
    free(sorted);
    return found && !fail(s, "an object number stands twice in one revision");
}

bool pdf_scan_file(struct bytes file, struct pdf_scan *ret_scan)
{
    struct scanner s = {.file = file, .scan = ret_scan};

    *ret_scan = (struct pdf_scan){0};
    for (skip_blank(&s, true); s.at < file.n; skip_blank(&s, true))
        if (!scan_item(&s))
            return false;
    return !repeats(&s) && !ret_scan->fault;
}

void pdf_scan_done(struct pdf_scan *scan)
{
    free(scan->objects);
    free(scan->freed);
    free(scan->tables);
    *scan = (struct pdf_scan){0};
}
