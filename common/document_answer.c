/* The child's answer about a document. Believes none of its numbers: an answer that is not of the
 * agreed form, or that speaks of other signatures than the verified ones, is a finding itself. */
#include "common/document_answer.h"

/* By the bit's number. */
static const Trien__Error codes[PDF_CHILD_FINDINGS] = {
    TRIEN__ERROR__DOCUMENT_STRUCTURE,       /* PDF_CHILD_STRUCTURE */
    TRIEN__ERROR__DOCUMENT_BOMB,            /* PDF_CHILD_BOMB */
    TRIEN__ERROR__DOCUMENT_ENCRYPTED,       /* PDF_CHILD_ENCRYPTED */
    TRIEN__ERROR__REVISION_CHANGES_CONTENT, /* PDF_CHILD_CHANGES */
    TRIEN__ERROR__REQUEST_MISSING,          /* PDF_CHILD_REQUEST_MISSING */
    TRIEN__ERROR__REQUEST_DUPLICATED,       /* PDF_CHILD_REQUEST_DUPLICATED */
    TRIEN__ERROR__REQUEST_NOT_SIGNED,       /* PDF_CHILD_REQUEST_NOT_SIGNED */
    TRIEN__ERROR__SIGNATURE_INVALID,        /* PDF_CHILD_SIGNATURE */
};

static void find(struct document_answer *answer, Trien__Error code, const char *detail)
{
    answer->findings[answer->finding_count++] = (struct document_finding){code, detail};
}

/* What of it is printable ASCII. */
static const char *printable(struct arena *arena, const char detail[PDF_CHILD_DETAIL_BYTES])
{
    char *text = arena_strndup(arena, detail, PDF_CHILD_DETAIL_BYTES - 1);

    for (char *c = text; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    return text;
}

static bool same_signatures(const struct pdf_child_answer *said,
                            const struct pdf_child_signature *verified, size_t count)
{
    if (said->signature_count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct pdf_child_signature *seen = &said->signatures[i];

        if (seen->gap_start != verified[i].gap_start || seen->gap_end != verified[i].gap_end ||
            seen->covered_end != verified[i].covered_end ||
            (seen->is_time_stamp != 0) != (verified[i].is_time_stamp != 0))
            return false;
    }
    return true;
}

/* Of an answer that found nothing: why it is not believed, or NULL. */
static const char *fault_of(const struct pdf_child_answer *said, size_t behind,
                            const struct pdf_child_signature *verified, size_t count)
{
    if (said->magic != PDF_CHILD_MAGIC || said->findings != 0 || said->request_size != behind ||
        behind > PDF_CHILD_MAX_REQUEST_BYTES)
        return "the examination broke off";
    if (!same_signatures(said, verified, count))
        return "the parser sees other signatures than the bytes show";
    return NULL;
}

void document_answer_read(struct bytes child, const struct pdf_child_signature *verified,
                          size_t verified_count, struct arena *arena,
                          struct document_answer *ret_answer)
{
    struct document_answer answer = {0};
    struct pdf_child_answer said = {0};
    struct bytes behind = child;
    const char *fault;

    if (child.n >= sizeof(said)) {
        memcpy(&said, child.p, sizeof(said));
        behind = bytes_of(child.p + sizeof(said), child.n - sizeof(said));
    }
    for (size_t i = 0; i < PDF_CHILD_FINDINGS; i++)
        if (said.findings & 1u << i)
            find(&answer, codes[i], printable(arena, said.details[i]));
    fault = answer.finding_count ? NULL : fault_of(&said, behind.n, verified, verified_count);
    if (fault)
        find(&answer, TRIEN__ERROR__DOCUMENT_STRUCTURE, fault);
    if (answer.finding_count == 0)
        answer.request_json = behind;
    *ret_answer = answer;
}
