/* The public side: checkpoint, leaves, proofs. Contents and salts never leave by this door, but for
 * entries that begin a new journal: who follows the checkpoints must see why. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "services/audit/audit.h"
#include "services/audit/rules.h"
#include "services/audit/store.h"
#include "services/audit/tree.h"

DEFINE_AUTOPTR(json_t, json_decref)

/* A query value as a number, when it is there. */
static enum rc find_number(struct tx *tx, const struct http_request *request, const char *name,
                           bool *ret_is_given, uint64_t *ret_number)
{
    const char *text = http_query_value(request, name);

    *ret_is_given = text != NULL;
    if (!text || rule_number(text, ret_number))
        return RC_OK;
    err_field(&tx->err, "%s", name);
    FAIL(&tx->err, TRIEN__ERROR__FIELD_INVALID,
         "%s: a decimal number without sign or leading zeros", name);
}

static enum rc number_of(struct tx *tx, const struct http_request *request, const char *name,
                         uint64_t *ret_number)
{
    bool is_given;

    TRY(find_number(tx, request, name, &is_given, ret_number));
    if (is_given)
        return RC_OK;
    err_field(&tx->err, "%s", name);
    FAIL(&tx->err, TRIEN__ERROR__FIELD_MISSING, "%s is needed", name);
}

static enum rc number_or(struct tx *tx, const struct http_request *request, const char *name,
                         uint64_t fallback, uint64_t *ret_number)
{
    bool is_given;

    TRY(find_number(tx, request, name, &is_given, ret_number));
    if (!is_given)
        *ret_number = fallback;
    return RC_OK;
}

static enum rc refuse_number(struct tx *tx, const char *name, uint64_t size)
{
    err_field(&tx->err, "%s", name);
    FAIL(&tx->err, TRIEN__ERROR__FIELD_INVALID, "%s does not fit a journal of %" PRIu64 " entries",
         name, size);
}

/* The size a proof is for: unless the question names one, the last signed head's. */
static enum rc size_of(struct tx *tx, const struct http_request *request, const char *name,
                       bool *ret_is_given, uint64_t *ret_size)
{
    struct checkpoint_row last;

    TRY(find_number(tx, request, name, ret_is_given, ret_size));
    if (*ret_is_given)
        return RC_OK;
    TRY(store_find_last_checkpoint(tx, &last));
    *ret_size = last.size;
    return RC_OK;
}

/* Entries that are there, as far as `wanted` needs to know: a journal never becomes smaller. */
static enum rc present_size(struct tx *tx, uint64_t wanted, uint64_t *ret_size)
{
    struct audit_state *state = tx->state;
    struct journal_head head;

    *ret_size = atomic_load(&state->known_size);
    if (wanted <= *ret_size)
        return RC_OK;
    TRY(store_get_head(tx, &head));
    *ret_size = head.range.size;
    atomic_store(&state->known_size, head.range.size);
    return RC_OK;
}

static json_t *base64_json(struct arena *arena, struct bytes in)
{
    return json_string(bytes_to_base64(arena, in));
}

static json_t *hash_json(struct arena *arena, const struct merkle_hash *hash)
{
    return base64_json(arena, bytes_of(hash->b, sizeof(hash->b)));
}

static json_t *path_json(struct arena *arena, const struct merkle_hash *path, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, hash_json(arena, &path[i]));
    return list;
}

/* Sends the document. `is_fixed`: the same question has this answer for ever. */
static void answer(struct tx *tx, struct http_response *response, const json_t *document,
                   bool is_fixed)
{
    char *text = json_dumps(document, JSON_COMPACT);

    http_json(response, 200, arena_strdup(tx->arena, text));
    free(text);
    http_add_header(response, "Cache-Control",
                    is_fixed ? "max-age=86400, public, immutable" : "no-cache");
}

