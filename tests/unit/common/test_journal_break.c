/* Names of journals that follow each other, and whose word begins one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/journal_break.h"

static struct arena *arena;

static int up(void **state)
{
    (void)state;
    arena = arena_new(1 << 20);
    return 0;
}

static int down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static void names_and_numbers(void **state)
{
    static const char *const strangers[] = {"a/jour",       "a/journals",      "a/journal/",
                                            "a/journal/0",  "a/journal/1",     "a/journal/02",
                                            "a/journal/2x", "a/journal/10000", "b/journal/2"};

    (void)state;
    for (unsigned number = 1; number <= 12; number++) {
        const char *origin = journal_origin(arena, "a/journal", number);

        assert_int_equal(journal_number(origin, "a/journal"), number);
        assert_string_equal(journal_first(arena, origin), "a/journal");
    }
    assert_string_equal(journal_origin(arena, "a/journal", 2), "a/journal/2");
    for (size_t i = 0; i < sizeof(strangers) / sizeof(*strangers); i++)
        assert_int_equal(journal_number(strangers[i], "a/journal"), 0);
    assert_string_equal(journal_first(arena, "a/journal/1"), "a/journal/1");
    assert_string_equal(journal_first(arena, "/2"), "/2");
    assert_string_equal(journal_first(arena, "journal"), "journal");
}

static Trien__JournalBegun *begun_by(size_t count, const char *const *officers,
                                     const char *const *keys)
{
    Trien__JournalBegun *begun = ARENA_NEW(arena, Trien__JournalBegun);

    trien__journal_begun__init(begun);
    begun->officers = ARENA_ARRAY(arena, Trien__OfficersWord *, count);
    for (size_t i = 0; i < count; i++) {
        Trien__OfficersWord *word = ARENA_NEW(arena, Trien__OfficersWord);
        Trien__KeySignature *signature = ARENA_NEW(arena, Trien__KeySignature);

        trien__officers_word__init(word);
        trien__key_signature__init(signature);
        word->officer = (char *)(uintptr_t)officers[i];
        word->signature = signature;
        signature->key_id = (char *)(uintptr_t)keys[i];
        begun->officers[begun->n_officers++] = word;
    }
    return begun;
}

static void whose_word(void **state)
{
    static const char *const officers[] = {"officer1", "officer2", "officer3"},
                             *const keys[] = {"a", "b", "c"}, *const same[] = {"x", "x", "x"};
    struct err err = {0};

    (void)state;
    assert_int_equal(journal_break_is_said(begun_by(2, officers, keys), NULL, &err), RC_OK);
    assert_int_equal(journal_break_is_said(begun_by(1, officers, keys), NULL, &err), RC_REJECT);
    assert_int_equal(journal_break_is_said(begun_by(3, officers, keys), NULL, &err), RC_REJECT);
    assert_int_equal(journal_break_is_said(begun_by(0, officers, keys), NULL, &err), RC_REJECT);
    assert_int_equal(journal_break_is_said(begun_by(2, same, keys), NULL, &err), RC_REJECT);
    assert_int_equal(journal_break_is_said(begun_by(2, officers, same), NULL, &err), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__APPROVALS_MISSING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_numbers),
        cmocka_unit_test(whose_word),
    };

    return cmocka_run_group_tests(tests, up, down);
}
