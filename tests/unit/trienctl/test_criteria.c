/* The criteria's evaluators over evidence made by hand: what passes, and that each thing that is
 * wrong is told. What the running system says is tested in tests/flow/test_audit_check.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/trienctl/criteria.h"
#include "services/trienctl/evidence.h"

#define NOW (INT64_C(1800000000) * USEC_PER_SECOND)
#define HOUR (3600 * USEC_PER_SECOND)

static struct evidence evidence;
static struct finding finding;

static int fresh(void **state)
{
    (void)state;
    evidence = (struct evidence){.at = NOW, .issuer = "issuing1"};
    evidence.where.revocation_limit = 24 * HOUR;
    finding = (struct finding){.reason_vi = "", .evidence = json_array()};
    return 0;
}

static int done(void **state)
{
    (void)state;
    json_decref(finding.evidence);
    return 0;
}

static enum verdict judged(void (*fn)(const struct evidence *, struct finding *))
{
    json_array_clear(finding.evidence);
    finding.verdict = VERDICT_PASS;
    finding.reason_vi = "";
    fn(&evidence, &finding);
    assert_true(finding.verdict == VERDICT_PASS || *finding.reason_vi);
    assert_true(finding.verdict != VERDICT_PASS || json_array_size(finding.evidence) > 0);
    return finding.verdict;
}

/* --- every criterion
 * ------------------------------------------------------------------------------ */

static const struct finding *row_of(const struct findings *findings, const char *id)
{
    for (size_t i = 0; i < findings->count; i++)
        if (strcmp(findings->rows[i].criterion->id, id) == 0)
            return &findings->rows[i];
    fail_msg("no %s", id);
    return NULL;
}

/* Nothing answers: what should be seen and is not, is a failure; nothing is silently left out. */
static void a_system_that_is_down_fails(void **state)
{
    static const char *const needed[] = {"13.20-2",  "14.11-2c", "14.13-1",  "14.14-3",  "16.14-5",
                                         "16.15-3",  "16.16-1c", "16.16-1d", "16.18-2",  "16.18-2a",
                                         "16.18-2b", "16.18-3",  "16.18-4",  "16.18-4a", "16.18-4b",
                                         "16.18-4c", "16.18-4d"};
    struct err down = {.code = TRIEN__ERROR__PEER_UNAVAILABLE, .detail = "no connection"};
    struct findings findings;
    size_t sum = 0;

    (void)state;
    evidence.authorities_err = evidence.certificates_err = evidence.crl_err = down;
    evidence.lists_err = evidence.oldest_err = evidence.ocsp_err = evidence.journal_err = down;
    criteria_judge(decision_2433(), NULL, &evidence, &findings);
    assert_int_equal(findings.count, 183);
    for (enum verdict v = 0; v < VERDICTS; v++)
        sum += findings.by_verdict[v];
    assert_int_equal(sum, 183);
    assert_int_equal(findings.by_verdict[VERDICT_PASS], 0);
    for (size_t i = 0; i < COUNT_OF(needed); i++)
        if (row_of(&findings, needed[i])->verdict != VERDICT_FAIL)
            fail_msg("%s does not fail", needed[i]);
    assert_non_null(strstr(row_of(&findings, "16.18-4a")->reason_vi, "no connection"));
    assert_int_equal(row_of(&findings, "15.12-4c")->verdict, VERDICT_NOT_APPLICABLE);
    assert_int_equal(row_of(&findings, "14.18-1")->verdict, VERDICT_NOT_APPLICABLE);
    assert_int_equal(row_of(&findings, "11.11-2")->verdict, VERDICT_NOT_YET);
    for (size_t i = 0; i < findings.count; i++)
        assert_true(*findings.rows[i].reason_vi);
    criteria_free(&findings);
}

static size_t chosen_by(const char *text)
{
    bool chosen[DECISION_MAX_CRITERIA] = {0};
    struct err err = {0};
    size_t n = 0;

    if (criteria_choose(decision_2433(), text, &err, chosen) != RC_OK)
        return 0;
    for (size_t i = 0; i < DECISION_MAX_CRITERIA; i++)
        n += chosen[i];
    return n;
}

static void criteria_are_chosen(void **state)
{
    (void)state;
    assert_int_equal(chosen_by("16.18-4a"), 1);
    assert_int_equal(chosen_by("16.18-4"), 5);
    assert_int_equal(chosen_by("16.18-4,16.18-4a"), 5);
    assert_int_equal(chosen_by("16.18"), 11);
    assert_int_equal(chosen_by("*"), 183);
    assert_int_equal(chosen_by("16.1"), 0);
    assert_int_equal(chosen_by("16.18-9"), 0);
    assert_int_equal(chosen_by(""), 0);
    assert_int_equal(chosen_by("16.18,"), 0);
}

