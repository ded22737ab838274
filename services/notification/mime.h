/* One e-mail as bytes (RFC 5322, MIME). */
#pragma once

#include <stddef.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/clock.h"

struct mime_mail {
    const char *from_address, *from_name; /* the name in UTF-8 */
    const char *const *to;  /* usable addresses (rule_email_usable), NULL-terminated */
    const char *subject;    /* UTF-8 */
    const char *body;       /* UTF-8, LF line ends */
    const char *message_id; /* without angle brackets */
    usec date;
};

/** The whole message with CRLF line ends, in the arena; the same bytes for the same mail. Headers
 *  say that it was made by a program (RFC 3834), the text is quoted-printable UTF-8. */
struct bytes mime_message(struct arena *arena, const struct mime_mail *mail);

/** Header text: as it is when plain ASCII that needs nothing, else encoded words (RFC 2047) of 75
 *  characters at most, folded, never splitting a letter. */
const char *mime_header_text(struct arena *arena, const char *text);

/** Quoted-printable (RFC 2045 6.7) with CRLF line ends and lines of 76 characters at most. */
const char *mime_quoted_printable(struct arena *arena, const char *text);

/** "Sun, 22 Nov 2026 10:15:02 +0700": Vietnamese time. */
const char *mime_date(struct arena *arena, usec at);
