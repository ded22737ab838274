/* Requests about certificates: serial numbers, moments, the table of causes, and the rules over
 * what the registry and the attachments say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/causes.h"
#include "common/subscriber.h"
#include "services/validation/rules.h"
#include "services/validation/rules_certificates.h"

static struct arena *arena;

static int each_up(void **state)
{
    (void)state;
    arena = arena_new((size_t)16 << 20);
    return 0;
}

static int each_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static void serial_numbers(void **state)
{
    static const char *const wrong[] = {
        "",     "0",    "000",
        "12g4", ":12",  "12:",
        "-1",   "0x12", "12345678901234567890123456789012345678901"};
    const char *serial = NULL;

    (void)state;
    assert_true(rule_is_certificate_serial(arena, "54:0A:bC 1F", &serial));
    assert_string_equal(serial, "540abc1f");
    assert_true(rule_is_certificate_serial(arena, "000f", &serial));
    assert_string_equal(serial, "f");
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(rule_is_certificate_serial(arena, wrong[i], &serial));
}

static void moments(void **state)
{
    static const struct {
        const char *text, *utc;
    } right[] = {
        {"2026-11-20", "2026-11-19T17:00:00.000000Z"},
        {"2026-11-20T08:30:15Z", "2026-11-20T08:30:15.000000Z"},
        {"2026-11-20T08:30:15+07:00", "2026-11-20T01:30:15.000000Z"},
        {"2026-11-20T08:30:15.123-01:30", "2026-11-20T10:00:15.000000Z"},
    };
    static const char *const wrong[] = {
        "",
        "2026-02-30",
        "2026-11-20T",
        "2026-11-20T08:30:15",
        "2026-11-20 08:30:15Z",
        "2026-11-20T24:00:00Z",
        "2026-11-20T08:60:00Z",
        "2026-11-20T08:30:15+7:00",
        "2026-11-20T08:30:15+07:00x",
        "2026-11-20T-8:30:15Z",
        "2026-11-20T08:30:15.Z",
    };
    usec moment = 0;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(right); i++) {
        assert_true(rule_is_moment(right[i].text, &moment));
        assert_string_equal(clock_utc_text(arena, moment), right[i].utc);
    }
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(rule_is_moment(wrong[i], &moment));
}

static void causes_are_sound(void **state)
{
    static const char *const profiles[] = {PROFILE_PERSON,     PROFILE_AGENCY,
                                           PROFILE_DEVICE,     PROFILE_TLS_SERVER,
                                           PROFILE_API_CLIENT, PROFILE_CODE_SIGNING};
    const struct cause *cause;
    unsigned count = 0;

    (void)state;
    for (; (cause = cause_at(count)); count++) {
        assert_ptr_equal(cause_find(cause->code), cause);
        assert_true(cause->kinds & SUBSCRIBER_ANY);
        /* never unspecified, a hold, a CA's, or one that ends a hold */
        assert_true(cause->reason == 1 || cause->reason == 3 || cause->reason == 4 ||
                    cause->reason == 5 || cause->reason == 9);
    }
    assert_int_equal(count, 15);
    assert_null(cause_find("het_han"));
    assert_null(cause_find(""));
    for (size_t i = 0; i < COUNT_OF(profiles); i++)
        assert_true(cause_kind_of_profile(profiles[i]) != 0);
    assert_int_equal(cause_kind_of_profile(PROFILE_OCSP_RESPONDER), 0);
    assert_int_equal(cause_find("that_lac")->proof, PROOF_LOSS_MINUTES);
}

/* --- one row, one attachment, and what is wrong with them ----------------------------------------
 */

struct world {
    struct certificate_row row;
    const char *roles;
    struct certificate_facts facts;
    Trien__ExaminedItem item, minutes;
    Trien__ExaminedItem *items, *minutes_list;
    Trien__ExaminedEnclosure enclosure;
    Trien__ExaminedEnclosure *enclosures;
    Trien__ExaminedDocument examined;
};

static void name_certificate(Trien__ExaminedItem *item)
{
    trien__examined_item__init(item);
    item->certificate_serial = (char *)"540abc1f";
    item->device_serial = (char *)"D-1";
}

static struct world *right_world(const char *cause)
{
    struct world *world = ARENA_NEW(arena, struct world);

