/* The review queue: what waits for officers, what they say, and the gate before an acceptance. Two
 * different officers approve, one alone refuses; nobody votes twice, and nothing is decided here
 * but that: the request is examined anew when they are done, by what is known then. */
#include "services/validation/review.h"

#include <string.h>

#include "common/bus.h"
#include "services/validation/rules.h"
#include "services/validation/text.h"

#define MAX_NOTE_BYTES 500

static const char *const state_words[] = {
    [REVIEW_OPEN] = "open", [REVIEW_APPROVED] = "approved", [REVIEW_REFUSED] = "refused"};

enum review_state rule_review(const struct review_votes *votes, uint32_t *ret_approvals)
{
    uint32_t approvals = 0;
    bool refused = false;

    for (size_t i = 0; i < votes->count; i++) {
        approvals += votes->rows[i].approves;
        refused = refused || !votes->rows[i].approves;
    }
    *ret_approvals = approvals;
    if (refused)
        return REVIEW_REFUSED;
    return approvals >= REVIEW_APPROVALS ? REVIEW_APPROVED : REVIEW_OPEN;
}

static enum rc parse_id(struct tx *tx, const char *text, uint8_t ret_request_id[16])
{
    CHECK(bus_uuid_parse(text, ret_request_id), &tx->err, TRIEN__ERROR__MALFORMED,
          "not a request id");
    return RC_OK;
}

/* --- the gate --- */

static enum rc begin(struct tx *tx, const Trien__ExamineDocument *request,
                     const Trien__ExaminedDocument *examined, const struct facts *facts,
                     const uint8_t request_id[16])
{
    struct review_row review = {
        .form = examined->form,
        .organ_id = examined->organ_id,
        .agency_name = facts->agency_name,
        .document_number = examined->document->number,
        .document_date = examined->document->date,
        .item_count = (int32_t)examined->n_items,
        .asked_at = tx->now,
    };

    memcpy(review.request_id, request_id, sizeof(review.request_id));
    TRY(store_insert_review(tx, &review, request->round));
    return examine_say_waiting(tx, request, TRIEN__ERROR__REVIEW_AWAITED, "");
}

static void take_refusals(struct tx *tx, const struct review_votes *votes, struct reasons *reasons)
{
    for (size_t i = 0; i < votes->count; i++)
        if (!votes->rows[i].approves)
            reasons_add(
                reasons, TRIEN__ERROR__REVIEW_REFUSED, "",
                arena_printf(tx->arena, "Cán bộ không phê duyệt: %s", votes->rows[i].note),
                arena_printf(tx->arena, "Not approved by an officer: %s", votes->rows[i].note));
}

enum rc review_gate(struct tx *tx, const Trien__ExamineDocument *request,
                    const Trien__ExaminedDocument *examined, const struct facts *facts,
                    struct reasons *reasons, bool *ret_waits)
{
    const struct validation_conf *conf = tx->conf;
    uint8_t request_id[16];
    struct review_votes votes;
    uint32_t approvals;

    *ret_waits = false;
    if (!rule_is_word_of(examined->form, conf->review_forms))
        return RC_OK;
    TRY(parse_id(tx, request->request_id, request_id));
    TRY(store_list_votes(tx, request_id, &votes));
    *ret_waits = rule_review(&votes, &approvals) == REVIEW_OPEN;
    if (*ret_waits)
        return begin(tx, request, examined, facts, request_id);
    take_refusals(tx, &votes, reasons);
    return RC_OK;
}

/* --- what officers ask --- */

static Trien__Review *review_row(struct tx *tx, const struct review_row *from,
                                 const struct review_votes *votes)
{
    Trien__Review *row = ARENA_NEW(tx->arena, Trien__Review);
    Trien__OfficialDocument *document = ARENA_NEW(tx->arena, Trien__OfficialDocument);
    Trien__ReviewVote *list = ARENA_ARRAY(tx->arena, Trien__ReviewVote, votes->count);
    uint32_t approvals;

    trien__review__init(row);
    trien__official_document__init(document);
    document->number = (char *)from->document_number;
    document->date = (char *)from->document_date;
    row->request_id = (char *)bus_uuid_text(tx->arena, from->request_id);
    row->receipt_number = (char *)from->receipt_number;
    row->form = (char *)from->form;
    row->organ_id = (char *)from->organ_id;
    row->agency_name = (char *)from->agency_name;
    row->document = document;
    row->item_count = (uint32_t)from->item_count;
    row->asked_at = from->asked_at;
    row->state = (char *)state_words[rule_review(votes, &approvals)];
    row->votes = ARENA_ARRAY(tx->arena, Trien__ReviewVote *, votes->count);
    for (size_t i = 0; i < votes->count; i++) {
        trien__review_vote__init(&list[i]);
        list[i].officer = (char *)votes->rows[i].officer;
        list[i].approves = votes->rows[i].approves;
        list[i].note = (char *)votes->rows[i].note;
        list[i].voted_at = votes->rows[i].voted_at;
        row->votes[row->n_votes++] = &list[i];
    }
    return row;
}

