/* Keys: whose they are, how long they are, what the authority's own is used for. */
#include <stdlib.h>
#include <string.h>

#include "common/x509.h"
#include "services/trienctl/criteria.h"
#include "services/trienctl/evidence.h"

#define SECONDS_A_YEAR (365.25 * 86400)

/* --- 16.14-5: unique, and possessed
 * -----------------------------------------------------------------
 */

static int by_key(const void *left, const void *right)
{
    const struct seen_certificate *const *a = left, *const *b = right;

    return memcmp((*a)->key_sha256, (*b)->key_sha256, 32);
}

/* One key may come back in renewals for the same subject, never for another. */
static void check_unique(const struct evidence *evidence, struct finding *finding)
{
    size_t count = evidence->certificate_count;
    const struct seen_certificate **sorted =
        ARENA_ARRAY(ctl_arena(), const struct seen_certificate *, count + 1);

    for (size_t i = 0; i < count; i++)
        sorted[i] = &evidence->certificates[i];
    qsort(sorted, count, sizeof(*sorted), by_key);
    for (size_t i = 1; i < count; i++)
        if (by_key(&sorted[i - 1], &sorted[i]) == 0 &&
            X509_NAME_cmp(X509_get_subject_name(sorted[i - 1]->x509),
                          X509_get_subject_name(sorted[i]->x509)) != 0)
            finding_fail(finding, "chứng thư %s và %s của hai chủ thể có cùng một khóa",
                         sorted[i - 1]->serial, sorted[i]->serial);
}

/* How possession was shown. */
struct possession {
    size_t by_csr, by_device, on_the_way;
};

/* The request that was signed for this order still proves possession of the certified key. */
static void check_csr(const struct seen_certificate *seen, struct bytes csr_der,
                      struct finding *finding, struct possession *shown)
{
    struct x509_csr csr;
    struct err err = {0};

    if (x509_csr_check(ctl_arena(), csr_der, &err, &csr) != RC_OK)
        finding_fail(finding, "chứng thư %s: yêu cầu ký (CSR) không chứng minh được khóa: %s",
                     seen->serial, err.detail);
    else if (memcmp(csr.key_sha256, seen->key_sha256, 32) != 0)
        finding_fail(finding, "chứng thư %s không mang khóa trong CSR", seen->serial);
    else
        shown->by_csr++;
}

/* A key without CSR in the journal was made in the very device that was assigned to the order
 * before: signing takes no other, and only with the device's own CSR and its station's word. */
static void check_device(const struct evidence *evidence, const struct seen_certificate *seen,
                         struct finding *finding, struct possession *shown)
{
    const struct seen_event *issued = evidence_find(evidence, SEEN_ISSUED, seen->serial);
    const struct seen_event *device =
        issued && issued->device ? evidence_find(evidence, SEEN_DEVICE, issued->device) : NULL;

    if (device && device->at <= issued->at + EVIDENCE_FRESH) /* clocks of two hosts */
        shown->by_device++;
    else if (evidence_is_fresh(evidence, seen))
        shown->on_the_way++;
    else if (!evidence->events_beyond)
        finding_fail(finding,
                     "chứng thư %s: sổ nhật ký không có CSR, cũng không có thiết bị nào được giao "
                     "cho lệnh này trước khi cấp",
                     seen->serial);
}

static void check_possession(const struct evidence *evidence, struct finding *finding,
                             struct possession *shown)
{
    for (size_t i = 0; i < evidence->certificate_count; i++) {
        const struct seen_certificate *seen = &evidence->certificates[i];
        const struct seen_event *item = evidence_find(evidence, SEEN_ITEM, seen->order_id);

        if (item && item->csr_der.n)
            check_csr(seen, item->csr_der, finding, shown);
        else
            check_device(evidence, seen, finding, shown);
    }
}

void judge_possession(const struct evidence *evidence, struct finding *finding)
{
    struct possession shown = {0};

    if (!finding_has(finding, "chứng thư thuê bao", &evidence->certificates_err) ||
        !finding_has(finding, "sổ nhật ký", &evidence->journal_err))
        return;
    if (!evidence->certificate_count) {
        finding_not_yet(finding, "chưa cấp chứng thư nào");
        return;
    }
    check_unique(evidence, finding);
    check_possession(evidence, finding, &shown);
    criteria_journal_is_whole(evidence, finding);
    finding_note(finding, "khóa công khai", "%zu chứng thư%s, không khóa nào của hai chủ thể",
                 evidence->certificate_count,
                 evidence->more_certificates ? " đầu tiên" : " (tất cả)");
    finding_note(finding, "CSR trong sổ nhật ký",
                 "%zu chứng thư: chữ ký của CSR đúng và khóa là khóa được chứng nhận",
                 shown.by_csr);
    finding_note(
        finding, "khóa tạo trên thiết bị",
        "%zu chứng thư: thiết bị được giao cho lệnh trước khi cấp, theo sổ nhật ký; CSR do "
        "thiết bị ký được kiểm trước khi ghi lệnh cấp",
        shown.by_device);
    if (shown.on_the_way)
        finding_note(finding, "vừa cấp", "%zu chứng thư chưa kịp có trong sổ nhật ký",
                     shown.on_the_way);
}

