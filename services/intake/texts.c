/* The Vietnamese sentences of the timeline: one table of event → text. Lines are stored as event,
 * subject and detail, so a better sentence here is better for old requests too. */
#include "services/intake/intake.h"

#include <string.h>

/* %s stands for the subject, %d for the detail, %D for a detail that is a day. */
static const struct event_text {
    const char *event, *detail_prefix, *text;
} event_texts[] = {
    {"RequestSubmitted", "", "Đã tiếp nhận văn bản, số biên nhận %d."},
    {"RequestAccepted", "", "Yêu cầu của %s hợp lệ; hạn trả kết quả: %D."},
    {"RequestRejected", "", "Yêu cầu bị từ chối; xem các lý do kèm theo."},
    {"RequestWaiting", "", "Đang chờ danh sách chứng thư bị thu hồi của %s để kiểm tra người ký."},
    {"ItemAuthorized", "", "Đã phê duyệt cấp chứng thư cho %s."},
    {"KeyAwaited", "", "Đang chờ tạo khóa trên thiết bị lưu khóa bí mật cho %s."},
    {"CertificateIssued", "", "Đã cấp chứng thư cho %s, số hiệu %d."},
    {"IssuanceFailed", "", "Không cấp được chứng thư; xem lý do của thuê bao."},
    {"RevocationAuthorized", "", "Đã chấp thuận thu hồi chứng thư của %s, số hiệu %d."},
    {"CertificateRevoked", "", "Đã thu hồi chứng thư của %s, số hiệu %d."},
    {"RevocationRefused", "", "Không thu hồi được chứng thư số hiệu %d; xem lý do của thuê bao."},
    {"CertificateExpired", "", "Chứng thư của %s, số hiệu %d, đã hết hạn."},
    {"NoticeDelivered", "email", "Đã gửi thông báo qua thư điện tử tới %s."},
    {"NoticeDelivered", "sms", "Đã gửi thông báo qua tin nhắn tới %s."},
    {"NoticeFailed", "email", "Không gửi được thư điện tử tới %s."},
    {"NoticeFailed", "sms", "Không gửi được tin nhắn tới %s."},
};

static const struct state_text {
    const char *state, *text;
} state_texts[] = {
    {"received", "đã tiếp nhận"},       {"accepted", "hợp lệ, đang xử lý"},
    {"rejected", "bị từ chối"},         {"completed", "đã hoàn thành"},
    {"failed", "không thực hiện được"}, {"waiting", "đang chờ phê duyệt"},
    {"authorized", "đã phê duyệt"},     {"key_awaited", "đang chờ tạo khóa trên thiết bị"},
    {"issued", "đã cấp chứng thư"},     {"done", "đã thực hiện"},
};

/* "2026-11-25" as people write it: "25/11/2026". */
static const char *vietnamese_day(struct arena *arena, const char *text)
{
    civil_day day;
    int year, month, number;
    if (!clock_parse_day(text, &day))
        return text;
    clock_day_parts(day, &year, &month, &number);
    return arena_printf(arena, "%02d/%02d/%04d", number, month, year);
}

static const char *fill(struct arena *arena, const char *text, const char *subject,
                        const char *detail)
{
    const char *made = "";
    while (*text) {
        size_t plain = strcspn(text, "%");
        const char *value = "";
        if (text[plain] == '%' && text[plain + 1] == 'D')
            value = vietnamese_day(arena, detail);
        else if (text[plain] == '%')
            value = text[plain + 1] == 's' ? subject : detail;
        made = arena_printf(arena, "%s%.*s%s", made, (int)plain, text, value);
        text += plain + (text[plain] ? 2 : 0);
    }
    return made;
}

const char *text_of_event(struct arena *arena, const char *event, const char *subject,
                          const char *detail)
{
    for (size_t i = 0; i < COUNT_OF(event_texts); i++) {
        const struct event_text *row = &event_texts[i];
        if (strcmp(row->event, event) == 0 &&
            strncmp(detail, row->detail_prefix, strlen(row->detail_prefix)) == 0)
            return fill(arena, row->text, subject, detail);
    }
    return event;
}

const char *text_of_state(const char *state)
{
    for (size_t i = 0; i < COUNT_OF(state_texts); i++)
        if (strcmp(state_texts[i].state, state) == 0)
            return state_texts[i].text;
    return state;
}
