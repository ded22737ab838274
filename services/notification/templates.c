/* What people read. Each notice is three texts with {fields}; filling in replaces fields once and
 * never interprets a value. Knows nothing of recipients or transports. */
#include "services/notification/templates.h"

#include <string.h>
#include <unistr.h>

#include "common/clock.h"

#define GREETING TEMPLATE_GREETING
#define ENDING TEMPLATE_ENDING

const struct notice_template template_accepted = {
    .name = "accepted",
    .subject = "Đã tiếp nhận yêu cầu chứng thực {receipt}",
    .body = GREETING "{authority} đã tiếp nhận yêu cầu chứng thực của Quý cơ quan, tổ chức:\n"
                     "\n"
                     "  Mã tiếp nhận:       {receipt}\n"
                     "  Văn bản:            số {document} ngày {document_day}\n"
                     "  Yêu cầu:            {form}\n"
                     "  Số lượng thuê bao:  {items}\n"
                     "  Nhận được lúc:      {received}\n"
                     "  Hạn giải quyết:     {due}\n"
                     "\n"
                     "Kết quả sẽ được thông báo bằng thư điện tử và tin nhắn.\n" ENDING,
    .sms = "Da tiep nhan yeu cau chung thuc {receipt}, han giai quyet {due}. Van ban {document}.",
};

const struct notice_template template_rejected = {
    .name = "rejected",
    .subject = "Yêu cầu chứng thực {receipt} không được chấp nhận",
    .body = GREETING "{authority} không chấp nhận yêu cầu chứng thực của Quý cơ quan, tổ chức:\n"
                     "\n"
                     "  Mã tiếp nhận:       {receipt}\n"
                     "  Văn bản:            {document_full}\n"
                     "  Thời điểm từ chối:  {rejected}\n"
                     "\n"
                     "Lý do ({reason_count}):\n"
                     "\n"
                     "{reasons}"
                     "\n"
                     "Đề nghị Quý cơ quan, tổ chức khắc phục tất cả các lý do nêu trên và gửi lại "
                     "yêu cầu bằng văn bản mới.\n" ENDING,
    .sms = "Yeu cau chung thuc {receipt} khong duoc chap nhan ({reason_count} ly do). "
           "Chi tiet da gui qua thu dien tu.",
};

const struct notice_template template_issued = {
    .name = "issued",
    .subject = "Kết quả yêu cầu chứng thực {receipt}: đã cấp {issued}/{items} chứng thư",
    .body = GREETING "{authority} thông báo kết quả giải quyết yêu cầu chứng thực của Quý cơ quan, "
                     "tổ chức:\n"
                     "\n"
                     "  Mã tiếp nhận:       {receipt}\n"
                     "  Văn bản:            số {document} ngày {document_day}\n"
                     "  Đã cấp:             {issued}/{items} chứng thư\n"
                     "  Không cấp được:     {failed}\n"
                     "\n"
                     "{rows}" ENDING,
    .sms = "Yeu cau {receipt}: da cap {issued}/{items} chung thu, khong cap duoc {failed}. "
           "Chi tiet da gui qua thu dien tu.",
};

/* Who asks for the device is device_recalled, with its day (Decree 68/2024 Điều 20: 5 working
 * days): it is sent when there is one to bring back. Here the agency is told what became of the
 * certificate. */
#define RECALL "Thiết bị lưu khóa bí mật cần giao về (nếu có) được thông báo riêng, kèm thời hạn.\n"

const struct notice_template template_revoked = {
    .name = "revoked",
    .subject = "Kết quả yêu cầu thu hồi {receipt}: đã thu hồi {issued}/{items} chứng thư",
    .body =
        GREETING "{authority} thông báo kết quả giải quyết yêu cầu thu hồi chứng thư của Quý cơ "
                 "quan, tổ chức:\n"
                 "\n"
                 "  Mã tiếp nhận:       {receipt}\n"
                 "  Văn bản:            số {document} ngày {document_day}\n"
                 "  Đã thu hồi:         {issued}/{items} chứng thư\n"
                 "  Không thu hồi được: {failed}\n"
                 "\n"
                 "{rows}"
                 "\n" RECALL ENDING,
    .sms = "Yeu cau {receipt}: da thu hoi {issued}/{items} chung thu. Thiet bi can giao ve "
           "(neu co) duoc thong bao rieng.",
};

