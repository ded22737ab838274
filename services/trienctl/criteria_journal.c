/* What the journal proves: that it is whole, that nothing important is missing from it, and how
 * long revocations took. */
#include <inttypes.h>
#include <string.h>

#include "common/x509.h"
#include "services/trienctl/criteria.h"
#include "services/trienctl/evidence.h"

bool criteria_journal_is_whole(const struct evidence *evidence, struct finding *finding)
{
    if (evidence->events_beyond == 0)
        return true;
    finding_not_yet(finding,
                    "sổ nhật ký quá lớn: chỉ xét %zu sự kiện đầu, còn %" PRIu64 " sự kiện chưa xét",
                    evidence->event_count, evidence->events_beyond);
    return false;
}

static void note_types(const struct evidence *evidence, struct finding *finding)
{
    const char *text = "";

    for (size_t i = 0; i < evidence->type_count; i++)
        text = arena_printf(ctl_arena(), "%s%s%s %" PRIu64, text, i ? ", " : "",
                            evidence->types[i].name, evidence->types[i].count);
    finding_note(finding, "sự kiện đã ghi", "%s", text);
}

static void check_whole(const struct evidence *evidence, struct finding *finding)
{
    const struct audit_result *journal = &evidence->journal;

    finding_note(finding, "sổ nhật ký",
                 "%s: %" PRIu64 " mục, %" PRIu64 " điểm kiểm tra đã ký, điểm mới nhất %" PRIu64,
                 journal->origin, journal->entries, journal->checkpoints, journal->covered);
    for (size_t i = 0; i < journal->break_count; i++)
        finding_note(finding, "sổ mới",
                     "%s từ mục %" PRIu64 ": hai cán bộ %s và %s xác nhận mất các mục %" PRIu64
                     "–%" PRIu64 " của %s: %s",
                     journal->breaks[i].origin, journal->breaks[i].entry,
                     journal->breaks[i].officers[0], journal->breaks[i].officers[1],
                     journal->breaks[i].proved, journal->breaks[i].lost_size - 1,
                     journal->breaks[i].lost_origin, journal->breaks[i].reason);
    for (size_t i = 0; i < journal->finding_count && i < 5; i++)
        finding_fail(finding, "mục %" PRIu64 ": %s", journal->findings[i].first,
                     journal->findings[i].text);
    finding_note(finding, "bằng chứng bao hàm",
                 "%zu hỏi qua HTTP công khai, %zu đúng với gốc cây đã ký", evidence->proofs_tried,
                 evidence->proofs_hold);
    if (evidence->proofs_hold < evidence->proofs_tried)
        finding_fail(finding, "%zu bằng chứng bao hàm sai",
                     evidence->proofs_tried - evidence->proofs_hold);
    if (journal->covered == 0)
        finding_fail(finding, "chưa có điểm kiểm tra nào được ký");
}

/* Whatever signing and the public list know of must stand in the journal. */
static void check_nothing_missing(const struct evidence *evidence, struct finding *finding)
{
    size_t issued = 0, revoked = 0;

    for (size_t i = 0; i < evidence->certificate_count; i++) {
        const struct seen_certificate *seen = &evidence->certificates[i];
        X509_REVOKED *entry = NULL;

        if (evidence_find(evidence, SEEN_ISSUED, seen->serial))
            issued++;
        else if (!evidence_is_fresh(evidence, seen))
            finding_fail(finding, "không thấy CertificateIssued của chứng thư %s", seen->serial);
        if (!evidence->crl ||
            X509_CRL_get0_by_serial(evidence->crl, &entry, X509_get_serialNumber(seen->x509)) != 1)
            continue;
        if (evidence_find(evidence, SEEN_REVOKED, seen->serial))
            revoked++;
        else
            finding_fail(finding, "không thấy CertificateRevoked của chứng thư %s", seen->serial);
    }
    finding_note(finding, "đối chiếu", "%zu chứng thư đã cấp và %zu đã thu hồi đều có trong sổ",
                 issued, revoked);
}

void judge_journal(const struct evidence *evidence, struct finding *finding)
{
    if (!finding_has(finding, "sổ nhật ký", &evidence->journal_err) ||
        !finding_has(finding, "chứng thư thuê bao", &evidence->certificates_err))
        return;
    check_whole(evidence, finding);
    if (criteria_journal_is_whole(evidence, finding))
        check_nothing_missing(evidence, finding);
    note_types(evidence, finding);
}

/* --- 16.16-1c
 * ---------------------------------------------------------------------------------------
 */

/* How long one revocation took: an officer's none, a request's from its receipt. What a request is
 * said to have asked for and nobody authorised is no revocation at once. */
static usec time_taken(const struct evidence *evidence, const struct seen_event *revoked,
                       struct finding *finding)
{
    const struct seen_event *asked = evidence_find(evidence, SEEN_AUTHORIZED, revoked->asked_by);
    usec took = asked ? revoked->at - asked->asked_at : 0;

    if (!asked && !evidence->events_beyond && revoked->at < evidence->at - EVIDENCE_FRESH)
        finding_fail(finding,
                     "chứng thư %s: thu hồi theo yêu cầu %s mà sổ nhật ký không có phê duyệt",
                     revoked->name, revoked->asked_by);
    if (took > evidence->where.revocation_limit)
        finding_fail(finding, "chứng thư %s: thu hồi sau %.1f giờ kể từ khi nhận yêu cầu",
                     revoked->name, (double)took / 3.6e9);
    return took;
}

/* Nothing revokes by itself: what time ends is CertificateExpired, and on no list. */
static bool officer_acted(const struct seen_event *revoked, struct finding *finding)
{
    if (!*revoked->officer)
        finding_fail(finding, "chứng thư %s: thu hồi mà không có yêu cầu, cũng không có cán bộ nào",
                     revoked->name);
    return *revoked->officer != 0;
}

void judge_revocation_time(const struct evidence *evidence, struct finding *finding)
{
    usec longest = 0, took;
    size_t count = 0, at_once = 0;

    if (!finding_has(finding, "sổ nhật ký", &evidence->journal_err))
        return;
    for (size_t i = 0; i < evidence->event_count; i++) {
        if (evidence->events[i].kind != SEEN_REVOKED)
            continue;
        count++;
        if (!*evidence->events[i].asked_by) {
            at_once += officer_acted(&evidence->events[i], finding);
            continue;
        }
        took = time_taken(evidence, &evidence->events[i], finding);
        longest = took > longest ? took : longest;
    }
    finding_note(finding, "thu hồi",
                 "%zu lần, %zu do cán bộ thực hiện ngay; lâu nhất %.1f giây từ khi nhận yêu cầu; "
                 "giới hạn %.1f giờ",
                 count, at_once, (double)longest / 1e6,
                 (double)evidence->where.revocation_limit / 3.6e9);
    if (criteria_journal_is_whole(evidence, finding) && !count)
        finding_not_yet(finding, "chưa có chứng thư nào bị thu hồi");
}