enum rc on_list_reviews(struct tx *tx, const void *in, void *reply)
{
    const Trien__ListReviews *call = in;
    Trien__ListReviewsReply *answer = reply;
    struct review_row *reviews = NULL;
    uint8_t request_id[16];
    size_t count = 0;

    if (call->request_id)
        TRY(parse_id(tx, call->request_id, request_id));
    TRY(store_list_reviews(tx, call->request_id ? request_id : NULL, &count, &reviews));
    CHECK(!call->request_id || count, &tx->err, TRIEN__ERROR__NOT_FOUND, "no such review");
    answer->reviews = ARENA_ARRAY(tx->arena, Trien__Review *, count);
    for (size_t i = 0; i < count; i++) {
        struct review_votes votes;

        TRY(store_list_votes(tx, reviews[i].request_id, &votes));
        answer->reviews[answer->n_reviews++] = review_row(tx, &reviews[i], &votes);
    }
    return RC_OK;
}

/* --- what officers say --- */

static const struct review_vote *vote_of(const struct review_votes *votes, const char *officer)
{
    for (size_t i = 0; i < votes->count; i++)
        if (strcmp(votes->rows[i].officer, officer) == 0)
            return &votes->rows[i];
    return NULL;
}

/* The officer's vote is written; with the one that decides, the request goes on. */
static enum rc vote(struct tx *tx, const Trien__DecideReview *call, const uint8_t request_id[16],
                    struct review_votes *votes)
{
    const struct review_vote own = {tx->principal, call->note, call->approves, tx->now};
    Trien__ExamineDocument *request = NULL;
    uint32_t approvals;

    TRY(store_insert_vote(tx, request_id, &own));
    TRY(emit_operator_act(tx, call->approves ? "review approve" : "review refuse", call->request_id,
                          *call->note ? call->note : NULL));
    TRY(store_list_votes(tx, request_id, votes));
    if (rule_review(votes, &approvals) == REVIEW_OPEN)
        return RC_OK;
    TRY(store_wake_reviewed(tx, request_id, &request));
    return examine_ask(tx, request, 0);
}

static enum rc check_note(struct tx *tx, const Trien__DecideReview *call)
{
    err_field(&tx->err, "note");
    CHECK(call->approves || *call->note, &tx->err, TRIEN__ERROR__FIELD_MISSING,
          "a refusal says why");
    CHECK(!*call->note || (strlen(call->note) <= MAX_NOTE_BYTES && rule_is_plain_text(call->note)),
          &tx->err, TRIEN__ERROR__FIELD_INVALID, "a note is one line of %d bytes at most",
          MAX_NOTE_BYTES);
    err_clear(&tx->err);
    return RC_OK;
}

enum rc on_decide_review(struct tx *tx, const void *in, void *reply)
{
    const Trien__DecideReview *call = in;
    Trien__DecideReviewReply *answer = reply;
    const struct review_vote *standing;
    struct review_votes votes;
    uint8_t request_id[16];
    bool is_open;

    TRY(parse_id(tx, call->request_id, request_id));
    TRY(check_note(tx, call));
    TRY(store_lock_review(tx, request_id, &is_open));
    TRY(store_list_votes(tx, request_id, &votes));
    standing = vote_of(&votes, tx->principal);
    CHECK(!standing || standing->approves == call->approves, &tx->err, TRIEN__ERROR__ALREADY_EXISTS,
          "%s has said otherwise", tx->principal);
    CHECK(standing || is_open, &tx->err, TRIEN__ERROR__NOT_FOUND, "no review is open");
    if (!standing)
        TRY(vote(tx, call, request_id, &votes));
    answer->state = (char *)state_words[rule_review(&votes, &answer->approvals)];
    answer->needed = REVIEW_APPROVALS;
    return RC_OK;
}
