/* The linear scan. It knows tokens, not meanings: objects, tables, trailers. Anything between
 * objects that is none of these is refused. */
#include "common/pdf_scan.h"

#include <stdlib.h>
#include <string.h>

#include "common/pdf_token.h"

struct scanner {
    struct pdf_token in;
    struct pdf_scan *scan;
    bool started; /* a startxref stands open: the next %%EOF ends a revision */
};

/* --- objects --- */

static bool is_hex(const uint8_t *digits, size_t n)
{
    static const uint8_t is_digit[256] = {['0' ... '9'] = 1, ['a' ... 'f'] = 1, ['A' ... 'F'] = 1};
    uint8_t all = 1;

    for (size_t i = 0; i < n; i++)
        all &= is_digit[digits[i]];
    return all;
}

/* What stands between `start` and here was one token. */
static void note_long(struct scanner *s, size_t start)
{
    struct pdf_scan_long hex = {start + 1, s->in.at - 1};
    struct pdf_scan *scan = s->scan;

    if (s->in.at - start >= PDF_SCAN_LONG_BYTES && s->in.file.p[start] == '<' &&
        scan->long_count < PDF_SCAN_MAX_LONG &&
        is_hex(s->in.file.p + hex.start, hex.end - hex.start))
        scan->longs[scan->long_count++] = hex;
}

/* From behind "obj" to behind "endobj". */
static bool skip_object(struct scanner *s)
{
    struct pdf_nesting nest = {.depth = 0};
    size_t length = SIZE_MAX;

    for (;;) {
        size_t start;

        pdf_token_blank(&s->in);
        if (nest.depth == 0 && pdf_token_take(&s->in, "endobj"))
            return true;
        if (nest.depth == 0 && pdf_token_take(&s->in, "stream")) {
            if (!pdf_token_stream(&s->in, length))
                return false;
            continue;
        }
        if (pdf_token_is(&s->in, "obj") || pdf_token_is(&s->in, "endobj") ||
            pdf_token_is(&s->in, "stream"))
            return pdf_token_fail(&s->in, "object inside an object");
        if (nest.depth == 1 && pdf_token_is(&s->in, "/Length"))
            length = pdf_token_length(&s->in);
        start = s->in.at;
        if (!pdf_token_skip(&s->in, &nest))
            return false;
        note_long(s, start);
    }
}

static bool grow(struct scanner *s, void **array, size_t *room, size_t count, size_t size)
{
    size_t wanted = *room ? *room * 2 : 64;
    void *bigger;

    if (count < *room)
        return true;
    if (count >= PDF_SCAN_MAX_OBJECTS || !(bigger = realloc(*array, wanted * size)))
        return pdf_token_fail(&s->in, "too many objects");
    *array = bigger;
    *room = wanted;
    return true;
}

static bool scan_object(struct scanner *s)
{
    struct pdf_scan_object object = {.start = s->in.at, .revision = s->scan->revisions};
    uint64_t number, generation;

    if (!pdf_token_number(&s->in, UINT32_MAX / 2, &number))
        return pdf_token_fail(&s->in, "object number too large");
    pdf_token_blank(&s->in);
    if (!pdf_token_number(&s->in, 65535, &generation))
        return pdf_token_fail(&s->in, "bytes that belong to no object");
    pdf_token_blank(&s->in);
    if (!pdf_token_take(&s->in, "obj"))
        return pdf_token_fail(&s->in, "bytes that belong to no object");
    if (!skip_object(s))
        return false;
    object.number = (uint32_t)number;
    object.generation = (uint32_t)generation;
    object.end = s->in.at;
    if (!grow(s, (void **)&s->scan->objects, &s->scan->object_room, s->scan->object_count,
              sizeof(object)))
        return false;
    s->scan->objects[s->scan->object_count++] = object;
    return true;
}

