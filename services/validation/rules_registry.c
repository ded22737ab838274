/* Rules over agency, signers and earlier documents. They look nothing up. */
#include "services/validation/rules_registry.h"

#include <string.h>

static void check_agency(const struct facts *facts, const char *organ_id, civil_day received_on,
                         struct reasons *reasons)
{
    struct arena *arena = reasons->arena;

    if (!facts->agency_known) {
        reasons_add(
            reasons, TRIEN__ERROR__AGENCY_UNKNOWN, "/agency/organ_id",
            arena_printf(arena, "Cơ quan, tổ chức có mã định danh %s chưa đăng ký.", organ_id),
            arena_printf(arena, "No agency with the code %s is registered.", organ_id));
        return;
    }
    if ((facts->has_valid_from && received_on < facts->valid_from) ||
        (facts->has_valid_to && received_on > facts->valid_to))
        reasons_add(
            reasons, TRIEN__ERROR__AGENCY_UNKNOWN, "/agency/organ_id",
            arena_printf(arena, "Mã định danh %s không có hiệu lực vào ngày tiếp nhận.", organ_id),
            arena_printf(arena, "The code %s is not in force on the day of receipt.", organ_id));
}

bool rule_agency_proved(const struct facts *facts)
{
    size_t count = strlen(facts->roles);

    return facts->agency_known && count > 0 && facts->roles[count - 1] == 's';
}

static void check_signers(const struct facts *facts, struct reasons *reasons)
{
    struct arena *arena = reasons->arena;
    size_t count = strlen(facts->roles);

    if (!rule_agency_proved(facts))
        reasons_add(reasons, TRIEN__ERROR__SIGNER_UNAUTHORISED, "",
                    "Chữ ký số cuối cùng phải là chữ ký của cơ quan, tổ chức (con dấu) đã đăng ký.",
                    "The last signature must be the registered seal of the agency.");
    for (size_t i = 0; i + 1 < count; i++)
        if (facts->roles[i] == '-')
            reasons_add(reasons, TRIEN__ERROR__SIGNER_UNAUTHORISED, "",
                        arena_printf(arena,
                                     "Chữ ký số thứ %zu không phải của người có thẩm quyền đã "
                                     "đăng ký của cơ quan, tổ chức.",
                                     i + 1),
                        arena_printf(arena,
                                     "Signature %zu is not by a registered officer of the agency.",
                                     i + 1));
}

static void check_first(const struct facts *facts, struct reasons *reasons)
{
    if (facts->first_receipt)
        reasons_add(
            reasons, TRIEN__ERROR__DOCUMENT_REPEATED, "/document/number",
            arena_printf(reasons->arena, "Văn bản này đã được tiếp nhận trước đó, số tiếp nhận %s.",
                         facts->first_receipt),
            arena_printf(reasons->arena, "This official document was received before, receipt %s.",
                         facts->first_receipt));
}

void rule_registry(const struct facts *facts, const Trien__ExaminedDocument *examined,
                   civil_day received_on, struct reasons *reasons)
{
    if (!examined->organ_id)
        return; /* has its own reason already */
    check_agency(facts, examined->organ_id, received_on, reasons);
    if (facts->agency_known)
        check_signers(facts, reasons);
    check_first(facts, reasons);
}
