/* What people read about devices: on their way, handed over, asked back. As in templates.c. */
#include "services/notification/templates.h"

const struct notice_template template_dispatched = {
    .name = "dispatched",
    .subject = "Đã gửi {devices} thiết bị lưu khóa bí mật của yêu cầu {receipt}",
    .body =
        TEMPLATE_GREETING "{authority} đã gửi thiết bị lưu khóa bí mật tới Quý cơ quan, tổ chức:\n"
                          "\n"
                          "  Mã tiếp nhận:       {receipt}\n"
                          "  Văn bản:            số {document} ngày {document_day}\n"
                          "  Số lượng thiết bị:  {devices}\n"
                          "  Hình thức giao:     {method}\n"
                          "  Mã bưu gửi:         {tracking}\n"
                          "  Thời điểm gửi:      {when}\n"
                          "\n"
                          "Sau khi nhận, đề nghị bàn giao thiết bị cho thuê bao và thông báo theo "
                          "Mẫu 07.\n" TEMPLATE_ENDING,
    .sms = "Da gui {devices} thiet bi cua yeu cau {receipt}, {method}, ma buu gui {tracking}.",
};

const struct notice_template template_delivered = {
    .name = "delivered",
    .subject = "Thiết bị lưu khóa bí mật của yêu cầu {receipt} đã đến",
    .body = TEMPLATE_GREETING
    "Thiết bị lưu khóa bí mật đã đến Quý cơ quan, tổ chức:\n"
    "\n"
    "  Mã tiếp nhận:       {receipt}\n"
    "  Số lượng thiết bị:  {devices}\n"
    "  Thời điểm đến:      {when}\n"
    "\n"
    "Đề nghị bàn giao thiết bị cho thuê bao và thông báo theo Mẫu 07.\n" TEMPLATE_ENDING,
    .sms = "{devices} thiet bi cua yeu cau {receipt} da den luc {when}. De nghi ban giao cho thue "
           "bao va thong bao theo Mau 07.",
};

const struct notice_template template_handed_over = {
    .name = "handed_over",
    .subject = "Đã ghi nhận bàn giao {done}/{items} thiết bị, {receipt}",
    .body = TEMPLATE_GREETING
    "{authority} đã ghi nhận thông báo bàn giao thiết bị cho thuê bao (Mẫu 07):\n"
    "\n"
    "  Mã tiếp nhận:       {receipt}\n"
    "  Văn bản:            số {document} ngày {document_day}\n"
    "  Đã ghi nhận:        {done}/{items} thiết bị\n"
    "  Không chấp nhận:    {failed}\n"
    "\n"
    "{rows}" TEMPLATE_ENDING,
    .sms = "Mau 07 {receipt}: da ghi nhan ban giao {done}/{items} thiet bi, khong chap nhan "
           "{failed}.",
};

const struct notice_template template_returned = {
    .name = "returned",
    .subject = "Đã nhận lại {done}/{items} thiết bị, {receipt}",
    .body =
        TEMPLATE_GREETING "{authority} đã ghi nhận biên bản bàn giao thiết bị thu hồi (Mẫu 08):\n"
                          "\n"
                          "  Mã tiếp nhận:       {receipt}\n"
                          "  Văn bản:            số {document} ngày {document_day}\n"
                          "  Đã nhận lại:        {done}/{items} thiết bị\n"
                          "  Không chấp nhận:    {failed}\n"
                          "\n"
                          "{rows}" TEMPLATE_ENDING,
    .sms = "Mau 08 {receipt}: da nhan lai {done}/{items} thiet bi, khong chap nhan {failed}.",
};

const struct notice_template template_device_recalled = {
    .name = "device_recalled",
    .subject = "Đề nghị thu hồi thiết bị {device}, hạn {due}",
    .body = TEMPLATE_GREETING
    "Chứng thư trong thiết bị sau đây đã hết hiệu lực. Đề nghị Quý cơ quan, tổ chức thu hồi "
    "thiết bị, lập biên bản theo Mẫu 08 và giao về đúng hạn:\n"
    "\n"
    "  Số hiệu thiết bị:   {device}\n"
    "  Số hiệu chứng thư:  {serial}\n"
    "  Hạn giao về:        {due}\n"
    "  Yêu cầu cấp:        {receipt}\n" TEMPLATE_ENDING,
    .sms = "De nghi thu hoi thiet bi {device} va giao ve cham nhat ngay {due} (Mau 08).",
};

const struct notice_template template_overdue = {
    .name = "overdue",
    .subject = "Quá hạn giao về thiết bị {device} (hạn {due})",
    .body = TEMPLATE_GREETING
    "Thiết bị sau đây đã quá hạn giao về. Đề nghị Quý cơ quan, tổ chức giao về ngay theo Mẫu 08, "
    "hoặc gửi Mẫu 09 nếu thiết bị bị thất lạc:\n"
    "\n"
    "  Số hiệu thiết bị:   {device}\n"
    "  Hạn giao về:        {due}\n"
    "  Yêu cầu cấp:        {receipt}\n" TEMPLATE_ENDING,
    .sms = "Thiet bi {device} da qua han giao ve (han {due}). De nghi giao ve ngay theo Mau 08.",
};

const struct notice_template template_lost = {
    .name = "lost",
    .subject = "Thiết bị {device} được ghi nhận là thất lạc",
    .body = TEMPLATE_GREETING
    "{authority} đã ghi nhận thiết bị sau đây bị thất lạc; không cần giao về:\n"
    "\n"
    "  Số hiệu thiết bị:   {device}\n"
    "  Số hiệu chứng thư:  {serial}\n"
    "  Yêu cầu cấp:        {receipt}\n"
    "\n"
    "Nếu chứng thư còn hiệu lực, đề nghị gửi ngay yêu cầu thu hồi (Mẫu 05, kèm Mẫu "
    "09).\n" TEMPLATE_ENDING,
    .sms = "Thiet bi {device} (yeu cau {receipt}) duoc ghi nhan la that lac.",
};
