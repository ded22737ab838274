/* What a later revision may do to an earlier one: add signature fields, their values and
 * appearances, validation material, metadata. Everything is refused but what a rule here lets pass;
 * each rule compares the two versions of one object and names the keys that may differ. */
#include "inspector/pdf_revision.hpp"

#include <algorithm>

namespace trien
{

using Keys = std::set<std::string>;

static const Keys trailer_may = {"/Size", "/Prev",  "/ID",     "/XRefStm", "/Info",       "/Type",
                                 "/W",    "/Index", "/Length", "/Filter",  "/DecodeParms"};
static const Keys info_may = {"/ModDate", "/Producer"};
static const Keys catalog_may = {"/AcroForm", "/DSS", "/Extensions", "/Metadata", "/Version"};
static const Keys form_may = {"/Fields", "/SigFlags", "/DR"};
static const Keys resources_may = {"/Font"};
static const Keys material_may = {"/Certs", "/CRLs", "/OCSPs", "/VRI"};
static const Keys page_may = {"/Annots"};
static const Keys signed_field_may = {"/V", "/AP", "/M", "/AS", "/MK"};

static std::string text_of(QPDFObjectHandle object)
{
    return object.isIndirect() ? object.unparse() : object.unparseResolved();
}

static bool is_name(QPDFObjectHandle object, char const *name)
{
    return object.isName() && object.getName() == name;
}

struct Comparison {
    Revision &a; /* earlier */
    Revision &b; /* later */
    Findings &findings;
    std::set<int> changed = {};   /* numbers defined in both, differently */
    std::set<int> permitted = {}; /* those of them that a rule has looked at */
    std::set<std::string> new_widgets =
        {}; /* references of the annotations of new signature fields */

    void refuse(std::string const &why)
    {
        findings.add(PDF_CHILD_CHANGES, why);
    }

    void permit(QPDFObjectHandle object)
    {
        if (object.isIndirect())
            permitted.insert(object.getObjectID());
    }

    /* The same for what may grow only because of the place it stands in: it must stand nowhere
     * else. */
    void permit_sole(QPDFObjectHandle object)
    {
        if (object.isIndirect() && changed.count(object.getObjectID()) &&
            a.references[object.getObjectID()] != 1)
            refuse("object " + std::to_string(object.getObjectID()) + " grows in two places");
        permit(object);
    }

    /* The dictionaries are equal but for these keys. Both versions of the object are then judged.
     */
    void compare(QPDFObjectHandle before, QPDFObjectHandle after, Keys const &may,
                 std::string const &what)
    {
        Keys keys;

        if (!before.isDictionary() || !after.isDictionary())
            return refuse(what + " is no dictionary any more");
        if (before.isIndirect() != after.isIndirect() ||
            (before.isIndirect() && before.getObjGen() != after.getObjGen()))
            return refuse(what + " is another object");
        for (auto const &key : before.getKeys())
            keys.insert(key);
        for (auto const &key : after.getKeys())
            keys.insert(key);
        for (auto const &key : keys)
            if (may.count(key) == 0 && text_of(before.getKey(key)) != text_of(after.getKey(key)))
                refuse(what + " changes " + key);
        permit(after);
    }

    /* Items that were there stay, in their order; what is new is handed to `added`. */
    void compare_list(QPDFObjectHandle before, QPDFObjectHandle after, std::string const &what,
                      std::function<void(QPDFObjectHandle)> const &added)
    {
        int kept = 0, old = before.isArray() ? before.getArrayNItems() : 0;

        if (!(before.isArray() || before.isNull()) || !(after.isArray() || after.isNull()))
            return refuse(what + " is no list");
        for (int i = 0, n = after.isArray() ? after.getArrayNItems() : 0; i < n; i++) {
            auto item = after.getArrayItem(i);
            if (kept < old && text_of(before.getArrayItem(kept)) == text_of(item))
                kept++;
            else
                added(item);
        }
        if (kept < old)
            refuse(what + " loses an item");
        if (before.isArray())
            permit_sole(before);
    }

    bool is_new(QPDFObjectHandle object)
    {
        return object.isIndirect() && a.table.count(object.getObjectID()) == 0;
    }