const struct notice_template template_recalled = {
    .name = "recalled",
    .subject = "Chứng thư số hiệu {serial} đã bị thu hồi",
    .body = GREETING
    "{authority} thông báo đã thu hồi chứng thư của thuê bao thuộc Quý cơ quan, tổ "
    "chức:\n"
    "\n"
    "  Thuê bao:           {subscriber}\n"
    "  Số hiệu chứng thư:  {serial}\n"
    "  Lý do:              {cause}\n"
    "  Thời điểm thu hồi:  {revoked}\n"
    "  Cấp theo yêu cầu:   {receipt}\n"
    "\n"
    "Đề nghị Quý cơ quan, tổ chức gửi bổ sung văn bản đề nghị thu hồi (Mẫu 05).\n" RECALL ENDING,
    .sms = "Chung thu {serial} da bi thu hoi. Thiet bi can giao ve (neu co) duoc thong bao rieng.",
};

const char *template_one_line(struct arena *arena, const char *text, size_t limit_characters)
{
    const uint8_t *in = (const uint8_t *)text;
    size_t size = strlen(text), characters = 0, i = 0;
    char *line = arena_alloc(arena, size + 4);

    if (u8_check(in, size))
        return "";
    while (i < size && characters < limit_characters) {
        ucs4_t letter;
        size_t step = (size_t)u8_mbtouc(&letter, in + i, size - i);
        bool control = letter < 0x20 || (letter >= 0x7f && letter < 0xa0) || letter == 0x2028 ||
                       letter == 0x2029;
        memcpy(line + i, text + i, step);
        if (control)
            memset(line + i, ' ', step);
        i += step;
        characters++;
    }
    if (i < size)
        memcpy(line + i, "…", 3);
    return line;
}

static const struct template_field *find_field(const struct template_field *fields,
                                               const char *name, size_t length)
{
    for (; fields->name; fields++)
        if (strlen(fields->name) == length && strncmp(fields->name, name, length) == 0)
            return fields;
    return NULL;
}

/* A value as it enters a text: one line, or ours. */
static const char *value_text(struct arena *arena, const struct template_field *field)
{
    if (!field || !field->value)
        return "";
    return field->lines ? field->value : template_one_line(arena, field->value, 300);
}

/* The next {name} at or after `text`: its length without braces, or 0 when there is none. */
static size_t next_name(const char *text, const char **ret_open)
{
    for (const char *open = strchr(text, '{'); open; open = strchr(open + 1, '{')) {
        size_t length = strspn(open + 1, "abcdefghijklmnopqrstuvwxyz_");
        if (length && open[1 + length] == '}') {
            *ret_open = open;
            return length;
        }
    }
    return 0;
}

const char *template_render(struct arena *arena, const char *text,
                            const struct template_field *fields)
{
    const char *value, *open, *rest = text;
    size_t size = strlen(text) + 1, length;
    char *out, *end;

    while ((length = next_name(rest, &open)) > 0) {
        size += strlen(value_text(arena, find_field(fields, open + 1, length)));
        rest = open + length + 2;
    }
    end = out = arena_alloc(arena, size);
    for (rest = text; (length = next_name(rest, &open)) > 0; rest = open + length + 2) {
        value = value_text(arena, find_field(fields, open + 1, length));
        end = mempcpy(end, rest, (size_t)(open - rest));
        end = stpcpy(end, value);
    }
    stpcpy(end, rest);
    return out;
}

const char *template_form(const char *form)
{
    static const char *const names[][2] = {
        {"01", "cấp mới cho cá nhân (Mẫu 01)"},
        {"02", "cấp mới cho cơ quan, tổ chức (Mẫu 02)"},
        {"03", "cấp mới cho thiết bị, dịch vụ, phần mềm (Mẫu 03)"},
        {"04", "gia hạn, thay đổi nội dung thông tin (Mẫu 04)"},
        {"05", "thu hồi chứng thư (Mẫu 05)"},
        {"06", "khôi phục thiết bị lưu khóa bí mật (Mẫu 06)"},
        {"07", "thông báo đã bàn giao thiết bị (Mẫu 07)"},
        {"08", "bàn giao thiết bị thu hồi (Mẫu 08)"},
        {"09", "xác nhận thiết bị bị thất lạc (Mẫu 09)"},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i][0], form) == 0)
            return names[i][1];
    return form;
}

const char *template_day(struct arena *arena, const char *day)
{
    civil_day parsed;
    int year, month, day_of_month;

    if (!clock_parse_day(day, &parsed))
        return day;
    clock_day_parts(parsed, &year, &month, &day_of_month);
    return arena_printf(arena, "%02d/%02d/%04d", day_of_month, month, year);
}
