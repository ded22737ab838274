/* trienctl review: the requests that wait for officers, and what an officer says of one. Decides
 * nothing: validation does. */
#include <stdio.h>

#include "common/clock.h"
#include "proto/validation.pb-c.h"
#include "services/trienctl/trienctl.h"

static json_t *review_json(const Trien__Review *review)
{
    json_t *votes = json_array();

    for (size_t i = 0; i < review->n_votes; i++) {
        const Trien__ReviewVote *vote = review->votes[i];

        json_array_append_new(votes,
                              json_pack("{s:s, s:b, s:s, s:s}", "officer", vote->officer,
                                        "approves", (int)vote->approves, "note", vote->note,
                                        "voted_at", clock_utc_text(ctl_arena(), vote->voted_at)));
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:o}", "request_id",
                     review->request_id, "receipt_number", review->receipt_number, "form",
                     review->form, "organ_id", review->organ_id, "agency", review->agency_name,
                     "document_number", review->document->number, "document_date",
                     review->document->date, "items", (int)review->item_count, "asked_at",
                     clock_utc_text(ctl_arena(), review->asked_at), "state", review->state, "votes",
                     votes);
}

static int list(int argc, char **argv)
{
    Trien__ListReviews call = TRIEN__LIST_REVIEWS__INIT;
    const Trien__ListReviewsReply *reply;
    autoptr(json_t) rows = json_array();

    if (argc > 2)
        return ctl_misuse("review", "list takes one request at most");
    call.request_id = argc == 2 ? argv[1] : NULL;
    reply = (const void *)ctl_ask(NULL, "validation", &call.base,
                                  &trien__list_reviews_reply__descriptor);
    for (size_t i = 0; i < reply->n_reviews; i++) {
        const Trien__Review *review = reply->reviews[i];

        ctl_show_row(rows, review_json(review),
                     "%s  %s  form %s, %u rows, %s, %zu votes  %s (%s)\n", review->request_id,
                     review->receipt_number, review->form, review->item_count, review->state,
                     review->n_votes, review->agency_name, review->document->number);
    }
    ctl_show_rows(rows);
    return 0;
}

static int decide(int argc, char **argv, bool approves)
{
    Trien__DecideReview call = TRIEN__DECIDE_REVIEW__INIT;
    struct ctl_word word = {.note = (char *)""};
    const Trien__DecideReviewReply *reply;

    if (!ctl_read_word(argc, argv, &word) || !word.officer || (!approves && !*word.note))
        return ctl_misuse("review", "a request and --officer; a refusal needs --note");
    call.request_id = word.subject;
    call.approves = approves;
    call.note = word.note;
    reply = (const void *)ctl_ask(word.officer, "validation", &call.base,
                                  &trien__decide_review_reply__descriptor);
    ctl_show(json_pack("{s:s, s:s, s:i, s:i}", "request_id", call.request_id, "state", reply->state,
                       "approvals", (int)reply->approvals, "needed", (int)reply->needed),
             "request %s is %s: %u of %u approvals\n", call.request_id, reply->state,
             reply->approvals, reply->needed);
    return 0;
}

static int approve(int argc, char **argv)
{
    return decide(argc, argv, true);
}

static int refuse(int argc, char **argv)
{
    return decide(argc, argv, false);
}

int cmd_review(int argc, char **argv)
{
    static const struct ctl_act acts[] = {
        {"list", list}, {"approve", approve}, {"refuse", refuse}, {0}};

    return ctl_act("review", acts, argc, argv);
}