/* --- 14.11-2c: lengths
 * ----------------------------------------------------------------------------
 */

static double years_of(X509 *certificate)
{
    int days = 0, seconds = 0;

    ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(certificate),
                   X509_get0_notAfter(certificate));
    return (days * 86400.0 + seconds) / SECONDS_A_YEAR;
}

static const char *key_text(X509 *certificate)
{
    EVP_PKEY *key = X509_get0_pubkey(certificate);

    return arena_printf(ctl_arena(), "%s, mức an toàn %d bit, hiệu lực %.1f năm",
                        x509_key_kind(ctl_arena(), key), EVP_PKEY_get_security_bits(key),
                        years_of(certificate));
}

/* NIST SP 800-57 part 1: 112 bits are enough to 2030, 128 beyond. */
static void check_authority(struct finding *finding, const char *name, X509 *certificate)
{
    int bits = EVP_PKEY_get_security_bits(X509_get0_pubkey(certificate));
    int needed = years_of(certificate) > 5 ? 128 : 112;

    finding_note(finding, name, "%s", key_text(certificate));
    if (bits < needed)
        finding_fail(finding, "%s: mức an toàn %d bit, thời hạn này cần %d", name, bits, needed);
}

void judge_key_lengths(const struct evidence *evidence, struct finding *finding)
{
    int authority, strongest = 0;

    if (!finding_has(finding, "chứng thư CA", &evidence->authorities_err) ||
        !finding_has(finding, "chứng thư thuê bao", &evidence->certificates_err))
        return;
    check_authority(finding, "CA gốc", evidence->root);
    check_authority(finding, "CA cấp phát", evidence->issuing);
    authority = EVP_PKEY_get_security_bits(X509_get0_pubkey(evidence->issuing));
    for (size_t i = 0; i < evidence->certificate_count; i++) {
        const struct seen_certificate *seen = &evidence->certificates[i];
        int bits = EVP_PKEY_get_security_bits(X509_get0_pubkey(seen->x509));

        strongest = bits > strongest ? bits : strongest;
        if (bits > authority)
            finding_fail(finding, "chứng thư %s: khóa %d bit an toàn hơn khóa CA %d bit",
                         seen->serial, bits, authority);
    }
    finding_note(finding, "khóa thuê bao", "%zu chứng thư, cao nhất %d bit an toàn, CA %d bit",
                 evidence->certificate_count, strongest, authority);
}

/* --- 14.14-3: what the key is for
 * -------------------------------------------------------------------
 */

static void check_usage(struct finding *finding, const char *name, X509 *certificate)
{
    uint32_t usage = X509_get_key_usage(certificate);

    if (usage == UINT32_MAX || (usage & ~(uint32_t)(KU_KEY_CERT_SIGN | KU_CRL_SIGN)))
        finding_fail(finding, "%s: keyUsage cho phép việc khác ngoài ký chứng thư và CRL", name);
    else
        finding_note(finding, name, "keyUsage: %s%s", usage & KU_KEY_CERT_SIGN ? "keyCertSign" : "",
                     usage & KU_CRL_SIGN ? ", cRLSign" : "");
}

void judge_ca_key_use(const struct evidence *evidence, struct finding *finding)
{
    size_t delegated = 0, by_ca = 0, wrong = 0;

    if (!finding_has(finding, "chứng thư CA", &evidence->authorities_err) ||
        !finding_has(finding, "chứng thư thuê bao", &evidence->certificates_err) ||
        !finding_has(finding, "OCSP", &evidence->ocsp_err))
        return;
    check_usage(finding, "CA gốc", evidence->root);
    check_usage(finding, "CA cấp phát", evidence->issuing);
    for (size_t i = 0; i < evidence->certificate_count; i++)
        wrong +=
            strcmp(evidence->certificates[i].issuer, evidence->issuer) == 0 &&
            X509_verify(evidence->certificates[i].x509, X509_get0_pubkey(evidence->issuing)) != 1;
    for (size_t i = 0; i < evidence->answer_count; i++) {
        delegated += evidence->answers[i].is_delegated;
        by_ca += evidence->answers[i].is_verified && !evidence->answers[i].is_delegated;
    }
    ERR_clear_error();
    finding_note(finding, "chữ ký của CA", "%zu chứng thư, %zu sai", evidence->certificate_count,
                 wrong);
    finding_note(finding, "OCSP", "%zu câu trả lời ký bằng khóa ủy quyền riêng, %zu bằng khóa CA",
                 delegated, by_ca);
    if (wrong)
        finding_fail(finding, "%zu chứng thư không kiểm được bằng khóa CA", wrong);
    if (by_ca)
        finding_fail(finding, "khóa CA ký câu trả lời OCSP");
}