    world->row = (struct certificate_row){"540abc1f",  "H26.14",    "valid", PROFILE_PERSON,
                                          "Trần Bình", "pki_token", "D-1"};
    world->roles = "os";
    world->facts = (struct certificate_facts){1, &world->row, 100, 1, &world->roles};
    name_certificate(&world->item);
    world->item.cause = (char *)cause;
    world->items = &world->item;
    name_certificate(&world->minutes);
    world->minutes.has_lost_at = true;
    world->minutes.lost_at = 42;
    world->minutes_list = &world->minutes;
    trien__examined_enclosure__init(&world->enclosure);
    world->enclosure.part = 1;
    world->enclosure.organ_id = (char *)"H26.14";
    world->enclosure.n_items = 1;
    world->enclosure.items = &world->minutes_list;
    world->enclosures = &world->enclosure;
    trien__examined_document__init(&world->examined);
    world->examined.form = (char *)"05";
    world->examined.organ_id = (char *)"H26.14";
    world->examined.n_items = 1;
    world->examined.items = &world->items;
    world->examined.n_enclosures = 1;
    world->examined.enclosures = &world->enclosures;
    world->examined.enclosed_count = 1;
    return world;
}

static size_t look(const struct world *world, struct reasons *reasons)
{
    reasons_init(reasons, arena);
    rule_certificates(&world->facts, &world->examined, reasons);
    return reasons->count;
}

static void each_cause_fits_its_kinds(void **state)
{
    static const struct {
        const char *profile;
        unsigned kind;
    } profiles[] = {{PROFILE_PERSON, SUBSCRIBER_PERSON},
                    {PROFILE_AGENCY, SUBSCRIBER_AGENCY},
                    {PROFILE_CODE_SIGNING, SUBSCRIBER_SERVICE}};
    const struct cause *cause;
    struct reasons reasons;

    (void)state;
    for (unsigned c = 0; (cause = cause_at(c)); c++)
        for (size_t p = 0; p < COUNT_OF(profiles); p++) {
            struct world *world = right_world(cause->code);
            bool fits = cause->kinds & profiles[p].kind;

            world->row.profile = profiles[p].profile;
            assert_int_equal(look(world, &reasons), fits ? 0 : 1);
            if (!fits)
                assert_int_equal(reasons.rows[0].code, TRIEN__ERROR__CAUSE_INVALID);
        }
}

static void unknown_and_somebody_elses_look_the_same(void **state)
{
    struct world *world = right_world("nghi_huu");
    struct reasons unknown, other;

    (void)state;
    world->row = (struct certificate_row){.serial = "540abc1f"};
    assert_int_equal(look(world, &unknown), 1);
    world = right_world("nghi_huu");
    world->row.organ_id = "H26.15";
    world->row.state = "revoked";
    world->item.device_serial = (char *)"D-2";
    assert_int_equal(look(world, &other), 1);
    assert_int_equal(unknown.rows[0].code, TRIEN__ERROR__CERTIFICATE_UNKNOWN);
    assert_int_equal(other.rows[0].code, TRIEN__ERROR__CERTIFICATE_UNKNOWN);
    assert_string_equal(unknown.rows[0].text_vi, other.rows[0].text_vi);
    assert_string_equal(other.rows[0].pointer, "/subscribers/0/certificate_serial");
}

static void every_reason_at_once(void **state)
{
    struct world *world = right_world("giai_the");
    struct reasons reasons;

    (void)state;
    world->row.state = "revoked";
    world->item.device_serial = (char *)"D-2";
    assert_int_equal(look(world, &reasons), 3);
    assert_int_equal(reasons.rows[0].code, TRIEN__ERROR__DEVICE_UNKNOWN);
    assert_int_equal(reasons.rows[1].code, TRIEN__ERROR__CERTIFICATE_REVOKED);
    assert_int_equal(reasons.rows[2].code, TRIEN__ERROR__CAUSE_INVALID);
    world->row.state = "expired";
    assert_int_equal(look(world, &reasons), 3);
    assert_int_equal(reasons.rows[1].code, TRIEN__ERROR__CERTIFICATE_EXPIRED);
}

