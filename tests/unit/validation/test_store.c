/* validation's statements against a real PostgreSQL: the steps of a request, requests that wait for
 * revocation lists, lists that must not go back, and what is claimed once for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "common/bus.h"
#include "services/validation/store.h"
#include "services/validation/validation.h"

#define STORE_SERVICE "validation"
#include "common/pb_bytes.h"
#include "tests/unit/common/store.h"

#define URL "http://crl.test/"

static int up(void **state)
{
    (void)state;
    return store_up(NULL);
}

static int down(void **state)
{
    (void)state;
    return store_down();
}

static void begin(void)
{
    store_begin(now_is(), NULL);
}

static struct bytes digest_of(const char *text)
{
    uint8_t digest[32];

    bytes_sha256(bytes_of_text(text), digest);
    return arena_bytes(tx->arena, bytes_of(digest, sizeof(digest)));
}

/* --- requests ------------------------------------------------------------------------------------
 */

static void new_request(uint8_t ret_id[16])
{
    Trien__RequestSubmitted event = TRIEN__REQUEST_SUBMITTED__INIT;

    begin();
    bus_uuid(tx->now, ret_id);
    event.request_id = (char *)bus_uuid_text(tx->arena, ret_id);
    event.receipt_number = (char *)"TR-20261122-000001";
    event.channel = (char *)"portal";
    event.client_id = (char *)"portal";
    event.received_at = tx->now;
    event.document_sha256 = pb_of_bytes(digest_of("document"));
    event.document_size_bytes = 1000;
    assert_int_equal(store_insert_request(tx, ret_id, &event), RC_OK);
    commit();
}

static struct decision decision_of(const uint8_t id[16], Trien__ExaminedDocument *examined)
{
    trien__examined_document__init(examined);
    examined->form = (char *)"01";
    examined->organ_id = (char *)"H26.14";
    return (struct decision){.request_id = id,
                             .examined = examined,
                             .signers = "ab",
                             .reasons_json = "[]",
                             .due = {.on = 20500},
                             .calendar_version = "250203a9c21d602a"};
}

static void a_request_ends_once(void **state)
{
    Trien__ExaminedDocument examined;
    struct decision decision;
    uint8_t id[16];

    (void)state;
    new_request(id);
    begin();
    decision = decision_of(id, &examined);
    assert_int_equal(store_set_rejected(tx, &decision), RC_OK);
    commit();
    begin(); /* a decision on what is decided is no step of the table */
    refused_by_database(store_set_rejected(tx, &decision), "23514");
    begin();
    refused_by_database(store_insert_waiting(tx, id, "issuer", 1, 1), "23514");
}

static void an_accepted_request_has_subscribers(void **state)
{
    Trien__ExaminedDocument examined;
    struct decision decision;
    uint8_t id[16];

    (void)state;
    new_request(id);
    begin();
    decision = decision_of(id, &examined);
    refused_by_database(store_set_accepted(tx, &decision), "23514");
    assert_int_equal(pg_sql(STORE_DATABASE, "DO 'BEGIN ASSERT (SELECT count(*) = 0 FROM request "
                                            "WHERE state = ''accepted''); END'"),
                     0);
}

/* --- waiting for lists ---------------------------------------------------------------------------
 */

static enum rc put_list(const char *number, const char *content, usec this_update, usec next_update)
{
    Trien__FetchedCrl crl = TRIEN__FETCHED_CRL__INIT;
    Trien__FetchCrl ask = TRIEN__FETCH_CRL__INIT;

    ask.url = (char *)URL "list.crl";
    crl.crl_der = pb_of_bytes(bytes_of_text(content));
    crl.issuer_sha256 = pb_of_bytes(digest_of("issuer"));
    crl.sha256 = pb_of_bytes(digest_of(content));
    crl.number = (char *)(uintptr_t)number;
    crl.this_update = this_update;
    crl.next_update = next_update;
    return fetch_crl_done(tx, "key", &ask, &crl);
}

static const char *stored_number(void)
{
    struct crl_row row;

    begin();
    assert_int_equal(store_find_crl(tx, digest_of("issuer"), &row), RC_OK);
    commit();
    return row.found ? row.number : "none";
}

static int64_t crl_version(void)
{
    struct knowledge_row row;

    begin();
    assert_int_equal(store_get_knowledge(tx, &row), RC_OK);
    commit();
    return row.crl_version;
}

