/* What the signer permits to be done afterwards: DocMDP (ISO 32000-1 12.8.2.2) and the lock of a
 * signed field (ISO 32000-2 12.7.5.5). Judges only whether there may be a later revision at all;
 * what one may contain is pdf_changes.cpp, which never allows more than signatures. */
#include "inspector/pdf_revision.hpp"

#include <algorithm>

namespace trien
{

static bool is_name(QPDFObjectHandle object, char const *name)
{
    return object.isName() && object.getName() == name;
}

/* P: 1 no changes, 2 forms and signatures, 3 annotations as well. What may follow is less than 2
 * in any case; a value nobody has defined counts as 1. */
static bool is_closed(QPDFObjectHandle permission)
{
    return !permission.isNull() && (!permission.isInteger() || (permission.getIntValue() != 2 &&
                                                                permission.getIntValue() != 3));
}

/* A signature with the transform DocMDP certifies the document, whether or not the catalog's /Perms
 * says so too. */
static bool certifies_closed(QPDFObjectHandle signature)
{
    auto references = signature.getKey("/Reference");

    for (int i = 0, n = references.isArray() ? references.getArrayNItems() : 0; i < n; i++) {
        auto reference = references.getArrayItem(i);
        if (is_name(value_of(reference, "/TransformMethod"), "/DocMDP") &&
            is_closed(value_of(value_of(reference, "/TransformParams"), "/P")))
            return true;
    }
    return false;
}

/* A signed field whose /Lock closes the document with its signature. */
static bool locks_closed(QPDFObjectHandle field)
{
    return field.isDictionary() && field.hasKey("/Lock") && field.hasKey("/V") &&
           is_closed(value_of(field.getKey("/Lock"), "/P"));
}

void check_permission(Revision &earlier, Findings &findings)
{
    if (std::any_of(earlier.signatures.begin(), earlier.signatures.end(), certifies_closed) ||
        std::any_of(earlier.objects.begin(), earlier.objects.end(), locks_closed))
        findings.add(PDF_CHILD_CHANGES, "a signer permits no changes, and there is a later one");
}

} // namespace trien
