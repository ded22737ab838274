/* Writes e-mail: header words, date, quoted-printable text. Makes bytes only; it sends nothing and
 * believes that addresses were checked. */
#include "services/notification/mime.h"

#include <string.h>
#include <unistr.h>

#define WORD_BYTES 39 /* of UTF-8 in one encoded word: 52 of base64 and 12 around it */

static bool is_plain(const char *text)
{
    if (strlen(text) > 60 || strstr(text, "=?"))
        return false;
    for (const char *p = text; *p; p++)
        if (*p < ' ' || *p >= 0x7f)
            return false;
    return true;
}

/* Bytes of the longest run of whole letters within WORD_BYTES. */
static size_t word_length(const uint8_t *text, size_t size)
{
    size_t length = 0;

    while (length < size) {
        ucs4_t letter;
        size_t step = (size_t)u8_mbtouc(&letter, text + length, size - length);
        if (length + step > WORD_BYTES)
            break;
        length += step;
    }
    return length;
}

const char *mime_header_text(struct arena *arena, const char *text)
{
    size_t size = strlen(text), at = 0;
    char *out, *end;

    if (is_plain(text))
        return text;
    end = out = arena_alloc(arena, (size / (WORD_BYTES - 5) + 1) * 80 + 1);
    while (at < size) {
        size_t length = word_length((const uint8_t *)text + at, size - at);
        end = stpcpy(end, at ? "\r\n =?UTF-8?B?" : "=?UTF-8?B?");
        end = stpcpy(end, bytes_to_base64(arena, bytes_of(text + at, length)));
        end = stpcpy(end, "?=");
        at += length;
    }
    return out;
}

/* The letter needs no encoding inside a line; white space at the end of a line does. */
static bool is_literal(unsigned char c, char next)
{
    if (c == ' ' || c == '\t')
        return next != '\n' && next != 0;
    return c > ' ' && c < 0x7f && c != '=';
}

const char *mime_quoted_printable(struct arena *arena, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = arena_alloc(arena, strlen(text) * 4 + 8), *end = out;
    size_t column = 0;

    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '\n') {
            end = stpcpy(end, "\r\n");
            column = 0;
            continue;
        }
        if (column > 72) {
            end = stpcpy(end, "=\r\n");
            column = 0;
        }
        /* A lone dot would end an SMTP transfer where a relay forgets to double it. */
        if (is_literal(c, p[1]) && !(c == '.' && column == 0)) {
            *end++ = (char)c;
            column++;
        } else {
            *end++ = '=';
            *end++ = digits[c >> 4];
            *end++ = digits[c & 15];
            column += 3;
        }
    }
    return out;
}

const char *mime_date(struct arena *arena, usec at)
{
    static const char *const weekdays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    civil_day day = clock_civil_day(at);
    int64_t second = (at - clock_day_start(day)) / USEC_PER_SECOND;
    int year, month, day_of_month;

    clock_day_parts(day, &year, &month, &day_of_month);
    return arena_printf(arena, "%s, %02d %s %04d %02d:%02d:%02d +0700",
                        weekdays[clock_weekday(day)], day_of_month, months[month - 1], year,
                        (int)(second / 3600), (int)(second / 60 % 60), (int)(second % 60));
}

/* "a@x,\r\n b@x" */
static const char *address_list(struct arena *arena, const char *const *addresses)
{
    const char *list = "";

    for (; *addresses; addresses++)
        list = arena_printf(arena, "%s%s%s", list, *list ? ",\r\n " : "", *addresses);
    return list;
}

struct bytes mime_message(struct arena *arena, const struct mime_mail *mail)
{
    const char *from = *mail->from_name ? arena_printf(arena, "%s\r\n <%s>",
                                                       mime_header_text(arena, mail->from_name),
                                                       mail->from_address)
                                        : mail->from_address;

    return bytes_of_text(arena_printf(
        arena,
        "From: %s\r\n"
        "To: %s\r\n"
        "Subject: %s\r\n"
        "Date: %s\r\n"
        "Message-ID: <%s>\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "Content-Language: vi\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n"
        "\r\n"
        "%s",
        from, address_list(arena, mail->to), mime_header_text(arena, mail->subject),
        mime_date(arena, mail->date), mail->message_id, mime_quoted_printable(arena, mail->body)));
}
