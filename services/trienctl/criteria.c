/* Which program answers which criterion, and what is said of those that none answers. Every
 * criterion of the decision gets a verdict; nothing is passed over in silence. */
#include "services/trienctl/criteria.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *const verdict_names[] = {"pass", "fail", "not_applicable", "not_yet"};
const char *const verdict_names_vi[] = {"đạt", "KHÔNG ĐẠT", "không áp dụng", "chưa xét"};

/* --- the tables ----------------------------------------------------------------------------------
 */

static const struct evaluator {
    const char *id;
    void (*fn)(const struct evidence *evidence, struct finding *finding);
} evaluators[] = {
    {"13.20-2", judge_journal},       {"14.11-2c", judge_key_lengths},
    {"14.13-1", judge_ca_published},  {"14.13-2", judge_ca_genuine},
    {"14.14-3", judge_ca_key_use},    {"16.14-5", judge_possession},
    {"16.15-3", judge_repository},    {"16.16-1c", judge_revocation_time},
    {"16.16-1d", judge_list_cycle},   {"16.18-2a", judge_list_signed},
    {"16.18-2b", judge_list_regular}, {"16.18-2c", judge_list_kept},
    {"16.18-3", judge_formats},       {"16.18-4a", judge_ocsp_messages},
    {"16.18-4b", judge_ocsp_answers}, {"16.18-4c", judge_ocsp_contents},
    {"16.18-4d", judge_ocsp_signed},
};

/* Criteria that put their sub-list together: as bad as the worst of it. */
static const char *const roll_ups[] = {"16.18-2", "16.18-4"};

/* What this authority does not offer. A prefix names the group; the first row that fits counts. */
static const struct {
    const char *prefix, *reason_vi;
} not_offered[] = {
    {"14.18-", "CA không ủy thác khóa của mình cho bên khác giữ"},
    {"15.12-",
     "CA không lưu bản sao khóa bí mật của thuê bao: khóa được tạo và ở lại trong thiết bị "
     "của thuê bao"},
    {"16.16-4", "thuê bao không ủy quyền cho CA giữ khóa bí mật"},
    {"16.17-", "dịch vụ tạm dừng chứng thư không được cung cấp"},
    {"16.14-2", "chứng thư chuyên dùng công vụ được cấp theo văn bản đề nghị, không theo hợp đồng"},
    {"16.14-3", "chứng thư chuyên dùng công vụ được cấp theo văn bản đề nghị, không theo hợp đồng"},
    {"13.12-1", "hồ sơ cấp phép chứng thực chữ ký số công cộng không áp dụng cho CA của Nhà nước"},
};

static const char *const not_yet_vi[] = {
    [CRITERION_AUTOMATIC] = "hệ thống chưa có bằng chứng để xét tự động",
    [CRITERION_DOCUMENT] = "xét trên tài liệu; người đánh giá ghi kết quả",
    [CRITERION_MANUAL] = "xét tại chỗ; người đánh giá ghi kết quả",
};

/* --- findings ------------------------------------------------------------------------------------
 */

static const char *format_text(const char *format, va_list arguments)
{
    char text[4096];

    vsnprintf(text, sizeof(text), format, arguments);
    return arena_strdup(ctl_arena(), text);
}

void finding_note(struct finding *finding, const char *what, const char *format, ...)
{
    va_list arguments;
    const char *value;

    va_start(arguments, format);
    value = format_text(format, arguments);
    va_end(arguments);
    json_array_append_new(finding->evidence,
                          json_pack("{s:s, s:s, s:s}", "what", what, "value", value, "at",
                                    clock_utc_text(ctl_arena(), clock_now())));
}

void finding_fail(struct finding *finding, const char *format, ...)
{
    va_list arguments;
    const char *reason;

    va_start(arguments, format);
    reason = format_text(format, arguments);
    va_end(arguments);
    finding->reason_vi = finding->verdict == VERDICT_FAIL
                             ? arena_printf(ctl_arena(), "%.1000s; %s", finding->reason_vi, reason)
                             : reason;
    finding->verdict = VERDICT_FAIL;
}

void finding_not_yet(struct finding *finding, const char *format, ...)
{
    va_list arguments;

    if (finding->verdict == VERDICT_FAIL)
        return;
    va_start(arguments, format);
    finding->reason_vi = format_text(format, arguments);
    va_end(arguments);
    finding->verdict = VERDICT_NOT_YET;
}

