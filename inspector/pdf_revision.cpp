/* Opening a revision with libqpdf, and the signature dictionaries in it. Recovery is switched off
 * and a warning is a refusal: a signed document needs no guessing. */
#include "inspector/pdf_revision.hpp"
#include "inspector/no_crypto.h"

#include <algorithm>
#include <qpdf/Pipeline.hh>
#include <qpdf/QPDFExc.hh>
#include <qpdf/QPDFXRefEntry.hh>

namespace trien
{

static const int max_depth = 64;
static const size_t max_fields = 10000;

void Findings::add(pdf_child_finding finding, std::string const &why)
{
    bits |= static_cast<uint32_t>(finding);
    details.emplace(static_cast<uint32_t>(finding), why);
}

bool Entry::operator==(Entry const &other) const
{
    return generation == other.generation && type == other.type && offset == other.offset &&
           stream == other.stream && index == other.index;
}

static Entry entry_of(int generation, QPDFXRefEntry const &entry)
{
    if (entry.getType() == 1)
        return {generation, 1, static_cast<size_t>(entry.getOffset()), 0, 0};
    return {generation, 2, 0, entry.getObjStreamNumber(), entry.getObjStreamIndex()};
}

static std::shared_ptr<QPDF> open(struct bytes file, size_t size, Gaps const &gaps)
{
    auto pdf = QPDF::create();

    pdf->setSuppressWarnings(true);
    pdf->setAttemptRecovery(false);
    try {
        pdf->processInputSource(make_input(file, size, gaps));
    } catch (QPDFExc const &error) {
        if (error.getErrorCode() == qpdf_e_password || no_crypto_was_asked())
            throw Refusal{PDF_CHILD_ENCRYPTED, "encrypted"};
        throw;
    } catch (std::exception const &) {
        if (no_crypto_was_asked())
            throw Refusal{PDF_CHILD_ENCRYPTED, "encrypted"};
        throw;
    }
    if (pdf->isEncrypted() || pdf->getTrailer().hasKey("/Encrypt"))
        throw Refusal{PDF_CHILD_ENCRYPTED, "encrypted"};
    return pdf;
}

Revision::Revision(struct bytes file, size_t prefix, Gaps const &gaps)
    : size(prefix), pdf(open(file, prefix, gaps))
{
    for (auto const &row : pdf->getXRefTable()) {
        int number = row.first.getObj();

        if (!table.emplace(number, entry_of(row.first.getGen(), row.second)).second)
            throw Refusal{PDF_CHILD_STRUCTURE,
                          "object " + std::to_string(number) + " has two generations"};
    }
    objects = pdf->getAllObjects();
    for (auto &object : objects)
        if (table.count(object.getObjectID()) == 0)
            dangling.insert(object.getObjectID());
    for (auto &object : objects)
        survey(object, 0);
    check_warnings();
}

void Revision::check_warnings()
{
    /* poppler writes the /Size of its own table into every trailer: harmless, and it is everywhere.
     */
    static const std::string harmless = "reported number of objects (";

    for (auto const &warning : pdf->getWarnings())
        if (warning.getMessageDetail().compare(0, harmless.size(), harmless) != 0)
            throw Refusal{PDF_CHILD_STRUCTURE, warning.getMessageDetail()};
}

QPDFObjectHandle Revision::object(int number)
{
    auto found = table.find(number);

    return found == table.end() ? QPDFObjectHandle::newNull()
                                : pdf->getObjectByID(number, found->second.generation);
}

void Revision::survey_child(QPDFObjectHandle child, int depth)
{
    if (child.isIndirect())
        references[child.getObjectID()]++;
    else if (child.isArray() || child.isDictionary())
        survey(child, depth + 1);
}

/* A key whose value is null is not there (ISO 32000-2 7.3.7). */
static bool is_there(std::map<std::string, QPDFObjectHandle> const &entries, char const *key)
{
    auto found = entries.find(key);

    return found != entries.end() && !QPDFObjectHandle(found->second).isNull();
}

/* One pass over an indirect object and all that it contains directly. */
void Revision::survey(QPDFObjectHandle object, int depth)
{
    if (depth > max_depth)
        throw Refusal{PDF_CHILD_STRUCTURE, "nesting too deep"};
    if (object.isStream())
        object = object.getDict();
    if (object.isDictionary()) {
        auto const entries = object.getDictAsMap();
        if (is_there(entries, "/ByteRange"))
            signatures.push_back(object);
        if (is_there(entries, "/EF"))
            file_specs.push_back(object);
        for (auto const &entry : entries)
            survey_child(entry.second, depth);
    } else if (object.isArray()) {
        for (auto const &item : object.aitems())
            survey_child(item, depth);
    }
}

QPDFObjectHandle value_of(QPDFObjectHandle object, std::string const &key)
{
    if (object.isStream())
        object = object.getDict();
    return object.isDictionary() ? object.getKey(key) : QPDFObjectHandle::newNull();
}

/* --- streams --- */

class LimitedText : public Pipeline
{
  public:
    explicit LimitedText(size_t most) : Pipeline("text", nullptr), limit(most)
    {
    }
    void write(unsigned char const *bytes, size_t size) override
    {
        if (size > limit - text.size())
            throw Refusal{PDF_CHILD_BOMB, "a stream is too large unpacked"};
        text.append(reinterpret_cast<char const *>(bytes), size);
    }
    void finish() override
    {
    }

