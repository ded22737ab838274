/* Raw scan for signatures. It understands ByteRange arrays, one hexadecimal string each and the
 * header; it refuses to understand anything else about PDF. */
#include "common/pdf_raw.h"

#include <stdbool.h>

#define BYTE_RANGE "/ByteRange"
#define END_OF_FILE "%%EOF"

static void refuse(struct pdf_raw *raw, Trien__Error code, size_t signature, const char *detail)
{
    for (size_t i = 0; i < raw->reason_count; i++)
        if (raw->reasons[i].code == code && raw->reasons[i].signature == signature)
            return;
    if (raw->reason_count < PDF_RAW_MAX_REASONS)
        raw->reasons[raw->reason_count++] =
            (struct pdf_raw_reason){code, (unsigned)signature, detail};
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == 0;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* -1 for anything that is no digit. A table: signatures are most of the digits there are. */
static int hex_value(uint8_t c)
{
    static const int8_t one_more[256] = {
        ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
        ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
        ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
        ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
    };

    return one_more[c] - 1;
}

static size_t skip_space(struct bytes file, size_t at)
{
    while (at < file.n && is_space(file.p[at]))
        at++;
    return at;
}

/* A plain non-negative integer that fits; anything else is no offset. */
static bool read_number(struct bytes file, size_t *at, size_t *ret_number)
{
    size_t number = 0, p = skip_space(file, *at), start = p;

    for (; p < file.n && is_digit(file.p[p]); p++)
        if (p - start >= 15)
            return false;
        else
            number = number * 10 + (size_t)(file.p[p] - '0');
    if (p == start || (p < file.n && !is_space(file.p[p]) && file.p[p] != ']'))
        return false;
    *at = p;
    *ret_number = number;
    return true;
}

/* "[n n n n]" at `at`. */
static bool read_range(struct bytes file, size_t at, size_t ret_range[4])
{
    at = skip_space(file, at);
    if (at >= file.n || file.p[at] != '[')
        return false;
    at++;
    for (int i = 0; i < 4; i++)
        if (!read_number(file, &at, &ret_range[i]))
            return false;
    at = skip_space(file, at);
    return at < file.n && file.p[at] == ']';
}

/* The word stands right before `at`, white space aside. */
static bool preceded_by(struct bytes file, size_t at, const char *word)
{
    size_t n = strlen(word);

    while (at > 0 && is_space(file.p[at - 1]))
        at--;
    return at >= n && memcmp(file.p + at - n, word, n) == 0;
}

static const char *gap_fault(struct bytes file, size_t start, size_t end)
{
    if (file.p[start] != '<' || file.p[end - 1] != '>')
        return "what the ByteRange leaves out is not one hexadecimal string";
    if ((end - start) % 2 != 0 || (end - start - 2) / 2 > PDF_RAW_MAX_CONTENTS_BYTES)
        return "the signature's room has an odd or too large size";
    for (size_t i = start + 1; i < end - 1; i++)
        if (hex_value(file.p[i]) < 0)
            return "what the ByteRange leaves out is not one hexadecimal string";
    if (!preceded_by(file, start, "/Contents"))
        return "what the ByteRange leaves out is not its /Contents";
    return NULL;
}

static bool ends_revision(struct bytes file, size_t end)
{
    size_t n = strlen(END_OF_FILE);

    if (end > 0 && file.p[end - 1] == '\n')
        end--;
    if (end > 0 && file.p[end - 1] == '\r')
        end--;
    return end >= n && memcmp(file.p + end - n, END_OF_FILE, n) == 0;
}

/* NULL when the range found at `at` is in order. */
static const char *range_fault(struct bytes file, size_t at,
                               struct pdf_raw_signature *ret_signature)
{
    size_t range[4], start, end, covered;
    const char *fault;

    if (!read_range(file, at, range))
        return "ByteRange is not four plain numbers";
    start = range[1];
    end = range[2];
    covered = range[2] + range[3]; /* both below 10^15 */
    if (range[0] != 0 || start + 2 > end || covered > file.n || range[3] == 0)
        return "ByteRange does not begin at 0, is out of order or reaches beyond the file";
    fault = gap_fault(file, start, end);
    if (fault)
        return fault;
    if (at >= covered || (at >= start && at < end))
        return "ByteRange does not cover itself";
    if (!ends_revision(file, covered))
        return "ByteRange does not end with a revision";
    *ret_signature = (struct pdf_raw_signature){start, end, covered};
    return NULL;
}

static void insert_by_end(struct pdf_raw *raw, struct pdf_raw_signature signature)
{
    size_t i = raw->signature_count++;

    for (; i > 0 && raw->signatures[i - 1].covered_end > signature.covered_end; i--)
        raw->signatures[i] = raw->signatures[i - 1];
    raw->signatures[i] = signature;
}

/* From one '/' to the next: memchr() is several times as fast as memmem(). */
static size_t find(struct bytes file, size_t from, const char *name)
{
    size_t n = strlen(name);

    while (from + n <= file.n) {
        const uint8_t *hit = memchr(file.p + from, '/', file.n - from - n + 1);

        if (!hit)
            break;
        if (memcmp(hit, name, n) == 0)
            return (size_t)(hit - file.p);
        from = (size_t)(hit - file.p) + 1;
    }
    return file.n;
}

static void collect(struct bytes file, struct pdf_raw *raw)
{
    const size_t word = strlen(BYTE_RANGE);
    size_t found = 0;

    for (size_t at = find(file, 0, BYTE_RANGE); at < file.n;
         at = find(file, at + word, BYTE_RANGE)) {
        struct pdf_raw_signature signature;
        const char *fault;

        if (++found > PDF_RAW_MAX_SIGNATURES) {
            raw->signature_count = 0;
            raw->reason_count = 0;
            refuse(raw, TRIEN__ERROR__DOCUMENT_STRUCTURE, 0, "too many signatures");
            return;
        }
        fault = range_fault(file, at + word, &signature);
        if (fault)
            refuse(raw, TRIEN__ERROR__SIGNATURE_COVERAGE, 0, fault);
        else
            insert_by_end(raw, signature);
    }
    if (found == 0)
        refuse(raw, TRIEN__ERROR__DOCUMENT_NOT_SIGNED, 0, "no ByteRange");
}

static bool is_all_zero(struct bytes file, size_t start, size_t end)
{
    for (size_t i = start; i < end; i++)
        if (file.p[i] != '0')
            return false;
    return true;
}

/* Signatures follow each other: each was made over everything the one before had left. */
static void check_order(struct bytes file, struct pdf_raw *raw)
{
    size_t end = 0;

    for (size_t i = 0; i < raw->signature_count; i++) {
        const struct pdf_raw_signature *s = &raw->signatures[i];

        if (s->gap_start < end)
            refuse(raw, TRIEN__ERROR__SIGNATURE_COVERAGE, i + 1,
                   "signature lies inside what an earlier one covers");
        if (is_all_zero(file, s->gap_start + 1, s->gap_end - 1))
            refuse(raw, TRIEN__ERROR__SIGNATURE_INVALID, i + 1, "empty signature");
        end = s->covered_end;
    }
    if (raw->signature_count > 0 && end != file.n)
        refuse(raw, TRIEN__ERROR__DOCUMENT_CHANGED_AFTER_SIGNING, 0,
               "bytes follow the last signature's range");
}

/* An encryption dictionary's entry in a trailer, reference or direct. */
static bool looks_encrypted(struct bytes file)
{
    static const char word[] = "/Encrypt";
    const size_t n = sizeof(word) - 1;

    for (size_t at = find(file, 0, word); at < file.n; at = find(file, at + n, word)) {
        size_t next = skip_space(file, at + n);

        if (next < file.n && (file.p[next] == '<' || (next > at + n && is_digit(file.p[next]))))
            return true;
    }
    return false;
}

void pdf_raw_scan(struct bytes file, struct pdf_raw *ret_raw)
{
    *ret_raw = (struct pdf_raw){0};
    if (file.n < 32 || (memcmp(file.p, "%PDF-1.", 7) != 0 && memcmp(file.p, "%PDF-2.", 7) != 0)) {
        refuse(ret_raw, TRIEN__ERROR__DOCUMENT_NOT_PDF, 0, "no PDF header at the first byte");
        return;
    }
    collect(file, ret_raw);
    check_order(file, ret_raw);
    if (looks_encrypted(file))
        refuse(ret_raw, TRIEN__ERROR__DOCUMENT_ENCRYPTED, 0, "encryption dictionary");
}

void pdf_raw_contents(struct bytes file, const struct pdf_raw_signature *signature,
                      uint8_t *ret_contents)
{
    for (size_t i = signature->gap_start + 1; i + 1 < signature->gap_end; i += 2)
        *ret_contents++ = (uint8_t)(hex_value(file.p[i]) << 4 | hex_value(file.p[i + 1]));
}
