/* Calls about lists: their history, their bytes. A list's bytes are put together from its pages as
 * somebody asks for a part of them; old lists are no other. */
#include <string.h>

#include "common/pb_bytes.h"
#include "proto/bus.pb-c.h"
#include "services/revocation/revocation.h"

#define MAX_CHUNK_BYTES (1024 * 1024)
#define PAGE 100
#define MAX_NOTE_BYTES 2000

/* Bytes from `offset` on of three parts that follow each other, as far as one part goes. */
static enum rc get_chunk(struct tx *tx, const struct list_row *list, uint64_t offset, uint32_t size,
                         struct bytes *ret_chunk)
{
    const struct revocation *revocation = tx->state;
    struct tbs_list form = {
        .issuer = x509_ca_find(revocation->issuers, revocation->issuer_count, list->issuer),
        .number = list->number,
        .this_update = list->this_update,
        .next_update = list->next_update,
        .entries_bytes = list->entries_bytes};
    struct tbs_edges edges;
    struct bytes rest;

    CHECK(form.issuer, &tx->err, TRIEN__ERROR__NOT_FOUND, "no certificate of %.40s here",
          list->issuer);
    edges = tbs_list_signed_edges(tx->arena, &form, list->signature);
    if (offset < edges.before.n) {
        rest = bytes_of(edges.before.p + offset, edges.before.n - offset);
    } else if (offset - edges.before.n < list->entries_bytes) {
        return store_get_entries(tx, list->issuer, list->number, offset - edges.before.n, size,
                                 ret_chunk);
    } else {
        offset -= edges.before.n + list->entries_bytes;
        offset = offset < edges.after.n ? offset : edges.after.n;
        rest = bytes_of(edges.after.p + offset, edges.after.n - offset);
    }
    *ret_chunk = bytes_of(rest.p, rest.n < size ? rest.n : size);
    return RC_OK;
}

enum rc on_get_crl(struct tx *tx, const void *in, void *reply)
{
    const Trien__GetCrl *call = in;
    Trien__GetCrlReply *answer = reply;
    uint32_t size = call->max_bytes < MAX_CHUNK_BYTES ? call->max_bytes : MAX_CHUNK_BYTES;
    struct bytes chunk = {NULL, 0};
    struct list_row list;
    bool found = false;

    CHECK(call->offset < INT32_MAX && call->number <= INT64_MAX, &tx->err, TRIEN__ERROR__MALFORMED,
          "offset or number");
    TRY(store_get_list(tx, call->issuer, call->has_number ? call->number : 0, &found, &list));
    CHECK(found, &tx->err, TRIEN__ERROR__NOT_FOUND, "no such list of %.40s", call->issuer);
    if (list.signature.n == 0)
        TRY(store_get_body(tx, list.list_id, call->offset, size, &chunk));
    else if (size > 0)
        TRY(get_chunk(tx, &list, call->offset, size, &chunk));
    answer->chunk = pb_of_bytes(chunk);
    answer->number = list.number;
    answer->size_bytes = list.size_bytes;
    answer->sha256 = pb_of_bytes(list.sha256);
    return RC_OK;
}

enum rc on_get_crl_entries(struct tx *tx, const void *in, void *reply)
{
    const Trien__GetCrlEntries *call = in;
    Trien__GetCrlEntriesReply *answer = reply;
    struct bytes part = {NULL, 0};
    struct list_row list;
    bool found = false;

    CHECK(call->number > 0 && call->number <= INT64_MAX, &tx->err, TRIEN__ERROR__MALFORMED,
          "number");
    TRY(store_get_written(tx, call->issuer, call->number, &found, &list));
    CHECK(found && call->offset < list.entries_bytes, &tx->err, TRIEN__ERROR__NOT_FOUND,
          "list %llu of %.40s is not on its way", (unsigned long long)call->number, call->issuer);
    TRY(store_get_entries(tx, call->issuer, call->number, call->offset, MAX_CHUNK_BYTES, &part));
    answer->entries = pb_of_bytes(part);
    return RC_OK;
}

static void fill_list(const struct list_row *from, Trien__RevocationList *list)
{
    trien__revocation_list__init(list);
    list->number = from->number;
    list->this_update = from->this_update;
    list->next_update = from->next_update;
    list->entries = from->entries;
    list->size_bytes = from->size_bytes;
    list->sha256 = pb_of_bytes(from->sha256);
}

enum rc on_list_revocation_lists(struct tx *tx, const void *in, void *reply)
{
    const Trien__ListRevocationLists *call = in;
    Trien__ListRevocationListsReply *answer = reply;
    uint32_t limit = call->has_limit && call->limit < PAGE ? call->limit : PAGE;
    Trien__RevocationList *lists;
    struct list_row *rows;
    size_t count = 0;

    CHECK(call->before <= INT64_MAX, &tx->err, TRIEN__ERROR__MALFORMED, "before");
    TRY(store_list_lists(tx, call->issuer, call->has_before ? call->before : 0, (int32_t)limit,
                         &count, &rows));
    lists = ARENA_ARRAY(tx->arena, Trien__RevocationList, count);
    answer->lists = ARENA_ARRAY(tx->arena, Trien__RevocationList *, count);
    for (size_t i = 0; i < count; i++) {
        fill_list(&rows[i], &lists[i]);
        answer->lists[i] = &lists[i];
    }
    answer->n_lists = count;
    return RC_OK;
}

enum rc on_accept_lists(struct tx *tx, const void *in, void *reply)
{
    const Trien__AcceptLists *call = in;
    Trien__AcceptListsReply *answer = reply;
    bool accepted = false;

    err_field(&tx->err, "note");
    CHECK(*call->note && strlen(call->note) <= MAX_NOTE_BYTES &&
              bytes_are_text(bytes_of_text(call->note)),
          &tx->err, TRIEN__ERROR__FIELD_INVALID, "what was entered anew, 1 to %d bytes",
          MAX_NOTE_BYTES);
    err_clear(&tx->err);
    CHECK(call->number < INT64_MAX, &tx->err, TRIEN__ERROR__FIELD_INVALID, "number");
    TRY(store_set_number_accepted(tx, call->issuer, call->number, &accepted));
    CHECK(accepted, &tx->err, TRIEN__ERROR__WRONG_STATE,
          "the signer is not ahead of %.40s by list %llu", call->issuer,
          (unsigned long long)call->number);
    answer->next_number = call->number + 1;
    return emit_operator_act(
        tx, "lists accept",
        arena_printf(tx->arena, "%s/%llu", call->issuer, (unsigned long long)call->number),
        call->note);
}