static json_t *entry_json(struct arena *arena, const struct journal_row *row)
{
    json_t *entry = json_pack("{s:I, s:o}", "sequence", (json_int_t)row->sequence, "leaf",
                              base64_json(arena, row->leaf));

    if (row->content.n) {
        json_object_set_new(entry, "salt", base64_json(arena, row->salt));
        json_object_set_new(entry, "content", base64_json(arena, row->content));
    }
    return entry;
}

/* --- routes ------------------------------------------------------------------------------------
 */

enum rc http_checkpoint(struct tx *tx, const struct http_request *request,
                        struct http_response *response)
{
    struct checkpoint_row last;

    (void)request;
    TRY(store_find_last_checkpoint(tx, &last));
    CHECK(last.size, &tx->err, TRIEN__ERROR__NOT_FOUND, "no checkpoint was signed yet");
    response->content_type = "text/plain; charset=utf-8";
    response->body = bytes_of_text(last.note);
    http_add_header(response, "Cache-Control", "no-cache");
    return RC_OK;
}

enum rc http_entries(struct tx *tx, const struct http_request *request,
                     struct http_response *response)
{
    const uint64_t page = AUDIT_PAGE_ENTRIES;
    autoptr(json_t) document = NULL;
    struct journal_head head;
    struct journal_row *rows;
    uint64_t from, limit;
    json_t *list;
    size_t count;

    TRY(number_or(tx, request, "from", 0, &from));
    TRY(number_or(tx, request, "limit", page, &limit));
    limit = limit < page ? limit : page;
    TRY(store_get_head(tx, &head));
    TRY(store_list_entries(
        tx, from, from + limit < head.range.size ? from + limit : head.range.size, &rows, &count));
    document = json_pack("{s:I, s:[]}", "size", (json_int_t)head.range.size, "entries");
    list = json_object_get(document, "entries");
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, entry_json(tx->arena, &rows[i]));
    answer(tx, response, document, false);
    return RC_OK;
}

enum rc http_inclusion(struct tx *tx, const struct http_request *request,
                       struct http_response *response)
{
    struct merkle_hash path[MERKLE_MAX_PATH], leaf;
    autoptr(json_t) document = NULL;
    struct merkle_plan plan;
    uint64_t entry, size, present;
    bool is_given;

    TRY(number_of(tx, request, "entry", &entry));
    TRY(size_of(tx, request, "size", &is_given, &size));
    TRY(present_size(tx, size, &present));
    if (size > present)
        return refuse_number(tx, "size", present);
    if (!merkle_plan_inclusion(entry, size, &plan))
        return refuse_number(tx, "entry", size);
    TRY(tree_inclusion(tx, present, entry, &plan, &leaf, path));
    document = json_pack("{s:I, s:I, s:o, s:o}", "entry", (json_int_t)entry, "size",
                         (json_int_t)size, "leaf_hash", hash_json(tx->arena, &leaf), "audit_path",
                         path_json(tx->arena, path, plan.element_count));
    answer(tx, response, document, is_given);
    return RC_OK;
}

enum rc http_consistency(struct tx *tx, const struct http_request *request,
                         struct http_response *response)
{
    struct merkle_hash path[MERKLE_MAX_PATH];
    autoptr(json_t) document = NULL;
    struct merkle_plan plan;
    uint64_t from, to, present;
    bool is_given;

    TRY(number_of(tx, request, "from", &from));
    TRY(size_of(tx, request, "to", &is_given, &to));
    TRY(present_size(tx, to, &present));
    if (to > present)
        return refuse_number(tx, "to", present);
    if (!merkle_plan_consistency(from, to, &plan))
        return refuse_number(tx, "from", to);
    TRY(tree_fold(tx, present, &plan, path));
    document = json_pack("{s:I, s:I, s:o}", "from", (json_int_t)from, "to", (json_int_t)to,
                         "consistency_path", path_json(tx->arena, path, plan.element_count));
    answer(tx, response, document, is_given);
    return RC_OK;
}
