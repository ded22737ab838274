/* What the authority publishes: its keys, the subscribers' certificates. Asked over HTTP as anybody
 * would. */
#include "services/trienctl/criteria.h"
#include "services/trienctl/evidence.h"

#include "common/x509.h"

static const char *fingerprint(X509 *certificate)
{
    uint8_t digest[32];
    unsigned length = sizeof(digest);

    X509_digest(certificate, EVP_sha256(), digest, &length);
    return bytes_to_hex(ctl_arena(), bytes_of(digest, sizeof(digest)));
}

void judge_ca_published(const struct evidence *evidence, struct finding *finding)
{
    if (!finding_has(finding, "chứng thư CA", &evidence->authorities_err))
        return;
    finding_note(finding, "GET /ca/root.cer", "200, SHA-256 %s", fingerprint(evidence->root));
    finding_note(finding, "GET /ca/issuing.cer", "200, SHA-256 %s", fingerprint(evidence->issuing));
}

void judge_ca_genuine(const struct evidence *evidence, struct finding *finding)
{
    if (!finding_has(finding, "chứng thư CA", &evidence->authorities_err))
        return;
    if (!evidence->given_root) {
        finding_not_yet(finding, "không có chứng thư gốc nhận qua kênh khác để đối chiếu (%s)",
                        evidence->where.root_file);
        return;
    }
    finding_note(finding, evidence->where.root_file, "SHA-256 %s",
                 fingerprint(evidence->given_root));
    if (X509_cmp(evidence->given_root, evidence->root) != 0)
        finding_fail(finding, "chứng thư gốc công bố không phải chứng thư gốc đã nhận");
    if (X509_verify(evidence->root, X509_get0_pubkey(evidence->root)) != 1)
        finding_fail(finding, "chữ ký của chứng thư gốc không đúng");
    if (X509_verify(evidence->issuing, X509_get0_pubkey(evidence->root)) != 1)
        finding_fail(finding, "chứng thư CA cấp phát không do CA gốc ký");
    else
        finding_note(finding, "CA cấp phát", "chữ ký của CA gốc đúng");
    ERR_clear_error();
}

void judge_repository(const struct evidence *evidence, struct finding *finding)
{
    size_t asked = 0, open = 0, hidden = 0;

    if (!finding_has(finding, "kho chứng thư CA", &evidence->authorities_err) ||
        !finding_has(finding, "danh sách thu hồi", &evidence->crl_err) ||
        !finding_has(finding, "chứng thư thuê bao", &evidence->certificates_err))
        return;
    for (size_t i = 0; i < evidence->certificate_count; i++) {
        const struct seen_certificate *seen = &evidence->certificates[i];

        asked += seen->published != 0;
        open += seen->published == 200;
        hidden += seen->published == 404;
        if (seen->published && seen->published != 200 && seen->published != 404)
            finding_fail(finding, "GET /certificates/%s.cer: %d", seen->serial, seen->published);
    }
    finding_note(finding, "kho công khai", "/ca, /crl và /certificates trả lời lúc kiểm tra");
    finding_note(finding, "chứng thư thuê bao",
                 "đã hỏi %zu: %zu công khai, %zu chưa công bố (chờ thuê bao xác nhận, 16.15-2)",
                 asked, open, hidden);
    if (!open && finding->verdict == VERDICT_PASS)
        finding_not_yet(finding, "kho trả lời nhưng chưa có chứng thư thuê bao nào được công bố");
}