    /* --- tables --- */

    void check_new(int number, Entry const &entry)
    {
        auto stream = b.table.find(entry.stream);

        if (a.dangling.count(number))
            refuse("object " + std::to_string(number) + " fills a reference that was left open");
        if (entry.type == 1 ? entry.offset < a.size
                            : stream == b.table.end() || stream->second.offset < a.size)
            refuse("object " + std::to_string(number) + " was there before, hidden");
    }

    void compare_tables()
    {
        for (auto const &row : b.table) {
            auto before = a.table.find(row.first);
            if (before != a.table.end() && before->second == row.second)
                continue;
            check_new(row.first, row.second);
            if (before != a.table.end())
                changed.insert(row.first);
        }
        for (auto const &row : a.table)
            if (b.table.count(row.first) == 0)
                refuse("object " + std::to_string(row.first) + " is deleted");
    }

    /* --- the document's own dictionaries --- */

    void compare_catalog()
    {
        auto before = a.pdf->getRoot(), after = b.pdf->getRoot();

        compare(before, after, catalog_may, "catalog");
        compare_metadata(before.getKey("/Metadata"), after.getKey("/Metadata"));
        compare_material(before.getKey("/DSS"), after.getKey("/DSS"));
    }

    /* XMP follows the document's dates. It may be rewritten in its place or come new, nothing else.
     */
    void compare_metadata(QPDFObjectHandle before, QPDFObjectHandle after)
    {
        if (text_of(before) == text_of(after) && after.isIndirect() && !before.isNull())
            permit_sole(after);
        else if (!is_new(after))
            return after.isNull() && before.isNull() ? void()
                                                     : refuse("metadata is another object");
        if (!after.isStream() || !is_name(value_of(after, "/Type"), "/Metadata"))
            refuse("metadata is no metadata");
    }

    /* Validation material (ETSI EN 319 142-1 5.4.2): its lists and dictionaries may grow. */
    void compare_material(QPDFObjectHandle before, QPDFObjectHandle after)
    {
        if (before.isNull())
            return;
        grow(before, after, material_may, "validation material");
        for (char const *key : {"/Certs", "/CRLs", "/OCSPs"})
            compare_list(value_of(before, key), value_of(after, key), "list of validation material",
                         [&](QPDFObjectHandle item) {
                             if (!item.isIndirect())
                                 refuse("validation material is no object");
                         });
        auto old = value_of(before, "/VRI"), now = value_of(after, "/VRI");
        if (!old.isNull())
            grow(old, now, added_keys(old, now), "validation material by signature");
    }

    static Keys added_keys(QPDFObjectHandle before, QPDFObjectHandle after)
    {
        Keys added = after.isDictionary() ? after.getKeys() : Keys();

        if (before.isDictionary())
            for (auto const &key : before.getKeys())
                added.erase(key);
        return added;
    }

    void grow(QPDFObjectHandle before, QPDFObjectHandle after, Keys const &may,
              std::string const &what)
    {
        compare(before, after, may, what);
        permit_sole(before);
    }

    void compare_info()
    {
        auto before = a.pdf->getTrailer().getKey("/Info"),
             after = b.pdf->getTrailer().getKey("/Info");

        if (before.isDictionary() && after.isDictionary())
            compare(before, after, info_may, "document information");
        else if (!before.isNull())
            refuse("document information is gone");
    }

    void compare_trailer()
    {
        auto before = a.pdf->getTrailer(), after = b.pdf->getTrailer();
        Keys keys = before.getKeys();

        keys.merge(after.getKeys());
        for (auto const &key : keys)
            if (trailer_may.count(key) == 0 &&
                text_of(before.getKey(key)) != text_of(after.getKey(key)))
                refuse("trailer changes " + key);
    }

    /* --- the form --- */

    void compare_form()
    {
        auto before = a.pdf->getRoot().getKey("/AcroForm"),
             after = b.pdf->getRoot().getKey("/AcroForm");

        if (after.isNull())
            return before.isNull() ? void() : refuse("form is gone");
        if (before.isDictionary()) {
            compare(before, after, form_may, "form");
            compare_resources(before.getKey("/DR"), after.getKey("/DR"));
        }
        compare_list(value_of(before, "/Fields"), value_of(after, "/Fields"), "list of fields",
                     [&](QPDFObjectHandle field) { check_new_field(field); });
        compare_fields(value_of(before, "/Fields"), 0);
    }