/* --- cross-reference tables and trailers --- */

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

    pdf_token_blank(&s->in);
    if (!pdf_token_number(&s->in, UINT64_C(9999999999), &offset))
        return pdf_token_fail(&s->in, "malformed cross-reference entry");
    pdf_token_blank(&s->in);
    if (!pdf_token_number(&s->in, 99999, &generation))
        return pdf_token_fail(&s->in, "malformed cross-reference entry");
    pdf_token_blank(&s->in);
    if (pdf_token_take(&s->in, "n"))
        return true;
    return pdf_token_take(&s->in, "f") ? note_free(s, number, table)
                                       : pdf_token_fail(&s->in, "malformed cross-reference entry");
}

static bool scan_table(struct scanner *s)
{
    size_t table = s->in.at;
    uint64_t first, count;

    s->in.at += strlen("xref");
    for (;;) {
        pdf_token_blank(&s->in);
        if (pdf_token_is(&s->in, "trailer"))
            return true;
        if (!pdf_token_number(&s->in, UINT32_MAX / 2, &first))
            return pdf_token_fail(&s->in, "malformed cross-reference table");
        pdf_token_blank(&s->in);
        if (!pdf_token_number(&s->in, PDF_SCAN_MAX_OBJECTS, &count))
            return pdf_token_fail(&s->in, "malformed cross-reference table");
        for (uint64_t i = 0; i < count; i++)
            if (!scan_entry(s, first + i, table))
                return false;
    }
}

static bool scan_trailer(struct scanner *s)
{
    struct pdf_nesting nest = {.depth = 0};

    s->in.at += strlen("trailer");
    do {
        pdf_token_blank(&s->in);
        if (!pdf_token_skip(&s->in, &nest))
            return false;
    } while (nest.depth > 0);
    return true;
}

static bool scan_start(struct scanner *s)
{
    uint64_t offset;

    s->in.at += strlen("startxref");
    pdf_token_blank(&s->in);
    if (!pdf_token_number(&s->in, s->in.file.n, &offset))
        return pdf_token_fail(&s->in, "malformed startxref");
    if (!grow(s, (void **)&s->scan->tables, &s->scan->table_room, s->scan->table_count,
              sizeof(*s->scan->tables)))
        return false;
    s->scan->tables[s->scan->table_count++] = (size_t)offset;
    s->started = true;
    return true;
}

static bool scan_item(struct scanner *s)
{
    if (pdf_token_digit(pdf_token_peek(&s->in, 0)))
        return scan_object(s);
    if (pdf_token_is(&s->in, "xref"))
        return scan_table(s);
    if (pdf_token_is(&s->in, "trailer"))
        return scan_trailer(s);
    if (pdf_token_is(&s->in, "startxref"))
        return scan_start(s);
    return pdf_token_fail(&s->in, "bytes that belong to no object");
}

/* --- repeated objects --- */

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
        return !pdf_token_fail(&s->in, "out of memory");
    if (n > 0)
        memcpy(sorted, s->scan->objects, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), by_number);
    for (size_t i = 1; i < n && !found; i++)
        found = sorted[i].number == sorted[i - 1].number &&
                sorted[i].revision == sorted[i - 1].revision;
    free(sorted);
    return found && !pdf_token_fail(&s->in, "an object number stands twice in one revision");
}

bool pdf_scan_file(struct bytes file, struct pdf_scan *ret_scan)
{
    struct scanner s = {.in = {.file = file}, .scan = ret_scan};
    bool sound = true;

    *ret_scan = (struct pdf_scan){0};
    for (;;) {
        if (pdf_token_blank(&s.in) > 0 && s.started) {
            ret_scan->revisions++;
            s.started = false;
        }
        if (s.in.at >= file.n || !sound)
            break;
        sound = scan_item(&s);
    }
    sound = sound && !repeats(&s);
    ret_scan->fault = s.in.fault;
    ret_scan->fault_at = s.in.fault_at;
    return sound && !s.in.fault;
}

void pdf_scan_done(struct pdf_scan *scan)
{
    free(scan->objects);
    free(scan->freed);
    free(scan->tables);
    *scan = (struct pdf_scan){0};
}
