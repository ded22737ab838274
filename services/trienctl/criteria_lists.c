/* Revocation lists: signed, regular, kept, in the right form. */
#include "common/x509.h"
#include "services/trienctl/criteria.h"
#include "services/trienctl/evidence.h"

static const char *when(usec at)
{
    return clock_utc_text(ctl_arena(), at);
}

static const char *list_number(X509_CRL *crl)
{
    ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
    const char *text = number ? x509_serial_hex(ctl_arena(), number) : NULL;

    ASN1_INTEGER_free(number);
    return text;
}

void judge_list_signed(const struct evidence *evidence, struct finding *finding)
{
    usec this_update;

    if (!finding_has(finding, "chứng thư CA", &evidence->authorities_err) ||
        !finding_has(finding, "danh sách thu hồi", &evidence->crl_err))
        return;
    this_update = x509_time_us(X509_CRL_get0_lastUpdate(evidence->crl));
    finding_note(finding, "CRL công khai", "CA %s, số 0x%s, phát hành %s", evidence->issuer,
                 list_number(evidence->crl) ? list_number(evidence->crl) : "?", when(this_update));
    if (X509_CRL_verify(evidence->crl, X509_get0_pubkey(evidence->issuing)) != 1)
        finding_fail(finding, "chữ ký trên CRL không phải của CA");
    else
        finding_note(finding, "chữ ký", "đúng, bằng khóa trong chứng thư CA công bố");
    if (X509_NAME_cmp(X509_CRL_get_issuer(evidence->crl),
                      X509_get_subject_name(evidence->issuing)) != 0)
        finding_fail(finding, "CRL mang tên cơ quan khác");
    if (this_update > evidence->at + 60 * USEC_PER_SECOND)
        finding_fail(finding, "thời điểm phát hành nằm trong tương lai");
    ERR_clear_error();
}

/* Every list came before the one before it ran out, and numbers only grow. */
static void check_history(const struct evidence *evidence, struct finding *finding)
{
    usec longest = 0;

    for (size_t i = 1; i < evidence->list_count; i++) {
        const struct seen_list *newer = &evidence->lists[i - 1], *older = &evidence->lists[i];
        usec gap = newer->this_update - older->this_update;

        longest = gap > longest ? gap : longest;
        if (newer->number <= older->number)
            finding_fail(finding, "số CRL không tăng: %llu sau %llu",
                         (unsigned long long)newer->number, (unsigned long long)older->number);
        if (newer->this_update > older->next_update)
            finding_fail(finding, "CRL số %llu ra sau khi CRL trước hết hạn",
                         (unsigned long long)newer->number);
    }
    finding_note(finding, "lịch sử CRL", "%zu danh sách, khoảng cách dài nhất %.0f giây",
                 evidence->list_count, (double)longest / 1e6);
}

static bool has_history(const struct evidence *evidence, struct finding *finding)
{
    if (!finding_has(finding, "lịch sử danh sách thu hồi", &evidence->lists_err))
        return false;
    if (evidence->list_count == 0)
        finding_fail(finding, "chưa ban hành danh sách thu hồi nào");
    return evidence->list_count > 0;
}

void judge_list_cycle(const struct evidence *evidence, struct finding *finding)
{
    const struct seen_list *newest = &evidence->lists[0];

    if (!has_history(evidence, finding))
        return;
    finding_note(finding, "CRL mới nhất", "số %llu, từ %s đến %s, %llu dòng",
                 (unsigned long long)newest->number, when(newest->this_update),
                 when(newest->next_update), (unsigned long long)newest->entries);
    if (newest->next_update <= evidence->at)
        finding_fail(finding, "CRL mới nhất đã hết hạn");
    check_history(evidence, finding);
    if (evidence->list_count < 2)
        finding_not_yet(finding, "mới có một danh sách, chưa thấy chu kỳ cập nhật");
}

void judge_list_regular(const struct evidence *evidence, struct finding *finding)
{
    size_t unchanged = 0;

    if (!has_history(evidence, finding))
        return;
    for (size_t i = 1; i < evidence->list_count; i++)
        unchanged += evidence->lists[i - 1].entries == evidence->lists[i].entries;
    check_history(evidence, finding);
    finding_note(finding, "không có thay đổi", "%zu danh sách ban hành với cùng số dòng như trước",
                 unchanged);
    if (evidence->lists[0].next_update <= evidence->at)
        finding_fail(finding, "CRL mới nhất đã hết hạn");
    if (!unchanged)
        finding_not_yet(finding, "chưa có danh sách nào ban hành khi không có thay đổi");
}

void judge_list_kept(const struct evidence *evidence, struct finding *finding)
{
    const struct seen_list *oldest;

    if (!has_history(evidence, finding) ||
        !finding_has(finding, "danh sách cũ nhất", &evidence->oldest_err))
        return;
    oldest = &evidence->lists[evidence->list_count - 1];
    finding_note(finding, "CRL cũ nhất còn giữ", "số %llu, phát hành %s, %s",
                 (unsigned long long)oldest->number, when(oldest->this_update),
                 evidence->oldest_is_same ? "nguyên vẹn" : "KHÔNG như khi ban hành");
    if (!evidence->oldest_is_same)
        finding_fail(finding, "CRL số %llu không còn như khi ban hành",
                     (unsigned long long)oldest->number);
    if (oldest->number > 1 && evidence->list_count < EVIDENCE_MAX_LISTS)
        finding_note(finding, "các số trước", "không còn trong lịch sử dịch vụ thu hồi");
}

static bool is_strong(int signature_nid)
{
    int digest = NID_undef, key = NID_undef;

    return OBJ_find_sigid_algs(signature_nid, &digest, &key) == 1 &&
           (digest == NID_sha256 || digest == NID_sha384 || digest == NID_sha512 ||
            digest == NID_undef); /* PSS: its digest stands in the parameters */
}

/* RFC 5280 5.1.2 and 5.2. */
static void check_list_form(X509_CRL *crl, struct finding *finding)
{
    if (X509_CRL_get_version(crl) != 1)
        finding_fail(finding, "CRL không phải phiên bản 2");
    if (!X509_CRL_get0_nextUpdate(crl))
        finding_fail(finding, "CRL không có nextUpdate");
    if (!list_number(crl))
        finding_fail(finding, "CRL không có cRLNumber");
    if (X509_CRL_get_ext_by_NID(crl, NID_authority_key_identifier, -1) < 0)
        finding_fail(finding, "CRL không có authorityKeyIdentifier");
    if (!is_strong(X509_CRL_get_signature_nid(crl)))
        finding_fail(finding, "CRL ký bằng thuật toán băm yếu");
    finding_note(finding, "CRL", "RFC 5280: v2, nextUpdate, cRLNumber, authorityKeyIdentifier, %s",
                 OBJ_nid2ln(X509_CRL_get_signature_nid(crl)));
}

void judge_formats(const struct evidence *evidence, struct finding *finding)
{
    if (!finding_has(finding, "danh sách thu hồi", &evidence->crl_err) ||
        !finding_has(finding, "OCSP", &evidence->ocsp_err))
        return;
    check_list_form(evidence->crl, finding);
    for (size_t i = 0; i < evidence->answer_count; i++)
        if (!evidence->answers[i].is_basic)
            finding_fail(finding, "câu trả lời OCSP thứ %zu không phải id-pkix-ocsp-basic", i + 1);
    finding_note(finding, "OCSP", "RFC 6960: %zu câu trả lời id-pkix-ocsp-basic",
                 evidence->answer_count);
}