static void lists_do_not_go_back(void **state)
{
    const char *urls[] = {URL "list.crl"};
    struct crl_listed *rows;
    size_t count = 0;
    int64_t version;
    usec now;

    (void)state;
    begin();
    now = tx->now;
    assert_int_equal(store_insert_sources(tx, urls, 1), RC_OK);
    assert_int_equal(put_list("ff", "first", now, now + USEC_PER_DAY), RC_OK);
    commit();
    version = crl_version();
    begin(); /* the same again: nothing to wake anybody for */
    assert_int_equal(put_list("ff", "first", now, now + USEC_PER_DAY), RC_OK);
    commit();
    assert_int_equal(crl_version(), version);
    begin();
    assert_int_equal(put_list("fe", "replayed", now, now + USEC_PER_DAY), RC_OK);
    commit();
    assert_string_equal(stored_number(), "ff");
    begin();
    assert_int_equal(put_list("101", "older", now - 1, now + USEC_PER_DAY), RC_OK);
    commit();
    assert_string_equal(stored_number(), "ff");
    begin();
    assert_int_equal(store_list_crls(tx, &count, &rows), RC_OK);
    assert_int_equal(count, 1);
    assert_string_equal(rows[0].last_error, "older than the list we have");
    commit();
    assert_int_equal(crl_version(), version);
    begin(); /* longer is larger: numbers have no leading zeros */
    assert_int_equal(put_list("100", "next", now + 1, now + USEC_PER_DAY), RC_OK);
    commit();
    assert_string_equal(stored_number(), "100");
    assert_int_equal(crl_version(), version + 1);
    begin();
    refused_by_database(put_list("102", "empty life", now + 2, now + 2), "23514");
    begin();
    refused_by_database(put_list("1O3", "no number", now + 3, now + USEC_PER_DAY), "23514");
    assert_string_equal(stored_number(), "100");
}

static void who_waits_is_woken_by_a_newer_list_once(void **state)
{
    Trien__ExamineDocument *requests;
    uint8_t id[16], other[16];
    struct waiting_count waiting;
    int64_t version;
    size_t count = 0;

    (void)state;
    version = crl_version();
    new_request(id);
    new_request(other);
    begin();
    assert_int_equal(store_insert_waiting(tx, id, "CN=issuer", version, 1), RC_OK);
    commit();
    begin();
    assert_int_equal(store_insert_waiting(tx, other, "CN=issuer", version + 1, 7), RC_OK);
    commit();
    begin();
    assert_int_equal(store_wake_waiting(tx, 10, &count, &requests), RC_OK);
    assert_int_equal(count, 0); /* nothing new yet */
    assert_int_equal(store_count_waiting(tx, &waiting), RC_OK);
    assert_int_equal(waiting.for_lists, 2);
    assert_true(waiting.for_lists_since > 0 && waiting.for_lists_since < tx->now);
    assert_true(waiting.for_officers == 0 && waiting.for_officers_since == 0);
    commit();
    assert_int_equal(pg_sql(STORE_DATABASE, "UPDATE knowledge SET crl_version = crl_version + 1"),
                     0);
    begin();
    assert_int_equal(store_wake_waiting(tx, 10, &count, &requests), RC_OK);
    assert_int_equal(count, 1);
    assert_string_equal(requests[0].request_id, bus_uuid_text(tx->arena, id));
    assert_int_equal(requests[0].round, 2);
    assert_int_equal(store_wake_waiting(tx, 10, &count, &requests), RC_OK);
    assert_int_equal(count, 0);
    commit();
    begin(); /* it is being examined again, so it may wait again; waiting twice it may not */
    assert_int_equal(store_insert_waiting(tx, id, "CN=issuer", version + 1, 2), RC_OK);
    commit();
    begin();
    refused_by_database(store_insert_waiting(tx, id, "CN=issuer", version + 1, 2), "23");
}