/* --- lists
 * ---------------------------------------------------------------------------------------- */

/* Newest first: numbers 3, 2, 1, an hour apart, two days each; entries 5, 5, 4. */
static void three_lists(void)
{
    for (size_t i = 0; i < 3; i++)
        evidence.lists[i] = (struct seen_list){.number = 3 - i,
                                               .entries = i < 2 ? 5 : 4,
                                               .this_update = NOW - (int64_t)(i + 1) * HOUR,
                                               .next_update = NOW + (47 - (int64_t)i) * HOUR};
    evidence.list_count = 3;
    evidence.oldest_is_same = true;
}

static void lists_in_order(void **state)
{
    (void)state;
    three_lists();
    assert_int_equal(judged(judge_list_cycle), VERDICT_PASS);
    assert_int_equal(judged(judge_list_regular), VERDICT_PASS);
    assert_int_equal(judged(judge_list_kept), VERDICT_PASS);
}

static void lists_not_in_order(void **state)
{
    (void)state;
    assert_int_equal(judged(judge_list_cycle), VERDICT_FAIL); /* none */
    three_lists();
    evidence.list_count = 1;
    assert_int_equal(judged(judge_list_cycle), VERDICT_NOT_YET);
    assert_int_equal(judged(judge_list_regular), VERDICT_NOT_YET);
    three_lists();
    evidence.lists[1].entries = 6; /* each list brought something: no regular one seen */
    assert_int_equal(judged(judge_list_regular), VERDICT_NOT_YET);
    evidence.lists[1].next_update = evidence.lists[0].this_update - 1; /* a gap */
    assert_int_equal(judged(judge_list_regular), VERDICT_FAIL);
    assert_int_equal(judged(judge_list_cycle), VERDICT_FAIL);
    three_lists();
    evidence.lists[0].next_update = NOW; /* over */
    assert_int_equal(judged(judge_list_cycle), VERDICT_FAIL);
    three_lists();
    evidence.lists[0].number = 2; /* twice */
    assert_int_equal(judged(judge_list_cycle), VERDICT_FAIL);
    three_lists();
    evidence.oldest_is_same = false;
    assert_int_equal(judged(judge_list_kept), VERDICT_FAIL);
}

/* --- OCSP
 * ----------------------------------------------------------------------------------------- */

static void two_answers(void)
{
    static const struct seen_certificate certificate = {.serial = "0b"};
    static const struct seen_answer right = {.http_status = 200,
                                             .is_basic = true,
                                             .is_verified = true,
                                             .is_delegated = true,
                                             .has_nonce = true,
                                             .names_it = true,
                                             .this_update = NOW - HOUR,
                                             .produced_at = NOW - HOUR,
                                             .next_update = NOW + HOUR};

    evidence.answers[0] = evidence.answers[1] = right;
    evidence.answers[0].said = "unknown";
    evidence.answers[1].said = "good";
    evidence.answers[1].of = &certificate;
    evidence.answer_count = 2;
    evidence.malformed_status = 1;
}

static void answers_in_order(void **state)
{
    (void)state;
    two_answers();
    assert_int_equal(judged(judge_ocsp_messages), VERDICT_PASS);
    assert_int_equal(judged(judge_ocsp_answers), VERDICT_PASS);
    assert_int_equal(judged(judge_ocsp_contents), VERDICT_PASS);
    assert_int_equal(judged(judge_ocsp_signed), VERDICT_PASS);
    evidence.answer_count = 1;
    assert_int_equal(judged(judge_ocsp_answers), VERDICT_NOT_YET);
}

