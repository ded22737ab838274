/* request.json inside a revision: every file specification that bears the name, wherever it hides,
 * and the one stream behind them. Decoding stops at a size, so a flate bomb costs its limit and no
 * more. */
#include "inspector/pdf_revision.hpp"

namespace trien
{

static const char request_name[] = "request.json";
static const int max_depth = 32;
static const size_t max_names = 10000;

static bool is_request_name(QPDFObjectHandle name)
{
    return name.isString() && name.getUTF8Value() == request_name;
}

struct Candidates {
    std::map<int, QPDFObjectHandle>
        streams;             /* by object number: what a specification with our name holds */
    std::set<int> reachable; /* those that the document's own list of files names */
    std::set<QPDFObjGen> seen;
    size_t names = 0;

    static bool bears_name(QPDFObjectHandle spec)
    {
        for (char const *key : {"/F", "/UF", "/Unix", "/DOS", "/Mac"})
            if (is_request_name(value_of(spec, key)))
                return true;
        return false;
    }

    void add(QPDFObjectHandle spec, bool listed)
    {
        auto files = value_of(spec, "/EF");

        if (!files.isDictionary())
            throw Refusal{PDF_CHILD_STRUCTURE, "request.json without an embedded file"};
        for (auto const &key : files.getKeys()) {
            auto stream = files.getKey(key);
            if (!stream.isStream())
                throw Refusal{PDF_CHILD_STRUCTURE, "embedded file is not a stream"};
            streams.emplace(stream.getObjectID(), stream);
            if (listed)
                reachable.insert(stream.getObjectID());
        }
    }

    void read_tree(QPDFObjectHandle node, int depth)
    {
        auto pairs = value_of(node, "/Names"), kids = value_of(node, "/Kids");

        if (depth > max_depth || (node.isIndirect() && !seen.insert(node.getObjGen()).second))
            throw Refusal{PDF_CHILD_STRUCTURE, "tree of embedded files is too deep or has a loop"};
        for (int i = 0, n = pairs.isArray() ? pairs.getArrayNItems() : 0; i + 1 < n; i += 2) {
            auto spec = pairs.getArrayItem(i + 1);
            if (++names > max_names)
                throw Refusal{PDF_CHILD_STRUCTURE, "too many embedded files"};
            if (is_request_name(pairs.getArrayItem(i)) || bears_name(spec))
                add(spec, true);
        }
        for (int i = 0, n = kids.isArray() ? kids.getArrayNItems() : 0; i < n; i++)
            read_tree(kids.getArrayItem(i), depth + 1);
    }

    void read_associated(QPDFObjectHandle list)
    {
        for (int i = 0, n = list.isArray() ? list.getArrayNItems() : 0; i < n; i++)
            if (bears_name(list.getArrayItem(i)))
                add(list.getArrayItem(i), true);
    }
};

Request find_request(Revision &revision)
{
    Candidates found;
    Request request;
    auto root = revision.pdf->getRoot();
    auto tree = value_of(value_of(root, "/Names"), "/EmbeddedFiles");

    if (tree.isDictionary())
        found.read_tree(tree, 0);
    found.read_associated(value_of(root, "/AF"));
    for (auto &spec : revision.file_specs)
        if (Candidates::bears_name(spec))
            found.add(spec, false);
    if (found.reachable
            .empty()) /* an attachment that only an annotation shows is not the request */
        return request;
    request.count = found.streams.size();
    if (request.count == 1)
        request.bytes = unpack(found.streams.begin()->second, PDF_CHILD_MAX_REQUEST_BYTES);
    revision.check_warnings();
    return request;
}

} // namespace trien