    void compare_resources(QPDFObjectHandle before, QPDFObjectHandle after)
    {
        auto fonts = value_of(before, "/Font"), fonts_after = value_of(after, "/Font");

        if (!before.isNull())
            grow(before, after, resources_may, "form's resources");
        if (!fonts.isNull())
            grow(fonts, fonts_after, added_keys(fonts, fonts_after), "form's fonts");
    }

    void check_new_field(QPDFObjectHandle field)
    {
        auto kids = value_of(field, "/Kids");

        if (!is_new(field) || !is_name(value_of(field, "/FT"), "/Sig") ||
            !value_of(field, "/Parent").isNull())
            return refuse("a new field is not a signature");
        new_widgets.insert(field.unparse());
        check_widget(field);
        for (int i = 0, n = kids.isArray() ? kids.getArrayNItems() : 0; i < n; i++) {
            auto kid = kids.getArrayItem(i);
            if (!is_new(kid) || !is_name(value_of(kid, "/Subtype"), "/Widget") ||
                !value_of(kid, "/Kids").isNull() || !value_of(kid, "/FT").isNull())
                return refuse("a new signature field has other fields below it");
            new_widgets.insert(kid.unparse());
            check_widget(kid);
        }
    }

    void check_widget(QPDFObjectHandle widget)
    {
        auto kind = value_of(widget, "/Subtype");

        if (!kind.isNull() && !is_name(kind, "/Widget"))
            refuse("a new signature field is another kind of annotation");
        if (!value_of(widget, "/A").isNull() || !value_of(widget, "/AA").isNull())
            refuse("a new signature field carries an action");
    }

    /* An empty signature field that was there may have been signed. */
    void compare_fields(QPDFObjectHandle fields, int depth)
    {
        for (int i = 0, n = fields.isArray() && depth < 32 ? fields.getArrayNItems() : 0; i < n;
             i++) {
            auto field = fields.getArrayItem(i);
            if (field.isIndirect() && changed.count(field.getObjectID()))
                compare_signed(field, b.object(field.getObjectID()));
            compare_fields(value_of(field, "/Kids"), depth + 1);
        }
    }

    void compare_signed(QPDFObjectHandle before, QPDFObjectHandle after)
    {
        if (!is_name(value_of(before, "/FT"), "/Sig") || !value_of(before, "/V").isNull() ||
            !is_new(value_of(after, "/V")))
            return;
        compare(before, after, signed_field_may, "signature field");
    }

    /* --- pages --- */

    void compare_annotations(QPDFObjectHandle before, QPDFObjectHandle after)
    {
        compare_list(before, after, "list of annotations", [&](QPDFObjectHandle annotation) {
            if (!annotation.isIndirect() || new_widgets.count(annotation.unparse()) == 0)
                refuse("a new annotation belongs to no new signature");
        });
    }

    void compare_pages()
    {
        for (auto &page : a.objects) {
            if (!page.isDictionary() || !is_name(page.getKey("/Type"), "/Page"))
                continue;
            auto after = b.object(page.getObjectID());
            auto list = page.getKey("/Annots");
            bool page_changed = changed.count(page.getObjectID()) > 0;

            if (page_changed)
                compare(page, after, page_may, "page");
            if (page_changed || (list.isIndirect() && changed.count(list.getObjectID())))
                compare_annotations(list, value_of(after, "/Annots"));
        }
    }

    void run()
    {
        compare_tables();
        compare_trailer();
        compare_info();
        compare_catalog();
        compare_form();
        compare_pages();
        for (int number : changed)
            if (permitted.count(number) == 0)
                refuse("object " + std::to_string(number) + " is changed");
    }
};

void check_changes(Revision &earlier, Revision &later, Findings &findings)
{
    Comparison comparison{earlier, later, findings};

    comparison.run();
}

} // namespace trien
