/* Having a list signed. An effect has no database: the entries come from this service by a call to
 * itself, part by part, and go on to the signer; what is kept of them is a digest. The same list
 * again gets the same answer from the signer, so an act may be repeated; what comes back is
 * believed only when it verifies over what was sent. */
#include <string.h>

#include "common/der.h"
#include "common/metrics.h"
#include "common/pb_bytes.h"
#include "services/revocation/revocation.h"

#define CALL_DEADLINE_MS 20000
#define PART_ARENA_BYTES ((size_t)16 * 1024 * 1024)
#define SURELY_NEW (60 * USEC_PER_SECOND)

METRIC_FAMILY(built) = {
    .kind = METRIC_COUNTER,
    .name = "trien_crl_built_total",
    .help = "Revocation lists by outcome.",
    .labels = "issuer,outcome",
};

/* --- the entries, part by part -------------------------------------------------------------------
 */

/* The SHA-256 of something that is never whole in memory, and how long it was. */
struct sum {
    EVP_MD_CTX *ctx;
    uint64_t size;
};

static enum rc sum_add(struct sum *sum, struct bytes in, struct err *err)
{
    CHECK(EVP_DigestUpdate(sum->ctx, in.p, in.n) == 1, err, TRIEN__ERROR__OVERLOADED, "no digest");
    sum->size += in.n;
    return RC_OK;
}

/* Takes the entries at `offset`. */
typedef enum rc take_fn(struct fx *fx, const Trien__SignCrl *list, uint64_t offset,
                        struct bytes entries);

static enum rc take_part(struct fx *fx, const Trien__SignCrl *list, uint64_t *offset,
                         struct sum *sum, take_fn *take)
{
    Trien__GetCrlEntries ask = TRIEN__GET_CRL_ENTRIES__INIT;
    Trien__GetCrlEntriesReply *reply = NULL;
    struct bytes entries;

    ask.issuer = list->issuer;
    ask.number = list->number;
    ask.offset = *offset;
    TRY(fx_call(fx, "revocation", &ask, &trien__get_crl_entries_reply__descriptor, CALL_DEADLINE_MS,
                NULL, &reply));
    entries = bytes_of_pb(reply->entries);
    CHECK(entries.n > 0 && entries.n <= list->entries_bytes - *offset, &fx->err,
          TRIEN__ERROR__NOT_FOUND, "list %llu of %s has other entries now",
          (unsigned long long)list->number, list->issuer);
    TRY(sum_add(sum, entries, &fx->err));
    if (take)
        TRY(take(fx, list, *offset, entries));
    *offset += entries.n;
    return RC_OK;
}

/* Adds what stands before the entries, all entries, and what stands behind them. Each part has a
 * memory of its own. */
static enum rc sum_list(struct fx *fx, const Trien__SignCrl *list, const struct tbs_edges *edges,
                        take_fn *take, uint8_t ret_sha256[32], uint64_t *ret_size)
{
    autoptr(EVP_MD_CTX) ctx = EVP_MD_CTX_new();
    autoptr(arena_t) apart = arena_new(PART_ARENA_BYTES);
    struct sum sum = {ctx, 0};
    struct arena *own = fx->arena;
    enum rc rc = RC_OK;

    CHECK(ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1, &fx->err,
          TRIEN__ERROR__OVERLOADED, "no digest");
    TRY(sum_add(&sum, edges->before, &fx->err));
    for (uint64_t offset = 0; rc == RC_OK && offset < list->entries_bytes;) {
        fx->arena = apart;
        rc = take_part(fx, list, &offset, &sum, take);
        fx->arena = own;
        arena_reset(apart);
    }
    TRY(rc);
    TRY(sum_add(&sum, edges->after, &fx->err));
    CHECK(EVP_DigestFinal_ex(ctx, ret_sha256, NULL) == 1, &fx->err, TRIEN__ERROR__OVERLOADED,
          "no digest");
    *ret_size = sum.size;
    return RC_OK;
}

/* --- the signer ----------------------------------------------------------------------------------
 */

static enum rc send_part(struct fx *fx, const Trien__SignCrl *list, uint64_t offset,
                         struct bytes entries)
{
    Trien__AddCrlEntries part = TRIEN__ADD_CRL_ENTRIES__INIT;
    Trien__AddCrlEntriesReply *reply = NULL;

    part.issuer = list->issuer;
    part.number = list->number;
    part.tbs_der = list->tbs_der;
    part.entries_bytes = list->entries_bytes;
    part.offset = offset;
    part.entries = pb_of_bytes(entries);
    TRY(fx_call(fx, "signer", &part, &trien__add_crl_entries_reply__descriptor, CALL_DEADLINE_MS,
                NULL, &reply));
    CHECK(reply->held_bytes == offset + entries.n, &fx->err, TRIEN__ERROR__NOT_YET,
          "the signer began anew: so does the list");
    return RC_OK;
}

static enum rc ask_signature(struct fx *fx, const Trien__SignCrl *list,
                             const uint8_t tbs_sha256[32], struct bytes *ret_signature)
{
    Trien__SignCrl call = *list;
    Trien__SignCrlReply *reply = NULL;

    call.has_tbs_sha256 = true;
    call.tbs_sha256 = pb_of_bytes(bytes_of(tbs_sha256, 32));
    TRY(fx_call(fx, "signer", &call, &trien__sign_crl_reply__descriptor, CALL_DEADLINE_MS, fx->key,
                &reply));
    *ret_signature = bytes_of_pb(reply->signature);
    return RC_OK;
}

/* One that may have been asked for before may be signed already, and be too old to be sent once
 * more; or the signer has another one of its number. */