    size_t limit;
    std::string text;
};

std::string unpack(QPDFObjectHandle stream, size_t limit)
{
    LimitedText limited(limit);

    if (!stream.pipeStreamData(&limited, 0, qpdf_dl_generalized, true, false))
        throw Refusal{PDF_CHILD_STRUCTURE, "a stream cannot be unpacked"};
    return limited.text;
}

/* --- signatures --- */

static uint64_t number_at(QPDFObjectHandle array, int i)
{
    auto item = array.getArrayItem(i);

    if (item.isIndirect() || !item.isInteger() || item.getIntValue() < 0)
        throw Refusal{PDF_CHILD_STRUCTURE, "ByteRange is not four plain numbers"};
    return static_cast<uint64_t>(item.getIntValue());
}

static pdf_child_signature read_signature(QPDFObjectHandle dictionary, Findings &findings)
{
    static const std::set<std::string> kinds = {"/ETSI.CAdES.detached", "/adbe.pkcs7.detached",
                                                "/ETSI.RFC3161"};
    auto range = dictionary.getKey("/ByteRange"), contents = dictionary.getKey("/Contents"),
         filter = dictionary.getKey("/SubFilter");
    pdf_child_signature signature = {};

    if (!range.isArray() || range.getArrayNItems() != 4 || contents.isIndirect() ||
        !contents.isString())
        throw Refusal{PDF_CHILD_STRUCTURE,
                      "signature dictionary without plain ByteRange and Contents"};
    signature.gap_start = number_at(range, 1);
    signature.gap_end = number_at(range, 2);
    signature.covered_end = signature.gap_end + number_at(range, 3);
    if (number_at(range, 0) != 0 ||
        contents.getParsedOffset() != static_cast<qpdf_offset_t>(signature.gap_start))
        throw Refusal{PDF_CHILD_STRUCTURE, "Contents does not stand where its ByteRange says"};
    if (!filter.isName() || kinds.count(filter.getName()) == 0)
        findings.add(PDF_CHILD_SIGNATURE, "kind of signature not accepted");
    signature.is_time_stamp = filter.isName() && filter.getName() == "/ETSI.RFC3161";
    return signature;
}

/* Where the Contents of the form's signature fields stand. */
struct FormSignatures {
    std::set<uint64_t> gaps;
    size_t fields = 0;

    void collect(QPDFObjectHandle nodes, bool is_signature, int depth)
    {
        if (depth > max_depth || (fields += static_cast<size_t>(
                                      nodes.isArray() ? nodes.getArrayNItems() : 0)) > max_fields)
            throw Refusal{PDF_CHILD_STRUCTURE, "form too large"};
        for (int i = 0, n = nodes.isArray() ? nodes.getArrayNItems() : 0; i < n; i++) {
            auto node = nodes.getArrayItem(i);
            auto kind = value_of(node, "/FT"), value = value_of(node, "/V");
            bool signs = kind.isName() ? kind.getName() == "/Sig" : is_signature;

            if (signs && value.isDictionary() &&
                !gaps.insert(static_cast<uint64_t>(value_of(value, "/Contents").getParsedOffset()))
                     .second)
                throw Refusal{PDF_CHILD_STRUCTURE, "two fields share a signature"};
            collect(value_of(node, "/Kids"), signs, depth + 1);
        }
    }
};

std::vector<pdf_child_signature> find_signatures(Revision &revision, Findings &findings)
{
    std::vector<pdf_child_signature> signatures;
    std::set<uint64_t> gaps;
    FormSignatures form;

    for (auto &dictionary : revision.signatures) {
        signatures.push_back(read_signature(dictionary, findings));
        gaps.insert(signatures.back().gap_start);
    }
    form.collect(value_of(value_of(revision.pdf->getRoot(), "/AcroForm"), "/Fields"), false, 0);
    if (gaps != form.gaps || gaps.size() != signatures.size())
        throw Refusal{PDF_CHILD_STRUCTURE, "signatures are not exactly the form's"};
    if (signatures.empty() || signatures.size() > PDF_CHILD_MAX_SIGNATURES)
        throw Refusal{PDF_CHILD_STRUCTURE, "number of signatures"};
    std::sort(signatures.begin(), signatures.end(),
              [](auto const &a, auto const &b) { return a.covered_end < b.covered_end; });
    return signatures;
}

} // namespace trien