static void answers_not_in_order(void **state)
{
    struct seen_answer *answer = &evidence.answers[1];
    struct seen_event revoked = {
        .kind = SEEN_REVOKED, .name = "0b", .asked_by = "", .officer = "officer1"};

    (void)state;
    two_answers();
    answer->http_status = 503;
    assert_int_equal(judged(judge_ocsp_messages), VERDICT_FAIL);
    two_answers();
    evidence.malformed_status = 0;
    assert_int_equal(judged(judge_ocsp_messages), VERDICT_FAIL);
    two_answers();
    answer->on_list = true; /* good, though the list has it */
    assert_int_equal(judged(judge_ocsp_answers), VERDICT_FAIL);
    assert_non_null(strstr(finding.reason_vi, "0b"));
    answer->said = "revoked"; /* without a time */
    assert_int_equal(judged(judge_ocsp_answers), VERDICT_FAIL);
    answer->revoked_at = NOW - HOUR;
    assert_int_equal(judged(judge_ocsp_answers), VERDICT_PASS);
    answer->on_list = false; /* revoked a moment ago: on no list yet */
    assert_int_equal(judged(judge_ocsp_answers), VERDICT_FAIL);
    evidence.events = &revoked;
    evidence.event_count = 1;
    assert_int_equal(judged(judge_ocsp_answers), VERDICT_PASS);
    two_answers();
    evidence.answers[0].said = "good"; /* about a serial nobody issued */
    assert_int_equal(judged(judge_ocsp_answers), VERDICT_FAIL);
    two_answers();
    answer->names_it = false;
    assert_int_equal(judged(judge_ocsp_contents), VERDICT_FAIL);
    two_answers();
    answer->next_update = NOW;
    assert_int_equal(judged(judge_ocsp_contents), VERDICT_FAIL);
    two_answers();
    answer->is_verified = false;
    assert_int_equal(judged(judge_ocsp_signed), VERDICT_FAIL);
    two_answers();
    answer->is_delegated = false;
    assert_int_equal(judged(judge_ocsp_signed), VERDICT_FAIL);
    two_answers();
    answer->has_nonce = false;
    assert_int_equal(judged(judge_ocsp_signed), VERDICT_FAIL);
}

/* --- journal
 * -------------------------------------------------------------------------------------- */

static void revocation_times(void **state)
{
    /* sorted by kind and name, as they are gathered */
    struct seen_event events[] = {
        {.kind = SEEN_AUTHORIZED, .name = "r/1", .asked_at = NOW - 30 * HOUR, .at = NOW - 8 * HOUR},
        {.kind = SEEN_REVOKED, .name = "0a", .at = NOW - 8 * HOUR, .asked_by = "r/1"},
        {.kind = SEEN_REVOKED,
         .name = "0c",
         .at = NOW - HOUR,
         .asked_by = "",
         .officer = "officer1"},
    };

    (void)state;
    assert_int_equal(judged(judge_revocation_time), VERDICT_NOT_YET);
    evidence.events = events;
    evidence.event_count = 3;
    assert_int_equal(judged(judge_revocation_time), VERDICT_PASS);
    events[1].at = NOW; /* 30 hours */
    assert_int_equal(judged(judge_revocation_time), VERDICT_FAIL);
    assert_non_null(strstr(finding.reason_vi, "0a: thu hồi sau 30.0 giờ"));
}

/* A revocation that names a request is no officer's act: without its approval it is not at once. */
static void a_revocation_nobody_approved(void **state)
{
    struct seen_event revoked = {
        .kind = SEEN_REVOKED, .name = "0a", .at = NOW - HOUR, .asked_by = "r/1"};

    (void)state;
    evidence.events = &revoked;
    evidence.event_count = 1;
    assert_int_equal(judged(judge_revocation_time), VERDICT_FAIL);
    assert_non_null(strstr(finding.reason_vi, "0a"));
    evidence.events_beyond = 1; /* it may be among those that were not looked at */
    assert_int_equal(judged(judge_revocation_time), VERDICT_NOT_YET);
    evidence.events_beyond = 0;
    revoked.at = NOW; /* its approval may be on its way */
    assert_int_equal(judged(judge_revocation_time), VERDICT_PASS);
}

/* Neither request nor officer: nobody may do that. */
static void a_revocation_of_nobody(void **state)
{
    struct seen_event revoked = {
        .kind = SEEN_REVOKED, .name = "0a", .at = NOW - HOUR, .asked_by = "", .officer = ""};

    (void)state;
    evidence.events = &revoked;
    evidence.event_count = 1;
    assert_int_equal(judged(judge_revocation_time), VERDICT_FAIL);
    assert_non_null(strstr(finding.reason_vi, "0a"));
    revoked.officer = "officer2";
    assert_int_equal(judged(judge_revocation_time), VERDICT_PASS);
}

/* --- keys
 * ----------------------------------------------------------------------------------------- */

static X509 *certificate_of(long days_ago)
{
    X509 *made = X509_new();
    autoptr(EVP_PKEY) key = EVP_EC_gen("P-256");

    X509_set_pubkey(made, key);
    ASN1_TIME_set(X509_getm_notBefore(made), (time_t)(NOW / USEC_PER_SECOND) - days_ago * 86400);
    return made;
}