bool finding_has(struct finding *finding, const char *what, const struct err *why)
{
    if (why->code == 0)
        return true;
    finding_fail(finding, "không đọc được %s: %s", what,
                 *why->detail ? why->detail : err_entry(why->code)->vi);
    return false;
}

/* --- judging -------------------------------------------------------------------------------------
 */

static bool judge_by_program(const struct evidence *evidence, struct finding *finding)
{
    for (size_t i = 0; i < COUNT_OF(evaluators); i++)
        if (strcmp(evaluators[i].id, finding->criterion->id) == 0) {
            evaluators[i].fn(evidence, finding);
            return true;
        }
    return false;
}

static bool is_not_offered(struct finding *finding)
{
    const char *id = finding->criterion->id;

    for (size_t i = 0; i < COUNT_OF(not_offered); i++) {
        const char *prefix = not_offered[i].prefix;
        size_t length = strlen(prefix);

        if (prefix[length - 1] == '-' ? strncmp(id, prefix, length) == 0 : !strcmp(id, prefix)) {
            finding->verdict = VERDICT_NOT_APPLICABLE;
            finding->reason_vi = not_offered[i].reason_vi;
            return true;
        }
    }
    return false;
}

static void judge(const struct evidence *evidence, struct finding *finding)
{
    if (judge_by_program(evidence, finding) || is_not_offered(finding))
        return;
    finding->verdict = VERDICT_NOT_YET;
    finding->reason_vi = not_yet_vi[finding->criterion->kind];
}

static bool is_roll_up(const char *id)
{
    for (size_t i = 0; i < COUNT_OF(roll_ups); i++)
        if (strcmp(roll_ups[i], id) == 0)
            return true;
    return false;
}

/* The rows behind it that belong to it: 16.18-4 has 16.18-4a, 16.18-4b … */
static void roll_up(struct finding *row, const struct finding *end)
{
    size_t length = strlen(row->criterion->id);

    row->verdict = VERDICT_PASS;
    row->reason_vi = "";
    for (const struct finding *sub = row + 1;
         sub < end && strncmp(sub->criterion->id, row->criterion->id, length) == 0; sub++) {
        finding_note(row, sub->criterion->id, "%s", verdict_names_vi[sub->verdict]);
        if (sub->verdict == VERDICT_FAIL)
            finding_fail(row, "%s không đạt", sub->criterion->id);
        else if (sub->verdict == VERDICT_NOT_YET)
            finding_not_yet(row, "%s chưa xét được", sub->criterion->id);
    }
}

void criteria_judge(const struct decision *decision, const bool *chosen,
                    const struct evidence *evidence, struct findings *ret_findings)
{
    struct findings findings = {
        .decision = decision,
        .rows = ARENA_ARRAY(ctl_arena(), struct finding, decision->criterion_count),
    };

    for (size_t i = 0; i < decision->criterion_count; i++) {
        struct finding *row = &findings.rows[findings.count];

        if (chosen && !chosen[i])
            continue;
        *row = (struct finding){
            .criterion = &decision->criteria[i], .reason_vi = "", .evidence = json_array()};
        judge(evidence, row);
        findings.count++;
    }
    for (size_t i = 0; i < findings.count; i++)
        if (is_roll_up(findings.rows[i].criterion->id))
            roll_up(&findings.rows[i], findings.rows + findings.count);
    for (size_t i = 0; i < findings.count; i++)
        findings.by_verdict[findings.rows[i].verdict]++;
    *ret_findings = findings;
}

void criteria_free(struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        json_decref(findings->rows[i].evidence);
    findings->count = 0;
}

/* "16.18" takes the item's, "16.18-2" that and its sub-list; "16.*" takes what begins so. */
static bool takes(const char *pattern, size_t length, const char *id)
{
    if (pattern[length - 1] == '*')
        return strncmp(pattern, id, length - 1) == 0;
    return strncmp(pattern, id, length) == 0 &&
           (id[length] == 0 || id[length] == '-' || (id[length] >= 'a' && id[length] <= 'z'));
}

enum rc criteria_choose(const struct decision *decision, const char *text, struct err *err,
                        bool *chosen)
{
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ","), found = 0;

        for (size_t i = 0; length && i < decision->criterion_count; i++)
            if (takes(at, length, decision->criteria[i].id)) {
                chosen[i] = true;
                found++;
            }
        CHECK(found, err, TRIEN__ERROR__FIELD_INVALID, "%s has no criterion \"%.*s\"",
              decision->number, (int)(length < 40 ? length : 40), at);
        at += length;
        if (!*at)
            return RC_OK;
    }
}
