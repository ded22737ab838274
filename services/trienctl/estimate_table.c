/* An estimate as a Vietnamese table for people. Odd figures carry a star and are explained below;
 * costs outside the norm stand in a table of their own. */
#include <string.h>

#include "services/trienctl/decimal.h"
#include "services/trienctl/estimate_print.h"
#include "services/trienctl/table.h"

enum { CODE, GRADE, FIRST_COST, AMOUNT = FIRST_COST + COSTS, TITLE, CELLS };

/* Figure with room for the star, so that decimals stay below each other. */
static const char *figure_cell(const struct norm *norm, const struct cost_sum *sum, enum cost cost)
{
    const char *figure =
        norm && norm->is_empty[cost]
            ? "–"
            : decimal_text_vi(ctl_arena(), sum->quantities[cost], cost_names[cost].places);

    return arena_printf(ctl_arena(), "%s%s", figure,
                        norm && decision_find_odd(norm, cost) ? "*" : " ");
}

static const char *amount_cell(const struct estimate *estimate, int64_t amount)
{
    return estimate->prices ? decimal_text_vi(ctl_arena(), amount, 0) : "";
}

/* As many decimals as are needed, with the comma of the decision. */
static const char *plain(int64_t value)
{
    char *text = arena_strdup(ctl_arena(), decimal_text(ctl_arena(), value));
    char *point = strchr(text, '.');

    if (point)
        *point = ',';
    return text;
}

static void add_sum(struct table *table, const struct estimate *estimate, const struct norm *norm,
                    const char *code, const char *title, const struct cost_sum *sum)
{
    const char *cells[CELLS] = {[CODE] = code, [TITLE] = title};

    if (norm)
        cells[GRADE] = arena_printf(ctl_arena(), "%u/9", norm->grade);
    for (enum cost c = 0; c < COSTS; c++)
        cells[FIRST_COST + c] = figure_cell(norm, sum, c);
    cells[AMOUNT] = amount_cell(estimate, sum->amount);
    table_row(table, cells);
}

static void add_head(struct table *table, const struct estimate *estimate)
{
    const char *names[CELLS] = {[CODE] = "Mã", [GRADE] = "Kỹ sư", [TITLE] = "Nội dung kiểm tra"};
    const char *units[CELLS] = {0};

    for (enum cost c = 0; c < COSTS; c++) {
        names[FIRST_COST + c] = arena_printf(ctl_arena(), "%s ", cost_names[c].heading_vi);
        if (c != COST_LABOUR)
            units[FIRST_COST + c] = arena_printf(ctl_arena(), "%s ", cost_names[c].unit_vi);
    }
    if (estimate->prices) {
        names[AMOUNT] = "Thành tiền";
        units[AMOUNT] = "đồng";
    }
    table_row(table, names);
    table_row(table, units);
    table_rule(table);
}

static void add_section(struct table *table, const struct estimate *estimate, unsigned section)
{
    const struct decision *decision = estimate->decision;

    if (!estimate->sections[section].items)
        return;
    for (size_t i = 0; i < decision->norm_count; i++) {
        const struct norm *norm = &decision->norms[i];

        if (norm->section == section && estimate->choice.items[i])
            add_sum(table, estimate, norm, norm->code, norm->title_vi, &estimate->items[i]);
    }
    add_sum(table, estimate, NULL, arena_printf(ctl_arena(), "Mục %u", section),
            arena_printf(ctl_arena(), "Cộng: %s", decision->sections[section]),
            &estimate->sections[section]);
    table_rule(table);
}

static void print_norm(FILE *out, const struct estimate *estimate)
{
    struct table *table = table_new(ctl_arena(), "llrrrrrrrrl");

    add_head(table, estimate);
    for (unsigned s = 1; s <= DECISION_MAX_SECTIONS; s++)
        add_section(table, estimate, s);
    add_sum(
        table, estimate, NULL, "Tổng",
        arena_printf(ctl_arena(), "Tổng cộng %zu nội dung theo định mức", estimate->total.items),
        &estimate->total);
    table_print(out, table);
}

static void print_grades(FILE *out, const struct estimate *estimate)
{
    const char *separator = "Công theo bậc:";

    for (unsigned grade = 1; grade <= DECISION_MAX_GRADE; grade++) {
        int64_t days = estimate->total.labour_by_grade[grade];

        if (!days)
            continue;
        fprintf(out, "%s kỹ sư %u/9 %s", separator, grade, decimal_text_vi(ctl_arena(), days, 2));
        separator = ";";
    }
    fputc('\n', out);
}

static void print_odd(FILE *out, const struct estimate *estimate)
{
    const struct decision *decision = estimate->decision;

    if (!estimate->total.odd)
        return;
    fprintf(out,
            "\n* Số in trong Quyết định %s có dấu hiệu nhầm; vẫn tính đúng như bản in (số của một "
            "CA):\n",
            decision->number);
    for (size_t i = 0; i < decision->norm_count; i++)
        for (const struct odd_figure *odd = decision->norms[i].odd;
             odd && estimate->choice.items[i]; odd = odd->next) {
            const struct norm *norm = &decision->norms[i];
            const char *printed =
                norm->is_empty[odd->cost] ? "(trống, tính là 0)" : plain(norm->figures[odd->cost]);

            fprintf(out, "  %s %s: in %s, có thể là %s (%s)\n", norm->code,
                    cost_names[odd->cost].title_vi, printed, decimal_text(ctl_arena(), odd->likely),
                    odd->why_vi);
        }
}

static void print_outside(FILE *out, const struct estimate *estimate)
{
    const struct prices *prices = estimate->prices;
    struct table *table = table_new(ctl_arena(), "rlrrl");

    if (!prices || !prices->outside_count)
        return;
    fputs("\nChi phí ngoài định mức (tính riêng, không cộng vào định mức)\n", out);
    TABLE_ROW(table, "Số lượng", "Đơn vị", "Đơn giá", "Thành tiền", "Nội dung");
    table_rule(table);
    for (size_t i = 0; i < prices->outside_count; i++) {
        const struct outside_cost *row = &prices->outside[i];
        int64_t quantity =
            row->quantity * (row->per_authority ? (int64_t)estimate->choice.authorities : 1);

        TABLE_ROW(table, plain(quantity), row->unit,
                  decimal_text_vi(ctl_arena(), row->price_vnd * DECIMAL_ONE, 0),
                  amount_cell(estimate, estimate->outside[i]), row->description);
    }
    table_rule(table);
    TABLE_ROW(table, "", "", "", amount_cell(estimate, estimate->outside_amount),
              "Tổng cộng ngoài định mức");
    table_print(out, table);
}

void estimate_print_table(FILE *out, const struct estimate *estimate)
{
    fprintf(out,
            "DỰ TOÁN KIỂM TRA, ĐÁNH GIÁ HỆ THỐNG CHỨNG THỰC CHỮ KÝ SỐ\n"
            "Định mức: Quyết định %s (%s); số CA: %u; một công bằng 8 giờ\n\n",
            estimate->decision->number, estimate->decision->version, estimate->choice.authorities);
    print_norm(out, estimate);
    print_grades(out, estimate);
    print_odd(out, estimate);
    print_outside(out, estimate);
    fputs(estimate->prices ? "\nTiền được tính chính xác và chỉ làm tròn đến đồng ở số in ra.\n"
                           : "\nChưa có đơn giá: thêm --prices FILE để tính thành tiền.\n",
          out);
}
