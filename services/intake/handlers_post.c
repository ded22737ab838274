/* POST /v1/requests: takes a signed document in, once; those that come at the same time in one
 * transaction. What is done with one post is take.c's. */
#include "services/intake/intake.h"

#include "common/bus.h"

static void answer(struct tx *tx, const struct first_answer *first, struct http_response *response)
{
    const char *url = take_status_url(tx, first);
    http_add_header(response, "Location", url);
    http_json(response, 202,
              arena_printf(tx->arena,
                           "{\"request_id\":\"%s\",\"receipt_number\":\"%s\","
                           "\"received_at\":\"%s\",\"status_url\":\"%s\"}",
                           bus_uuid_text(tx->arena, first->request_id),
                           rule_receipt_text(tx->arena, first->received_at, first->receipt_no),
                           clock_utc_text(tx->arena, first->received_at), url));
}

/* The request as a post; all of it in the arena. */
static enum rc read_post(struct tx *tx, const struct http_request *request, struct err *err,
                         struct new_post *ret_post)
{
    struct posting posting = {
        .key = http_header(request, "Idempotency-Key"), .channel = "portal", .request = request};
    TRY(rule_bearer(http_header(request, "Authorization"), err, &posting.token));
    return take_read(tx, &posting, err, ret_post);
}

enum rc on_post_request(struct tx *tx, const struct http_request *request,
                        struct http_response *response)
{
    struct new_post post;
    struct first_answer first;
    TRY(read_post(tx, request, &tx->err, &post));
    TRY(take_alone(tx, &post, &first));
    answer(tx, &first, response);
    return RC_OK;
}

/* Those that are posts at all, and the items they came in. */
static size_t read_posts(struct tx *tx, struct http_item *items, size_t count,
                         struct new_post *posts, struct http_item **owners)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        items[i].rc = read_post(tx, items[i].request, &items[i].err, &posts[n]);
        if (items[i].rc == RC_OK)
            owners[n++] = &items[i];
    }
    return n;
}

/* Keeps in front those that are new; of the others it says so. A key that stands for other bytes is
 * found when its request is stored already: nobody's is, then, and each goes its way alone. */
static enum rc sort_out(struct tx *tx, struct new_post *posts, struct stored_post *stored,
                        struct http_item **owners, size_t *count)
{
    size_t n = 0;
    for (size_t i = 0; i < *count; i++) {
        if (!stored[i].client_id) {
            owners[i]->rc = take_no_caller(&owners[i]->err);
        } else if (!stored[i].is_new) {
            owners[i]->alone = true;
        } else if (!stored[i].key_fits) {
            return take_key_conflict(tx);
        } else {
            posts[n] = posts[i];
            stored[n] = stored[i];
            owners[n++] = owners[i];
        }
    }
    *count = n;
    return RC_OK;
}

enum rc on_post_requests(struct tx *tx, struct http_item *items, size_t count)
{
    struct new_post *posts = ARENA_ARRAY(tx->arena, struct new_post, count);
    struct stored_post *stored = ARENA_ARRAY(tx->arena, struct stored_post, count);
    struct http_item **owners = ARENA_ARRAY(tx->arena, struct http_item *, count);
    struct first_answer first;
    size_t n = read_posts(tx, items, count, posts, owners);
    if (n == 0)
        return RC_OK;
    TRY(store_insert_posts(tx, posts, n, stored));
    TRY(sort_out(tx, posts, stored, owners, &n));
    TRY(store_insert_parts(tx, posts, n));
    for (size_t i = 0; i < n; i++) {
        tx->traceparent = owners[i]->traceparent;
        TRY(take_in(tx, &posts[i], &stored[i], &first));
        answer(tx, &first, &owners[i]->response);
    }
    return RC_OK;
}
