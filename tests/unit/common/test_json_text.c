/* JSON strings: whatever the text, what comes out is read back by jansson. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "common/json_text.h"

static void quoted_texts_are_read_back(void **state)
{
    static const char *const texts[] = {"", "abc", "\"\\/\b\n\t", "Đề nghị 😀", "\x01\x1f\x7f"};
    struct arena *arena = arena_new(1 << 20);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        json_t *text = json_loads(json_quote(arena, texts[i]), JSON_DECODE_ANY, NULL);

        assert_string_equal(json_string_value(text), texts[i]);
        json_decref(text);
    }
    assert_string_equal(json_quote(arena, "a\xff\xc3\"b"), "\"a??\\\"b\"");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(quoted_texts_are_read_back)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
