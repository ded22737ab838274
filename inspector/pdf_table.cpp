/* What the cross-reference table says against what stands in the file. */
#include "inspector/pdf_revision.hpp"

#include <algorithm>
#include <sstream>

namespace trien
{

static const size_t max_object_stream = 64u * 1024 * 1024;

using Newest = std::map<int, pdf_scan_object const *>; /* the last definition of each number */

static std::string name(int number)
{
    return "object " + std::to_string(number);
}

static size_t skip_space(struct bytes file, size_t at, size_t end)
{
    while (at < end &&
           (file.p[at] == ' ' || file.p[at] == '\n' || file.p[at] == '\r' || file.p[at] == '\t'))
        at++;
    return at;
}

struct TableCheck {
    Revision &revision;
    struct pdf_scan const &scan;
    struct bytes file;
    size_t frozen;
    Findings &findings;
    Newest newest;

    void refuse(std::string const &why)
    {
        findings.add(PDF_CHILD_STRUCTURE, why);
    }

    void collect()
    {
        for (size_t i = 0; i < scan.object_count && scan.objects[i].start < revision.size; i++)
            newest[static_cast<int>(scan.objects[i].number)] = &scan.objects[i];
    }

    /* Where the object, or the stream it is packed in, begins; 0 when it is nowhere. */
    size_t place_of(Entry const &entry) const
    {
        auto stream = newest.find(entry.stream);

        if (entry.type == 1)
            return skip_space(file, entry.offset, revision.size);
        return stream == newest.end() ? 0 : stream->second->start;
    }

    void check_listed(int number, Entry const &entry)
    {
        auto there = newest.find(number);
        size_t place = place_of(entry);

        if (entry.type == 1 && (there == newest.end() || there->second->start != place ||
                                static_cast<int>(there->second->generation) != entry.generation))
            refuse(name(number) + " is not where the table says, or not the newest");
        if (entry.type == 2 &&
            (place == 0 || (there != newest.end() && there->second->start > place)))
            refuse(name(number) + " in an object stream is not the newest");
    }

    bool was_freed(int number, size_t after) const
    {
        return std::any_of(scan.freed, scan.freed + scan.freed_count,
                           [&](pdf_scan_free const &freed) {
                               return static_cast<int>(freed.number) == number &&
                                      freed.at > after && freed.at < frozen;
                           });
    }

    bool is_table(size_t offset) const
    {
        return std::find(scan.tables, scan.tables + scan.table_count, offset) !=
               scan.tables + scan.table_count;
    }

    void check_there(int number, pdf_scan_object const &object)
    {
        if (revision.table.count(number) == 0 && !is_table(object.start) &&
            !was_freed(number, object.start))
            refuse(name(number) + " is hidden: no table lists it");
    }

    /* The numbers an object stream holds, by its own header (ISO 32000-2 7.5.7). */
    void check_packed(int number)
    {
        auto stream = revision.object(number);

        if (!stream.isStream())
            return;
        auto type = value_of(stream, "/Type"), count = value_of(stream, "/N");
        size_t place = newest.at(number)->start;
        if (!type.isName() || type.getName() != "/ObjStm")
            return;
        std::istringstream header(unpack(stream, max_object_stream));
        long long packed, offset;

        for (long long i = 0; count.isInteger() && i < count.getIntValue(); i++) {
            if (!(header >> packed >> offset) || packed <= 0 || packed > INT32_MAX)
                return refuse("malformed object stream");
            auto row = revision.table.find(static_cast<int>(packed));
            if (row == revision.table.end() || place_of(row->second) < place)
                refuse(name(static_cast<int>(packed)) + " is hidden in an object stream");
        }
    }
};

void check_table(Revision &revision, struct pdf_scan const &scan, struct bytes file, size_t frozen,
                 Findings &findings)
{
    TableCheck check = {revision, scan, file, frozen, findings, {}};

    check.collect();
    for (auto const &row : revision.table)
        check.check_listed(row.first, row.second);
    for (auto const &there : check.newest) {
        check.check_there(there.first, *there.second);
        if (revision.table.count(there.first))
            check.check_packed(there.first);
    }
}

} // namespace trien
