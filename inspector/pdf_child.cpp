/* The child's job, from the bytes to the answer: scan, open, find signatures, compare tables,
 * compare revisions, take request.json out. It decides nothing about signers and never sees a key.
 */
#include "common/pdf_child.h"

#include <algorithm>
#include <cstring>
#include <exception>

#include "inspector/pdf_revision.hpp"

namespace trien
{

struct Scan {
    explicit Scan(struct bytes file) : sound(pdf_scan_file(file, &result))
    {
    }
    void check() const
    {
        if (!sound)
            throw Refusal{PDF_CHILD_STRUCTURE, std::string(result.fault ? result.fault : "scan") +
                                                   " at " + std::to_string(result.fault_at)};
    }
    Gaps long_strings() const
    {
        return sound ? Gaps(result.longs, result.longs + result.long_count) : Gaps();
    }
    ~Scan()
    {
        pdf_scan_done(&result);
    }
    Scan(Scan const &) = delete;
    Scan &operator=(Scan const &) = delete;

    struct pdf_scan result;
    bool sound;
};

/* Every gap is what a signature leaves out. */
static bool are_signatures(Gaps const &gaps, std::vector<pdf_child_signature> const &signatures)
{
    return std::all_of(gaps.begin(), gaps.end(), [&](pdf_scan_long const &gap) {
        return std::any_of(
            signatures.begin(), signatures.end(), [&](pdf_child_signature const &signature) {
                return signature.gap_start + 1 == gap.start && signature.gap_end == gap.end + 1;
            });
    });
}

struct Examination {
    Findings findings;
    std::vector<std::unique_ptr<Revision>> revisions; /* one per signature */
    std::vector<pdf_child_signature> signatures;
    std::string request;
    std::vector<uint8_t> answer;

    void judge_request(Request const &first, Request const &last)
    {
        if (first.count > 1 || last.count > 1)
            findings.add(PDF_CHILD_REQUEST_DUPLICATED, "more than one request.json");
        else if (first.count == 0 && last.count == 0)
            findings.add(PDF_CHILD_REQUEST_MISSING, "no request.json");
        else if (first.count != last.count)
            findings.add(PDF_CHILD_REQUEST_NOT_SIGNED,
                         "request.json came or went after the first signature");
        else if (first.bytes != last.bytes)
            findings.add(PDF_CHILD_REQUEST_NOT_SIGNED,
                         "request.json was changed after the first signature");
        request = first.bytes;
    }

    /* Signatures are most of the text there is, and nobody here needs their digits. Whether long
     * strings are signatures is known afterwards: if not, the file is read again whole. */
    std::unique_ptr<Revision> open_last(struct bytes file, Gaps &gaps)
    {
        auto last = std::make_unique<Revision>(file, file.n, gaps);

        signatures = find_signatures(*last, findings);
        if (are_signatures(gaps, signatures))
            return last;
        gaps.clear();
        last = std::make_unique<Revision>(file, file.n, gaps);
        signatures = find_signatures(*last, findings);
        return last;
    }

    void run(struct bytes file)
    {
        Scan scan(file);
        auto gaps = scan.long_strings();
        auto last = open_last(file, gaps);

        scan.check();
        for (auto const &signature : signatures) {
            if (signature.covered_end > file.n)
                throw Refusal{PDF_CHILD_STRUCTURE, "ByteRange reaches beyond the file"};
            if (signature.covered_end < file.n)
                revisions.push_back(std::make_unique<Revision>(file, signature.covered_end, gaps));
        }
        revisions.push_back(std::move(last));
        for (size_t i = 0; i < revisions.size(); i++) {
            bool is_last = i + 1 == revisions.size();
            if ((is_last ? signatures : find_signatures(*revisions[i], findings)).size() != i + 1)
                throw Refusal{PDF_CHILD_STRUCTURE, "a signature is not in the revision it covers"};
            check_table(*revisions[i], scan.result, file, signatures.front().covered_end, findings);
            if (i == 0)
                continue;
            check_permission(*revisions[i - 1], findings);
            check_changes(*revisions[i - 1], *revisions[i], findings);
        }
        Request first = find_request(*revisions.front());
        judge_request(first, revisions.size() > 1 ? find_request(*revisions.back()) : first);
    }
};

/* Never throws: whatever goes wrong is a finding. */
static void examine(struct bytes file, Examination &examination)
{
    try {
        examination.run(file);
    } catch (Refusal const &refusal) {
        examination.findings.add(refusal.finding, refusal.detail);
    } catch (std::bad_alloc const &) {
        examination.findings.add(PDF_CHILD_BOMB, "out of memory");
    } catch (std::length_error const &) {
        examination.findings.add(PDF_CHILD_BOMB, "a length is out of range");
    } catch (std::exception const &error) {
        examination.findings.add(PDF_CHILD_STRUCTURE, error.what());
    }
}

static void copy_detail(std::string const &from, char *to)
{
    size_t n = std::min<size_t>(from.size(), PDF_CHILD_DETAIL_BYTES - 1);

    for (size_t i = 0; i < n; i++)
        to[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
}

static struct bytes answer_with(Examination &examination)
{
    pdf_child_answer answer = {};
    auto const *head = reinterpret_cast<uint8_t const *>(&answer);
    std::string const nothing;
    auto const &request = examination.findings.bits == 0 ? examination.request : nothing;

    answer.magic = PDF_CHILD_MAGIC;
    answer.findings = examination.findings.bits;
    answer.request_size = static_cast<uint32_t>(request.size());
    for (auto const &finding : examination.findings.details)
        copy_detail(finding.second, answer.details[__builtin_ctz(finding.first)]);
    for (auto const &signature : examination.signatures)
        answer.signatures[answer.signature_count++] = signature;
    examination.answer.assign(head, head + sizeof(answer));
    examination.answer.insert(examination.answer.end(), request.begin(), request.end());
    return {examination.answer.data(), examination.answer.size()};
}

/* Kept until the next job: a child that ends anyway has no reason to tidy up. */
static std::unique_ptr<Examination> latest;

} // namespace trien

struct bytes pdf_child_job(struct bytes file)
{
    trien::latest.reset();
    trien::latest = std::make_unique<trien::Examination>();
    trien::examine(file, *trien::latest);
    return trien::answer_with(*trien::latest);
}

void pdf_child_forget(void)
{
    trien::latest.reset();
}