static void minutes_prove_a_loss(void **state)
{
    struct world *world = right_world("that_lac");
    struct reasons reasons;
    Trien__Reason reason = TRIEN__REASON__INIT, *list = &reason;

    (void)state;
    assert_int_equal(look(world, &reasons), 0);
    world->examined.n_enclosures = 0;
    assert_int_equal(look(world, &reasons), 1);
    assert_int_equal(reasons.rows[0].code, TRIEN__ERROR__LOSS_MINUTES_MISSING);

    world = right_world("that_lac");
    world->minutes.device_serial = (char *)"D-2";
    assert_int_equal(look(world, &reasons), 1);

    world = right_world("that_lac");
    world->minutes.certificate_serial = (char *)"540abc20";
    assert_int_equal(look(world, &reasons), 1);

    world = right_world("that_lac");
    world->roles = "so"; /* the seal is not the last */
    assert_int_equal(look(world, &reasons), 2);
    assert_int_equal(reasons.rows[1].code, TRIEN__ERROR__SIGNER_UNAUTHORISED);
    assert_string_equal(reasons.rows[1].pointer, "/attachment/0");

    world = right_world("that_lac");
    world->enclosure.organ_id = (char *)"H26.15";
    assert_int_equal(look(world, &reasons), 2);

    world = right_world("that_lac");
    reason.code = TRIEN__ERROR__DOCUMENT_NOT_SIGNED;
    reason.text_vi = reason.text_en = (char *)"x";
    world->enclosure.n_reasons = 1;
    world->enclosure.reasons = &list;
    world->enclosure.n_items = 0;
    assert_int_equal(look(world, &reasons), 2);
    assert_int_equal(reasons.rows[1].code, TRIEN__ERROR__DOCUMENT_NOT_SIGNED);
}

static void a_court_sends_its_document(void **state)
{
    struct world *world = right_world("to_tung");
    struct reasons reasons;

    (void)state;
    assert_int_equal(look(world, &reasons), 0);
    world->examined.enclosed_count = 0;
    assert_int_equal(look(world, &reasons), 1);
    assert_int_equal(reasons.rows[0].code, TRIEN__ERROR__PROOF_MISSING);
}

/* Forms 07 and 08: the certificate is the agency's own, the device is its device; a revoked one may
 * and must come back. */
static void devices_are_reported_by_their_agency(void **state)
{
    static const char *const forms[] = {"07", "08"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        struct world *world = right_world("bất kỳ");
        struct reasons reasons;

        world->examined.form = (char *)forms[i];
        world->row.state = "revoked";
        assert_int_equal(look(world, &reasons), 0);
        world->item.device_serial = (char *)"D-2";
        assert_int_equal(look(world, &reasons), 1);
        assert_int_equal(reasons.rows[0].code, TRIEN__ERROR__DEVICE_UNKNOWN);
        world->row.organ_id = "H26.15";
        assert_int_equal(look(world, &reasons), 1);
        assert_int_equal(reasons.rows[0].code, TRIEN__ERROR__CERTIFICATE_UNKNOWN);
    }
}

static void nothing_is_refused_while_the_feed_lags(void **state)
{
    struct world *world = right_world("nghi_huu");

    (void)state;
    assert_false(rule_certificates_lag(&world->facts, 500)); /* known: nothing to wait for */
    world->row.organ_id = NULL;
    assert_true(rule_certificates_lag(&world->facts, 101));
    assert_false(rule_certificates_lag(&world->facts, 100));
}

static void rows_are_filled_from_the_registry(void **state)
{
    struct world *world = right_world("that_lac");
    const Trien__ExaminedDocument *filled;

    (void)state;
    filled = rule_certificates_fill(arena, &world->facts, &world->examined);
    assert_string_equal(filled->items[0]->subscriber_name, "Trần Bình");
    assert_string_equal(filled->items[0]->profile, PROFILE_PERSON);
    assert_string_equal(filled->items[0]->device_kind, "pki_token");
    assert_int_equal(filled->items[0]->lost_at, 42);
    world->facts.count = 0;
    assert_ptr_equal(rule_certificates_fill(arena, &world->facts, &world->examined),
                     &world->examined);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, each_up, each_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(serial_numbers),
        TEST(moments),
        TEST(causes_are_sound),
        TEST(each_cause_fits_its_kinds),
        TEST(unknown_and_somebody_elses_look_the_same),
        TEST(every_reason_at_once),
        TEST(minutes_prove_a_loss),
        TEST(a_court_sends_its_document),
        TEST(devices_are_reported_by_their_agency),
        TEST(nothing_is_refused_while_the_feed_lags),
        TEST(rows_are_filled_from_the_registry),
    };

    return cmocka_run_group_tests_name("certificates", tests, NULL, NULL);
}