/* No list wakes it; and a row that says neither, or both, cannot be written. */
static void who_waits_for_officers_is_woken_by_them(void **state)
{
    struct review_row review = {.form = "03",
                                .organ_id = "H26.14",
                                .agency_name = "Sở",
                                .document_number = "1/A",
                                .document_date = "2026-11-20",
                                .item_count = 1};
    Trien__ExamineDocument *requests;
    struct waiting_count before, after;
    size_t count = 0;
    bool is_open;

    (void)state;
    new_request(review.request_id);
    begin();
    assert_int_equal(store_count_waiting(tx, &before), RC_OK);
    review.asked_at = tx->now;
    assert_int_equal(store_insert_review(tx, &review, 1), RC_OK);
    commit();
    assert_int_equal(pg_sql(STORE_DATABASE, "UPDATE knowledge SET crl_version = crl_version + 1"),
                     0);
    begin();
    do
        assert_int_equal(store_wake_waiting(tx, 10, &count, &requests), RC_OK);
    while (count > 0); /* those of the other tests */
    assert_int_equal(store_count_waiting(tx, &after), RC_OK);
    assert_int_equal(after.for_lists, 0);
    assert_int_equal(after.for_officers, before.for_officers + 1);
    assert_true(after.for_officers_since > 0 && after.for_officers_since <= review.asked_at);
    assert_int_equal(store_lock_review(tx, review.request_id, &is_open), RC_OK);
    assert_true(is_open);
    assert_int_equal(store_wake_reviewed(tx, review.request_id, &requests), RC_OK);
    assert_int_equal(requests[0].round, 2);
    assert_int_equal(store_lock_review(tx, review.request_id, &is_open), RC_OK);
    assert_false(is_open);
    commit();
    begin();
    refused_by_database(store_insert_waiting(tx, review.request_id, "", INT64_MAX, 3), "23514");
}

/* How many places are due `ahead` from now. */
static size_t due(usec ahead)
{
    const char **urls;
    size_t count = 0;

    begin();
    tx->now += ahead;
    assert_int_equal(
        store_list_due_sources(tx, 600 * USEC_PER_SECOND, 20 * USEC_PER_SECOND, &count, &urls),
        RC_OK);
    commit();
    return count;
}

static void places_are_asked_more_often_while_their_list_is_missing(void **state)
{
    const char *urls[] = {URL "missing.crl", URL "missing.crl", URL "list.crl"};

    (void)state;
    begin();
    assert_int_equal(store_insert_sources(tx, urls, 3), RC_OK);
    assert_int_equal(store_insert_sources(tx, urls, 3), RC_OK);
    commit();
    assert_int_equal(due(0), 2);
    assert_int_equal(due(0), 0);
    assert_int_equal(due(21 * USEC_PER_SECOND), 1); /* the one without a list */
    assert_int_equal(due(21 * USEC_PER_SECOND), 0);
    assert_int_equal(due(601 * USEC_PER_SECOND), 2);
    begin();
    tx->now += 602 * USEC_PER_SECOND;
    assert_int_equal(store_set_source_fetched(tx, urls[0], (struct bytes){0}, "gone"), RC_OK);
    assert_int_equal(store_set_source_due(tx, urls[0], digest_of("x"), 10 * USEC_PER_SECOND),
                     RC_OK); /* it was tried this very moment */
    commit();
    assert_int_equal(due(603 * USEC_PER_SECOND), 0);
    begin();
    tx->now += 620 * USEC_PER_SECOND;
    assert_int_equal(store_set_source_due(tx, urls[0], digest_of("x"), 10 * USEC_PER_SECOND),
                     RC_OK);
    commit();
    assert_int_equal(due(620 * USEC_PER_SECOND), 1);
}

/* --- what is claimed once for ever; the registry -------------------------------------------------
 */

static void an_official_document_is_claimed_once(void **state)
{
    uint8_t first[16], second[16];

    (void)state;
    new_request(first);
    new_request(second);
    begin();
    assert_int_equal(store_claim_document(tx, "H26.14", 2026, "452/SKHCN", first, "TR-1"), RC_OK);
    commit();
    begin();
    enum rc rc = store_claim_document(tx, "H26.14", 2026, "452/SKHCN", second, "TR-2");
    if (rc == RC_OK)
        rc = tx_commit(tx);
    assert_int_equal(rc, RC_RETRY); /* the facts are read again and name TR-1 */
    assert_int_equal(tx->err.code, TRIEN__ERROR__DATABASE_CONFLICT);
    begin();
    assert_int_equal(store_claim_document(tx, "H26.14", 2027, "452/SKHCN", second, "TR-2"), RC_OK);
    commit();
}

