/* OCSP: form, status, contents, signature. */
#include <openssl/ocsp.h>
#include <string.h>

#include "services/trienctl/criteria.h"
#include "services/trienctl/evidence.h"

static const char *name_of(const struct seen_answer *answer)
{
    return answer->of ? answer->of->serial : "số chưa từng cấp";
}

static bool has_answers(const struct evidence *evidence, struct finding *finding)
{
    return finding_has(finding, "OCSP", &evidence->ocsp_err);
}

void judge_ocsp_messages(const struct evidence *evidence, struct finding *finding)
{
    if (!has_answers(evidence, finding))
        return;
    for (size_t i = 0; i < evidence->answer_count; i++) {
        const struct seen_answer *answer = &evidence->answers[i];

        if (answer->http_status != 200 ||
            answer->response_status != OCSP_RESPONSE_STATUS_SUCCESSFUL || !answer->is_basic)
            finding_fail(finding, "%s: HTTP %d, responseStatus %d", name_of(answer),
                         answer->http_status, answer->response_status);
    }
    finding_note(finding, "POST /ocsp", "%zu câu hỏi, successful, id-pkix-ocsp-basic",
                 evidence->answer_count);
    finding_note(finding, "câu hỏi sai dạng", "responseStatus %d", evidence->malformed_status);
    if (evidence->malformed_status != OCSP_RESPONSE_STATUS_MALFORMEDREQUEST)
        finding_fail(finding, "câu hỏi sai dạng không được trả lời malformedRequest");
}

/* A revocation is told before the next list has it. Of a journal that was not read whole its word
 * is taken: such an answer is judged "not yet" all the same. */
static const char *right_answer(const struct evidence *evidence, const struct seen_answer *answer)
{
    if (!answer->of)
        return "unknown";
    if (answer->on_list || evidence_find(evidence, SEEN_REVOKED, answer->of->serial))
        return "revoked";
    return evidence->events_beyond && strcmp(answer->said, "revoked") == 0 ? "revoked" : "good";
}

void judge_ocsp_answers(const struct evidence *evidence, struct finding *finding)
{
    size_t good = 0, revoked = 0;

    if (!has_answers(evidence, finding))
        return;
    for (size_t i = 0; i < evidence->answer_count; i++) {
        const struct seen_answer *answer = &evidence->answers[i];

        good += strcmp(answer->said, "good") == 0;
        revoked += strcmp(answer->said, "revoked") == 0;
        if (strcmp(answer->said, right_answer(evidence, answer)) != 0)
            finding_fail(finding, "%s: trả lời \"%s\", đúng phải là \"%s\"", name_of(answer),
                         answer->said, right_answer(evidence, answer));
        if (strcmp(answer->said, "revoked") == 0 && !answer->revoked_at)
            finding_fail(finding, "%s: thu hồi mà không có thời điểm", name_of(answer));
    }
    finding_note(finding, "trạng thái", "%zu good, %zu revoked (như trên CRL), số chưa cấp: %s",
                 good, revoked, evidence->answer_count ? evidence->answers[0].said : "");
    if (criteria_journal_is_whole(evidence, finding) && !good && !revoked)
        finding_not_yet(finding, "chưa có chứng thư nào để hỏi");
}

void judge_ocsp_contents(const struct evidence *evidence, struct finding *finding)
{
    if (!has_answers(evidence, finding))
        return;
    for (size_t i = 0; i < evidence->answer_count; i++) {
        const struct seen_answer *answer = &evidence->answers[i];

        if (!answer->names_it)
            finding_fail(finding, "%s: certID không phải chứng thư được hỏi", name_of(answer));
        if (!answer->this_update || !answer->next_update || !answer->produced_at)
            finding_fail(finding, "%s: thiếu thisUpdate, nextUpdate hoặc producedAt",
                         name_of(answer));
        else if (answer->next_update <= evidence->at)
            finding_fail(finding, "%s: câu trả lời đã hết hạn", name_of(answer));
    }
    finding_note(finding, "nội dung",
                 "%zu câu trả lời: certID (thuật toán, tên và khóa CA, số sê-ri), thisUpdate, "
                 "nextUpdate, producedAt",
                 evidence->answer_count);
}

void judge_ocsp_signed(const struct evidence *evidence, struct finding *finding)
{
    if (!has_answers(evidence, finding))
        return;
    for (size_t i = 0; i < evidence->answer_count; i++) {
        const struct seen_answer *answer = &evidence->answers[i];

        if (!answer->is_verified)
            finding_fail(finding, "%s: chữ ký không kiểm được tới CA gốc", name_of(answer));
        else if (!answer->is_delegated)
            finding_fail(finding, "%s: không ký bằng khóa ủy quyền OCSPSigning", name_of(answer));
        if (!answer->has_nonce)
            finding_fail(finding, "%s: nonce không được trả lại", name_of(answer));
    }
    finding_note(finding, "chữ ký",
                 "%zu câu trả lời: chứng thư ủy quyền có OCSPSigning, chuỗi tới CA gốc, nonce đúng",
                 evidence->answer_count);
}
