/* Tables line up on the screen, whatever the letters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/trienctl/table.h"

static void columns_count_letters_not_bytes(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    struct table *table = table_new(arena, "lrl");
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);

    (void)state;
    TABLE_ROW(table, "Thuê bao", "đồng", "Mục");
    table_rule(table);
    TABLE_ROW(table, "Đã thu hồi", "12", "một");
    TABLE_ROW(table, "te\xcc\x82n", "345678", NULL); /* ê of two characters, one column */
    table_heading(table, "Một dòng dài hơn cả bảng này, không làm cột nào rộng ra");
    table_print(out, table);
    fclose(out);
    assert_string_equal(text, "Thuê bao      đồng  Mục\n"
                              "───────────────────────\n"
                              "Đã thu hồi      12  một\n"
                              "te\xcc\x82n         345678  \n"
                              "Một dòng dài hơn cả bảng này, không làm cột nào rộng ra\n");
    free(text);
    arena_free(&arena);
}

static void width_of_texts(void **state)
{
    (void)state;
    assert_int_equal(table_width(""), 0);
    assert_int_equal(table_width("Nguyễn Văn An"), 13);
    assert_int_equal(table_width("─"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_count_letters_not_bytes),
        cmocka_unit_test(width_of_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
