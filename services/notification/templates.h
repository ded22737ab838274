/* The texts of the notices, as data, and the one function that fills them in. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"

/* One notice in its three texts; {name} stands for a field. Vietnamese, no links. */
struct notice_template {
    const char *name; /* as in NoticeDelivered.template */
    const char *subject, *body;
    const char *sms; /* unaccented after rendering; one segment */
};

/* A value for {name}. Values of one line have controls and line ends taken out; `lines` is a text
 * of several lines made by us. */
struct template_field {
    const char *name, *value;
    bool lines;
};

extern const struct notice_template template_accepted, template_rejected, template_issued,
    template_revoked, template_recalled;
/* templates_device.c */
extern const struct notice_template template_handed_over, template_returned, template_dispatched,
    template_delivered, template_device_recalled, template_overdue, template_lost;

/* What every mail begins and ends with. */
#define TEMPLATE_GREETING "Kính gửi: {agency}\n\n"
#define TEMPLATE_ENDING                                                                            \
    "\nKhi cần liên hệ, xin nêu mã tiếp nhận {receipt}.\n"                              \
    "Thư này được gửi tự động, xin không trả lời vào địa chỉ này.\n"      \
    "\n{authority}\n{contact}"

/** The text with every {name} replaced, in the arena. A name without a field becomes "". What
 * values contain is never looked at again: a value "{x}" stays as it is. `fields` ends with name
 * NULL. */
const char *template_render(struct arena *arena, const char *text,
                            const struct template_field *fields);

/** One line of text for people: controls become spaces, at most limit_characters characters (then
 *  "…"); invalid UTF-8 gives "". In the arena. */
const char *template_one_line(struct arena *arena, const char *text, size_t limit_characters);

/** "Mẫu 01 (cấp mới cho cá nhân)" for a form's code; the code itself when it is not known. */
const char *template_form(const char *form);

/** "2026-11-20" → "20/11/2026"; anything else as it is. */
const char *template_day(struct arena *arena, const char *day);