static void an_agency_keeps_its_signers(void **state)
{
    Trien__Contact contact = TRIEN__CONTACT__INIT, *contacts[] = {&contact};
    Trien__AgencySigner signer = TRIEN__AGENCY_SIGNER__INIT, *signers[] = {&signer};
    Trien__Agency agency = TRIEN__AGENCY__INIT, **rows;
    struct new_signer seal = {.role = "seal", .subject = "CN=Sở TEST"};
    struct knowledge_row before, after;
    struct bytes *digests;
    size_t count = 0;
    bool created = false;

    (void)state;
    begin();
    contact.email = (char *)"vanthu@skhcn-test.gov.vn";
    signer.role = (char *)"seal";
    agency.organ_id = (char *)"H26.99";
    agency.name = (char *)"Sở Khoa học và Công nghệ TEST";
    agency.contacts = contacts;
    agency.n_contacts = 1;
    agency.signers = signers;
    agency.n_signers = 1;
    seal.certificate_der = bytes_of_text("certificate");
    seal.sha256 = digest_of("certificate");
    seal.not_after = tx->now + USEC_PER_DAY;
    assert_int_equal(store_get_knowledge(tx, &before), RC_OK);
    assert_int_equal(store_set_agency(tx, &agency, &seal, &created), RC_OK);
    assert_true(created);
    commit();
    begin();
    agency.n_signers = 0; /* new contacts leave signers alone */
    contact.email = (char *)"moi@skhcn-test.gov.vn";
    assert_int_equal(store_set_agency(tx, &agency, &seal, &created), RC_OK);
    assert_false(created);
    commit();
    begin();
    assert_int_equal(store_list_agencies(tx, "H26.99", "", 10, &count, &rows), RC_OK);
    assert_int_equal(count, 1);
    assert_int_equal(rows[0]->n_signers, 1);
    assert_int_equal(rows[0]->n_contacts, 1);
    assert_string_equal(rows[0]->contacts[0]->email, "moi@skhcn-test.gov.vn");
    assert_int_equal(store_get_knowledge(tx, &after), RC_OK);
    assert_true(after.version > before.version);
    assert_int_equal(store_list_signers_since(tx, before.version, &count, &digests), RC_OK);
    assert_int_equal(count, 1);
    assert_true(bytes_equal(digests[0], digest_of("certificate")));
    assert_int_equal(store_list_signers_since(tx, after.version, &count, &digests), RC_OK);
    assert_int_equal(count, 0);
    commit();
    begin();
    agency.n_signers = 1;
    seal.role = "owner";
    seal.sha256 = digest_of("other");
    refused_by_database(store_set_agency(tx, &agency, &seal, &created), "23514");
}

static void a_calendar_is_stored_once_and_read_in_order(void **state)
{
    const struct calendar_day days[] = {
        {20453, CALENDAR_HOLIDAY, CALENDAR_CONFIRMED, "Tết", "QĐ"},
        {20460, CALENDAR_WORKING_SATURDAY, CALENDAR_PROVISIONAL, "Làm bù", "QĐ"}};
    const struct calendar calendar = {"0123456789abcdef", 2, days, 2026};
    struct calendar_day *stored;
    struct knowledge_row row;
    bool created = false;
    size_t count = 0;

    (void)state;
    for (int i = 0; i < 2; i++) {
        begin();
        assert_int_equal(store_set_calendar(tx, &calendar, &created), RC_OK);
        assert_int_equal(created, i == 0);
        commit();
    }
    begin();
    assert_int_equal(store_list_calendar_days(tx, calendar.version, &count, &stored), RC_OK);
    assert_int_equal(count, 2);
    assert_int_equal(stored[0].day, 20453);
    assert_int_equal(stored[1].kind, CALENDAR_WORKING_SATURDAY);
    assert_int_equal(stored[1].status, CALENDAR_PROVISIONAL);
    assert_int_equal(store_get_knowledge(tx, &row), RC_OK);
    assert_string_equal(row.calendar_version, calendar.version);
    commit();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_ends_once),
        cmocka_unit_test(an_accepted_request_has_subscribers),
        cmocka_unit_test(lists_do_not_go_back),
        cmocka_unit_test(who_waits_is_woken_by_a_newer_list_once),
        cmocka_unit_test(who_waits_for_officers_is_woken_by_them),
        cmocka_unit_test(places_are_asked_more_often_while_their_list_is_missing),
        cmocka_unit_test(an_official_document_is_claimed_once),
        cmocka_unit_test(an_agency_keeps_its_signers),
        cmocka_unit_test(a_calendar_is_stored_once_and_read_in_order),
    };

    return cmocka_run_group_tests_name("validation store", tests, up, down);
}
