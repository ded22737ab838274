/* Writes a notice and queues it: the texts, the ways it goes, its rows and its effects. */
#pragma once

#include "services/notification/notification.h"
#include "services/notification/store.h"
#include "services/notification/templates.h"

#define NOTICE_MAX_EMAILS 5
#define DIGEST_MAX_ROWS 200 /* more subscribers are counted, not listed */

/* Where a notice goes. */
struct notice_address {
    const char *emails; /* usable addresses separated by spaces, or "" */
    const char *mobile; /* "+84…" or "" */
};

/** Who is written to: by e-mail everyone named with a usable address (NOTICE_MAX_EMAILS at most,
 * the receiver first, none twice), by SMS the first one with a Vietnamese mobile number. `receiver`
 * may be NULL. */
struct notice_address notice_addresses(struct arena *arena, const Trien__Contact *receiver,
                                       Trien__Contact *const *contacts, size_t contact_count);

/** Renders the template and queues it by every way there is. Without any way NoticeFailed is said
 *  and nothing else happens. `fields` ends with name NULL; authority and contact are added. */
enum rc notice_queue(struct tx *tx, const char *request_id, int64_t number,
                     const struct notice_template *template, const struct notice_address *address,
                     const struct template_field *fields) MUST_USE;

/** The digest of what has ended since the last one. `only` is the one end it carries, or NULL when
 *  they are to be read from the database. */
enum rc notice_queue_digest(struct tx *tx, const struct request_row *request,
                            const struct item_row *only) MUST_USE;

/** One more item of a request has ended; the last one sends the digest. NOT_YET before the request
 *  is known. handlers.c. */
enum rc notice_end_item(struct tx *tx, const char *request_id,
                        const struct item_row *item) MUST_USE;

/** "<request id>/<n>" → n */
int64_t notice_item_number(const char *item_id);

/** The reasons as one line of Vietnamese. */
const char *notice_reasons(struct arena *arena, Trien__Reason *const *reasons, size_t count);