static enum rc ask_again(struct fx *fx, const Trien__SignList *intent,
                         const struct tbs_edges *edges, uint8_t ret_sha256[32],
                         struct bytes *ret_signature)
{
    const Trien__SignCrl *list = intent->request;
    bool is_new = fx->attempt == 1 && fx->now - intent->this_update < SURELY_NEW;
    uint64_t size = 0;
    enum rc rc;

    if (is_new || !list->has_entries_bytes)
        return RC_OK;
    TRY(sum_list(fx, list, edges, NULL, ret_sha256, &size));
    rc = ask_signature(fx, list, ret_sha256, ret_signature);
    if (rc == RC_RETRY && fx->err.code == TRIEN__ERROR__NOT_YET) {
        err_clear(&fx->err);
        return RC_OK;
    }
    return rc;
}

static enum rc have_signed(struct fx *fx, const struct x509_ca *issuer,
                           const Trien__SignList *intent, const struct tbs_edges *edges,
                           uint8_t ret_sha256[32], struct bytes *ret_signature)
{
    const Trien__SignCrl *list = intent->request;
    struct bytes signature = {NULL, 0};
    uint64_t size = 0;

    TRY(ask_again(fx, intent, edges, ret_sha256, &signature));
    if (signature.n == 0) {
        TRY(sum_list(fx, list, edges, send_part, ret_sha256, &size));
        TRY(ask_signature(fx, list, ret_sha256, &signature));
    }
    CHECK(signature.n > 0 && signature.n <= 1024 &&
              x509_ca_verify_digest(issuer, ret_sha256, signature),
          &fx->err, TRIEN__ERROR__ANSWER_MISMATCH, "the signature over the list does not verify");
    *ret_signature = signature;
    return RC_OK;
}

/* --- the effect ----------------------------------------------------------------------------------
 */

enum rc sign_list_act(struct fx *fx, const void *in, ProtobufCMessage **ret_result)
{
    const struct revocation *revocation = fx->state;
    const Trien__SignList *intent = in;
    const Trien__SignCrl *request = intent->request;
    Trien__SignedList *signed_list = ARENA_NEW(fx->arena, Trien__SignedList);
    uint8_t *tbs_sha256 = arena_alloc(fx->arena, 32), *sha256 = arena_alloc(fx->arena, 32);
    const struct tbs_list list = {
        .issuer = x509_ca_find(revocation->issuers, revocation->issuer_count, request->issuer),
        .number = request->number,
        .this_update = intent->this_update,
        .next_update = intent->next_update,
        .entries_bytes = request->entries_bytes};
    struct bytes signature = {NULL, 0};
    struct tbs_edges edges;
    uint64_t size = 0;

    CHECK(list.issuer, &fx->err, TRIEN__ERROR__PEER_UNAVAILABLE,
          "this process does not know the certificate of %s", request->issuer);
    edges = tbs_list_edges(fx->arena, &list);
    TRY(have_signed(fx, list.issuer, intent, &edges, tbs_sha256, &signature));
    edges = tbs_list_signed_edges(fx->arena, &list, signature);
    TRY(sum_list(fx, request, &edges, NULL, sha256, &size));
    trien__signed_list__init(signed_list);
    signed_list->signature = pb_of_bytes(signature);
    signed_list->tbs_sha256 = pb_of_bytes(bytes_of(tbs_sha256, 32));
    signed_list->sha256 = pb_of_bytes(bytes_of(sha256, 32));
    signed_list->size_bytes = size;
    *ret_result = &signed_list->base;
    return RC_OK;
}

static enum rc say_issued(struct tx *tx, const struct list_row *list)
{
    Trien__CrlIssued event = TRIEN__CRL_ISSUED__INIT;

    event.issuer = (char *)list->issuer;
    event.number = list->number;
    event.this_update = list->this_update;
    event.next_update = list->next_update;
    event.entries = list->entries;
    event.size_bytes = list->size_bytes;
    event.sha256 = (ProtobufCBinaryData){list->sha256.n, (uint8_t *)list->sha256.p};
    return emit(tx, event.issuer, &event);
}

enum rc sign_list_done(struct tx *tx, const char *key, const void *in, const void *result)
{
    const Trien__SignList *intent = in;
    const Trien__SignedList *signed_list = result;
    const struct list_row list = {.issuer = intent->request->issuer,
                                  .number = intent->request->number,
                                  .this_update = intent->this_update,
                                  .next_update = intent->next_update,
                                  .entries = intent->entries,
                                  .size_bytes = signed_list->size_bytes,
                                  .sha256 = bytes_of_pb(signed_list->sha256),
                                  .signature = bytes_of_pb(signed_list->signature),
                                  .tbs_sha256 = bytes_of_pb(signed_list->tbs_sha256)};

    bool is_issued = false;

    (void)key;
    TRY(store_set_list_issued(tx, &list, &is_issued));
    if (!is_issued) /* asked for twice, or by an intent of before a restore */
        return RC_OK;
    metric_add(&built, 1, METRIC_LABELS(list.issuer, "issued"));
    return say_issued(tx, &list);
}

enum rc sign_list_failed(struct tx *tx, const char *key, const void *in, const struct err *why)
{
    const Trien__SignList *intent = in;

    (void)key;
    metric_add(&built, 1, METRIC_LABELS(intent->request->issuer, "refused"));
    TRY(store_set_list_refused(tx, intent->request->issuer, intent->request->number, why));
    /* signed with other bytes: not what this database knows under that number */
    return store_set_number_unknown(tx, intent->request->issuer,
                                    why->code == TRIEN__ERROR__ORDER_CONFLICT
                                        ? intent->request->number - 1
                                        : ISSUER_ANY_NUMBER);
}
