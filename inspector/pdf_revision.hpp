/* The child's view of a document: one QPDF per signed revision, and the findings. C++, inside the
 * sandbox. */
#pragma once

#define POINTERHOLDER_TRANSITION 4

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <qpdf/QPDF.hh>
#include <qpdf/QPDFObjectHandle.hh>

#include "common/pdf_child.h"
#include "common/pdf_scan.h"

namespace trien
{

/* Ends the examination: nothing more can be said about a document after this. */
struct Refusal {
    pdf_child_finding finding;
    std::string detail;
};

struct Findings {
    uint32_t bits = 0;
    std::map<uint32_t, std::string> details; /* the first of each finding */

    void add(pdf_child_finding finding, std::string const &why);
};

struct Entry { /* one row of the merged cross-reference table */
    int generation;
    int type;          /* 1 in the file, 2 in an object stream */
    size_t offset;     /* type 1 */
    int stream, index; /* type 2 */

    bool operator==(Entry const &other) const;
};

/* Digits of hexadecimal strings that need not be read: the reader sees them empty, everything else
 * where it stands. In file order. */
using Gaps = std::vector<pdf_scan_long>;

/** The first `size` bytes of the file for libqpdf, which reads tokens without the gaps and anything
 *  else (streams) with them. */
std::shared_ptr<InputSource> make_input(struct bytes file, size_t size, Gaps const &gaps);

/* The document as it was after one of its revisions: the first `size` bytes of the file. */
struct Revision {
    Revision(struct bytes file, size_t size, Gaps const &gaps);

    size_t size;
    std::shared_ptr<QPDF> pdf;
    std::map<int, Entry> table;
    std::vector<QPDFObjectHandle> objects; /* every indirect object; missing ones as null */
    std::set<int> dangling;                /* numbers that are referred to but defined nowhere */
    std::map<int, int> references;         /* how often each number is referred to by objects */
    /* Dictionaries anywhere that carry /ByteRange, and those that carry /EF. */
    std::vector<QPDFObjectHandle> signatures, file_specs;

    QPDFObjectHandle object(int number);

    /** Throws STRUCTURE when qpdf has warned of anything since the last call. */
    void check_warnings();

  private:
    void survey(QPDFObjectHandle object, int depth);
    void survey_child(QPDFObjectHandle child, int depth);
};

/** A stream's content, unpacked; throws BOMB beyond the limit, STRUCTURE when it cannot be
 * unpacked. */
std::string unpack(QPDFObjectHandle stream, size_t limit);

/** The value of a key; null when the object is no dictionary or stream, or has no such key. */
QPDFObjectHandle value_of(QPDFObjectHandle object, std::string const &key);

/** Signature dictionaries, everywhere in the document, ordered by what they cover.
 *  Throws STRUCTURE when they are not exactly the values of the form's signature fields. */
std::vector<pdf_child_signature> find_signatures(Revision &revision, Findings &findings);

/** request.json as embedded in this revision: how many different ones, and the first's bytes. */
struct Request {
    size_t count = 0;
    std::string bytes;
};
Request find_request(Revision &revision);

/** Adds STRUCTURE when table and scan do not tell the same of the revision: an object that is there
 * but hidden, listed but elsewhere, or an older one brought back. `frozen` is the end of the first
 * signed revision: only before it may objects have been deleted. */
void check_table(Revision &revision, struct pdf_scan const &scan, struct bytes file, size_t frozen,
                 Findings &findings);

/** Adds CHANGES when a signature of `earlier`, which a revision follows, permits no change
 * whatever, not even another signature: DocMDP or a field's lock with P = 1. */
void check_permission(Revision &earlier, Findings &findings);

/** Adds CHANGES when `later` does more to `earlier` than add signatures and what belongs to them.
 */
void check_changes(Revision &earlier, Revision &later, Findings &findings);

} // namespace trien