/* A key without CSR in the journal must have been made in the device assigned to its order. */
static void keys_made_on_devices(void **state)
{
    struct seen_event events[] = {
        {.kind = SEEN_ISSUED, .name = "0a", .at = NOW - HOUR, .device = "r/1 TEST-1"},
        {.kind = SEEN_ITEM, .name = "r/1"},
        {.kind = SEEN_DEVICE, .name = "r/1 TEST-1", .at = NOW - 2 * HOUR},
    };
    struct seen_certificate certificate = {
        .serial = "0a", .order_id = "r/1", .x509 = certificate_of(1)};

    (void)state;
    evidence.certificates = &certificate;
    evidence.certificate_count = 1;
    evidence.events = events;
    evidence.event_count = COUNT_OF(events);
    assert_int_equal(judged(judge_possession), VERDICT_PASS);
    events[2].at = NOW; /* assigned when it was issued already */
    assert_int_equal(judged(judge_possession), VERDICT_FAIL);
    events[2].at = NOW - 2 * HOUR;
    events[2].name = "r/1 TEST-2"; /* another device */
    assert_int_equal(judged(judge_possession), VERDICT_FAIL);
    events[2].name = "r/1 TEST-1";
    events[0].device = NULL; /* neither CSR nor device */
    assert_int_equal(judged(judge_possession), VERDICT_FAIL);
    assert_non_null(strstr(finding.reason_vi, "0a"));
    evidence.events_beyond = 1;
    assert_int_equal(judged(judge_possession), VERDICT_NOT_YET);
    evidence.events_beyond = 0;
    evidence.event_count = 0; /* not in the journal at all */
    assert_int_equal(judged(judge_possession), VERDICT_FAIL);
    X509_free(certificate.x509);
    certificate.x509 = certificate_of(0); /* of this moment: on its way */
    assert_int_equal(judged(judge_possession), VERDICT_PASS);
    X509_free(certificate.x509);
}

/* What was not looked at is not judged: never a pass, and nothing is missed that may be there. */
static void a_journal_that_is_too_long(void **state)
{
    struct seen_event revoked = {
        .kind = SEEN_REVOKED, .name = "0a", .asked_by = "", .officer = "officer1"};

    (void)state;
    evidence.journal =
        (struct audit_result){.origin = "test", .entries = 10, .covered = 10, .checkpoints = 1};
    evidence.events = &revoked;
    evidence.event_count = 1;
    assert_int_equal(judged(judge_revocation_time), VERDICT_PASS);
    evidence.events_beyond = 3;
    assert_int_equal(judged(judge_revocation_time), VERDICT_NOT_YET);
    assert_non_null(strstr(finding.reason_vi, "còn 3 sự kiện chưa xét"));
    assert_int_equal(judged(judge_journal), VERDICT_NOT_YET);
    two_answers();
    assert_int_equal(judged(judge_ocsp_answers), VERDICT_NOT_YET);
    evidence.proofs_tried = 1; /* a failure that was found stays */
    assert_int_equal(judged(judge_journal), VERDICT_FAIL);
}

static void a_journal_that_was_changed(void **state)
{
    struct audit_finding changed = {
        .kind = AUDIT_CHANGED, .is_exact = true, .first = 7, .last = 7, .text = "changed"};

    (void)state;
    evidence.journal =
        (struct audit_result){.origin = "test", .entries = 10, .covered = 10, .checkpoints = 1};
    evidence.proofs_tried = evidence.proofs_hold = 10;
    assert_int_equal(judged(judge_journal), VERDICT_PASS);
    evidence.proofs_hold = 9;
    assert_int_equal(judged(judge_journal), VERDICT_FAIL);
    evidence.proofs_hold = 10;
    evidence.journal.covered = 0;
    assert_int_equal(judged(judge_journal), VERDICT_FAIL);
    evidence.journal.covered = 10;
    evidence.journal.findings = &changed;
    evidence.journal.finding_count = 1;
    assert_int_equal(judged(judge_journal), VERDICT_FAIL);
    assert_non_null(strstr(finding.reason_vi, "mục 7"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_system_that_is_down_fails, fresh, done),
        cmocka_unit_test_setup_teardown(criteria_are_chosen, fresh, done),
        cmocka_unit_test_setup_teardown(lists_in_order, fresh, done),
        cmocka_unit_test_setup_teardown(lists_not_in_order, fresh, done),
        cmocka_unit_test_setup_teardown(answers_in_order, fresh, done),
        cmocka_unit_test_setup_teardown(answers_not_in_order, fresh, done),
        cmocka_unit_test_setup_teardown(revocation_times, fresh, done),
        cmocka_unit_test_setup_teardown(a_revocation_of_nobody, fresh, done),
        cmocka_unit_test_setup_teardown(a_revocation_nobody_approved, fresh, done),
        cmocka_unit_test_setup_teardown(keys_made_on_devices, fresh, done),
        cmocka_unit_test_setup_teardown(a_journal_that_is_too_long, fresh, done),
        cmocka_unit_test_setup_teardown(a_journal_that_was_changed, fresh, done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
