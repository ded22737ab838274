/* The table of causes. Expiry is not in it: nobody asks for it, it comes by itself, and no list
 * carries it. Suspension (certificateHold) is not a cause of revocation. */
#include "common/causes.h"

#include <stddef.h>
#include <string.h>

#include "common/guard.h"
#include "common/subscriber.h"

/* RFC 5280 5.3.1 */
enum {
    KEY_COMPROMISE = 1,
    AFFILIATION_CHANGED = 3,
    CESSATION_OF_OPERATION = 5,
    PRIVILEGE_WITHDRAWN = 9,
};

static const struct cause causes[] = {
    {"nghi_huu", "nghỉ hưu", SUBSCRIBER_PERSON, PROOF_NONE, AFFILIATION_CHANGED},
    {"thoi_viec", "thôi việc", SUBSCRIBER_PERSON, PROOF_NONE, AFFILIATION_CHANGED},
    {"chuyen_co_quan", "chuyển cơ quan khác", SUBSCRIBER_PERSON, PROOF_NONE, AFFILIATION_CHANGED},
    {"doi_vi_tri", "thay đổi vị trí công tác", SUBSCRIBER_PERSON, PROOF_NONE, AFFILIATION_CHANGED},
    {"tu_tran", "từ trần", SUBSCRIBER_PERSON, PROOF_NONE, CESSATION_OF_OPERATION},
    {"giai_the", "giải thể", SUBSCRIBER_AGENCY, PROOF_NONE, CESSATION_OF_OPERATION},
    {"chia_tach", "chia tách", SUBSCRIBER_AGENCY, PROOF_NONE, CESSATION_OF_OPERATION},
    {"sap_nhap", "sáp nhập", SUBSCRIBER_AGENCY, PROOF_NONE, CESSATION_OF_OPERATION},
    {"ngung_hoat_dong", "thiết bị, dịch vụ, phần mềm ngừng hoạt động", SUBSCRIBER_SERVICE,
     PROOF_NONE, CESSATION_OF_OPERATION},
    {"that_lac", "thiết bị lưu khóa bí mật bị thất lạc", SUBSCRIBER_ANY, PROOF_LOSS_MINUTES,
     KEY_COMPROMISE},
    {"hu_hong", "thiết bị lưu khóa bí mật bị hư hỏng", SUBSCRIBER_ANY, PROOF_NONE,
     CESSATION_OF_OPERATION},
    {"lo_mat_khau", "mật khẩu bị lộ", SUBSCRIBER_ANY, PROOF_NONE, KEY_COMPROMISE},
    {"mat_an_toan_khac", "trường hợp mất an toàn khác", SUBSCRIBER_ANY, PROOF_NONE, KEY_COMPROMISE},
    {"to_tung", "yêu cầu của cơ quan tiến hành tố tụng, cơ quan công an", SUBSCRIBER_ANY,
     PROOF_DOCUMENT, PRIVILEGE_WITHDRAWN},
    {"co_quan_quan_ly", "yêu cầu của cơ quan, tổ chức quản lý trực tiếp", SUBSCRIBER_ANY,
     PROOF_NONE, PRIVILEGE_WITHDRAWN},
};

static const struct {
    const char *profile;
    enum subscriber_kind kind;
} kinds[] = {
    {PROFILE_PERSON, SUBSCRIBER_PERSON},      {PROFILE_AGENCY, SUBSCRIBER_AGENCY},
    {PROFILE_DEVICE, SUBSCRIBER_SERVICE},     {PROFILE_TLS_SERVER, SUBSCRIBER_SERVICE},
    {PROFILE_API_CLIENT, SUBSCRIBER_SERVICE}, {PROFILE_CODE_SIGNING, SUBSCRIBER_SERVICE},
};

const struct cause *cause_at(unsigned index)
{
    return index < COUNT_OF(causes) ? &causes[index] : NULL;
}

const struct cause *cause_find(const char *code)
{
    for (size_t i = 0; i < COUNT_OF(causes); i++)
        if (strcmp(causes[i].code, code) == 0)
            return &causes[i];
    return NULL;
}

unsigned cause_kind_of_profile(const char *profile)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (strcmp(kinds[i].profile, profile) == 0)
            return kinds[i].kind;
    return 0;
}
