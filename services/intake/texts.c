/* The Vietnamese sentences of the timeline: one table of event → text. Lines are stored as event,
 * subject and detail, so a better sentence here is better for old requests too. */
#include "services/intake/intake.h"

#include <string.h>

/* %s stands for the subject, %d for the detail, %w for its first word, %r for what follows that, %D
 * for its last word, a day. The first row fits whose prefix begins the detail. */
static const struct event_text {
    const char *event, *detail_prefix, *text;
} event_texts[] = {
    {"RequestSubmitted", "", "Đã tiếp nhận văn bản, số biên nhận %d."},
    {"RequestAccepted", "", "Yêu cầu của %s hợp lệ; hạn trả kết quả: %D."},
    {"RequestRejected", "", "Yêu cầu bị từ chối; xem các lý do kèm theo."},
    {"RequestWaiting", "review_awaited", "Yêu cầu hợp lệ và đang chờ cán bộ phê duyệt."},
    {"RequestWaiting", "not_yet",
     "Đang chờ dữ liệu mới nhất về chứng thư để đối chiếu các số hiệu trong văn bản."},
    {"RequestWaiting", "", "Đang chờ danh sách chứng thư bị thu hồi của %s để kiểm tra người ký."},
    {"ItemAuthorized", "", "Đã phê duyệt cấp chứng thư cho %s."},
    {"KeyAwaited", "", "Đang chờ tạo khóa trên thiết bị lưu khóa bí mật cho %s."},
    {"CertificateIssued", "", "Đã cấp chứng thư cho %s, số hiệu %d."},
    {"IssuanceFailed", "order_conflict",
     "Không cấp được chứng thư: lệnh cấp đã được ký trước khi dữ liệu được khôi phục về thời điểm "
     "trước. Đề nghị gửi văn bản mới."},
    {"IssuanceFailed", "", "Không cấp được chứng thư; xem lý do của thuê bao."},
    {"RevocationAuthorized", "", "Đã chấp thuận thu hồi chứng thư của %s, số hiệu %d."},
    {"CertificateRevoked", "", "Đã thu hồi chứng thư của %s, số hiệu %d."},
    {"RevocationRefused", "", "Không thu hồi được chứng thư số hiệu %d; xem lý do của thuê bao."},
    {"CertificateExpired", "", "Chứng thư của %s, số hiệu %d, đã hết hạn."},
    {"DeviceAssigned", "", "Thiết bị lưu khóa bí mật %d đã được chỉ định cho %s."},
    {"DeviceDispatched", "in_person", "Thiết bị %r của %s đã sẵn sàng để giao trực tiếp."},
    {"DeviceDispatched", "cipher_organisation", "Đã gửi thiết bị %r của %s qua tổ chức cơ yếu."},
    {"DeviceDispatched", "", "Đã gửi thiết bị của %s qua dịch vụ bưu chính công ích (%r)."},
    {"ShipmentMoved", "ACCEPTED", "Bưu gửi %s: bưu cục đã chấp nhận."},
    {"ShipmentMoved", "IN_TRANSIT", "Bưu gửi %s: đang vận chuyển."},
    {"ShipmentMoved", "AT_DELIVERY_OFFICE", "Bưu gửi %s: đã đến bưu cục phát."},
    {"ShipmentMoved", "OUT_FOR_DELIVERY", "Bưu gửi %s: đang đi phát."},
    {"ShipmentMoved", "ATTEMPTED", "Bưu gửi %s: phát không thành công."},
    {"ShipmentMoved", "DELIVERED", "Thiết bị lưu khóa bí mật đã đến cơ quan, tổ chức."},
    {"ShipmentMoved", "RETURNING", "Bưu gửi %s: đang chuyển hoàn."},
    {"ShipmentMoved", "RETURNED", "Thiết bị không giao được và đã quay về."},
    {"ShipmentMoved", "LOST", "Thiết bị lưu khóa bí mật bị thất lạc trên đường vận chuyển."},
    {"DeviceHandedOver", "", "Thiết bị %w đã được bàn giao cho %s ngày %D."},
    {"DeviceReturned", "", "Đã nhận lại thiết bị %w của %s; tình trạng: %r."},
    {"DeviceReportRefused", "",
     "Báo cáo về thiết bị %d không được chấp nhận; xem lý do của thuê bao."},
    {"DeviceRecalled", "", "Đề nghị thu hồi thiết bị %w của %s và giao về chậm nhất ngày %D."},
    {"RecallOverdue", "", "Thiết bị %w của %s quá hạn giao về (hạn: %D)."},
    {"DeviceLost", "", "Thiết bị %d của %s được ghi nhận là thất lạc."},
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

static const struct state_text shipment_texts[] = {
    {"CREATED", "đã giao cho bên vận chuyển"},
    {"ACCEPTED", "bưu cục đã chấp nhận"},
    {"IN_TRANSIT", "đang vận chuyển"},
    {"AT_DELIVERY_OFFICE", "đã đến bưu cục phát"},
    {"OUT_FOR_DELIVERY", "đang đi phát"},
    {"ATTEMPTED", "phát không thành công"},
    {"DELIVERED", "đã đến cơ quan, tổ chức"},
    {"RETURNING", "đang chuyển hoàn"},
    {"RETURNED", "đã chuyển hoàn"},
    {"LOST", "thất lạc"},
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

static const char *value_of(struct arena *arena, char letter, const char *subject,
                            const char *detail)
{
    const char *space = strchr(detail, ' '), *last = strrchr(detail, ' ');
    switch (letter) {
    case 's':
        return subject;
    case 'w':
        return space ? arena_strndup(arena, detail, (size_t)(space - detail)) : detail;
    case 'r':
        return space ? space + 1 : "";
    case 'D':
        return vietnamese_day(arena, last ? last + 1 : detail);
    default:
        return detail;
    }
}

static const char *fill(struct arena *arena, const char *text, const char *subject,
                        const char *detail)
{
    const char *made = "";
    while (*text) {
        size_t plain = strcspn(text, "%");
        const char *value = "";
        if (text[plain] == '%')
            value = value_of(arena, text[plain + 1], subject, detail);
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

static const char *find_text(const struct state_text *rows, size_t count, const char *state)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].state, state) == 0)
            return rows[i].text;
    return state;
}

const char *text_of_state(const char *state)
{
    return find_text(state_texts, COUNT_OF(state_texts), state);
}

const char *text_of_shipment(const char *state)
{
    return find_text(shipment_texts, COUNT_OF(shipment_texts), state);
}
