/* The data of a decision, read from its files. Strict: a figure that cannot be what the decision
 * prints ends the reading. It reckons nothing. */
#include "services/trienctl/decision.h"

#include <ctype.h>
#include <string.h>

#include "common/csv.h"
#include "services/trienctl/decimal.h"

#define MAX_BYTES ((size_t)256 * 1024)
#define MAX_FIGURE ((int64_t)DECISION_MAX_UNITS * DECIMAL_ONE)

const struct cost_name cost_names[COSTS] = {
    [COST_LABOUR] = {"labour_days", "Công", "Nhân công", "công", 2},
    [COST_PAPER] = {"paper_reams", "Giấy", "Giấy A4", "ram", 3},
    [COST_TONER] = {"toner_boxes", "Mực", "Mực in laser", "hộp", 4},
    [COST_NOTEBOOKS] = {"notebooks", "Sổ", "Sổ", "quyển", 2},
    [COST_PENS] = {"pens", "Bút", "Bút bi", "chiếc", 2},
    [COST_LAPTOP] = {"laptop_hours", "Máy tính", "Máy tính xách tay", "giờ", 2},
    [COST_PRINTER] = {"printer_hours", "Máy in", "Máy in laser", "giờ", 4},
};

const char *const criterion_kind_names[] = {"automatic", "document", "manual", NULL};

enum cost cost_of_name(const char *name)
{
    enum cost cost = 0;

    while (cost < COSTS && strcmp(cost_names[cost].name, name) != 0)
        cost++;
    return cost;
}

const struct norm *decision_find_norm(const struct decision *decision, const char *code)
{
    for (size_t i = 0; i < decision->norm_count; i++)
        if (strcmp(decision->norms[i].code, code) == 0)
            return &decision->norms[i];
    return NULL;
}

/* --- sections.csv --------------------------------------------------------------------------------
 */

/* One digit from 1 on; 0 when it is anything else. */
static unsigned section_of(const char *text)
{
    return text[0] >= '1' && text[0] <= '9' && text[1] == 0 ? (unsigned)(text[0] - '0') : 0;
}

static enum rc read_section(struct decision *decision, const char *const *fields, struct err *err)
{
    unsigned section = section_of(fields[0]);

    CHECK(section && *fields[1] && !decision->sections[section], err, TRIEN__ERROR__FIELD_INVALID,
          "section %s", fields[0]);
    decision->sections[section] = fields[1];
    return RC_OK;
}

/* --- norms.csv -----------------------------------------------------------------------------------
 */

static bool is_code(const char *text)
{
    return strlen(text) == 5 && isdigit((unsigned char)text[0]) &&
           isdigit((unsigned char)text[1]) && text[2] == '.' && isdigit((unsigned char)text[3]) &&
           isdigit((unsigned char)text[4]);
}

/* "3/9" → 3. */
static unsigned grade_of(const char *text)
{
    return text[0] >= '1' && text[0] <= '9' && strcmp(text + 1, "/9") == 0
               ? (unsigned)(text[0] - '0')
               : 0;
}

static enum rc read_norm(struct decision *decision, const char *const *fields, struct err *err)
{
    struct norm *norm = &decision->norms[decision->norm_count];

    CHECK(decision->norm_count < DECISION_MAX_ITEMS, err, TRIEN__ERROR__TOO_LARGE, "items");
    CHECK(is_code(fields[0]) && (!decision->norm_count || strcmp(norm[-1].code, fields[0]) < 0),
          err, TRIEN__ERROR__FIELD_INVALID, "code %s", fields[0]);
    *norm = (struct norm){.code = fields[0],
                          .section = section_of(fields[1]),
                          .title_vi = fields[2],
                          .grade = grade_of(fields[3])};
    /* items 11.xx stand in section 1 */
    CHECK(norm->section && fields[0][0] == '1' && fields[0][1] == fields[1][0] &&
              decision->sections[norm->section],
          err, TRIEN__ERROR__FIELD_INVALID, "%s in section %s", fields[0], fields[1]);
    CHECK(*norm->title_vi && norm->grade, err, TRIEN__ERROR__FIELD_INVALID, "%s: title or grade",
          fields[0]);
    for (enum cost c = 0; c < COSTS; c++) {
        const char *figure = fields[4 + c];

        norm->is_empty[c] = *figure == 0;
        CHECK(norm->is_empty[c] ||
                  decimal_parse(figure, DECIMAL_PLACES, MAX_FIGURE, &norm->figures[c]),
              err, TRIEN__ERROR__FIELD_INVALID, "%s: %s %s", fields[0], cost_names[c].name, figure);
    }
    decision->norm_count++;
    return RC_OK;
}

/* --- odd.csv -------------------------------------------------------------------------------------
 */

const struct odd_figure *decision_find_odd(const struct norm *norm, enum cost cost)
{
    const struct odd_figure *odd = norm->odd;

    while (odd && odd->cost != cost)
        odd = odd->next;
    return odd;
}

static enum rc read_odd(struct arena *arena, struct decision *decision, const char *const *fields,
                        struct err *err)
{
    struct norm *norm = (struct norm *)decision_find_norm(decision, fields[0]);
    struct odd_figure *odd = ARENA_NEW(arena, struct odd_figure);
    int64_t printed = 0;

    odd->cost = cost_of_name(fields[1]);
    odd->why_vi = fields[4];
    CHECK(norm && odd->cost < COSTS && *fields[4] && !decision_find_odd(norm, odd->cost), err,
          TRIEN__ERROR__FIELD_INVALID, "odd figure %s %s", fields[0], fields[1]);
    CHECK(*fields[2] == 0 || decimal_parse(fields[2], DECIMAL_PLACES, MAX_FIGURE, &printed), err,
          TRIEN__ERROR__FIELD_INVALID, "printed %s", fields[2]);
    CHECK(norm->is_empty[odd->cost] == (*fields[2] == 0) && norm->figures[odd->cost] == printed,
          err, TRIEN__ERROR__FIELD_INVALID, "%s %s is not printed as %s", fields[0], fields[1],
          fields[2]);
    CHECK(decimal_parse(fields[3], DECIMAL_PLACES, MAX_FIGURE, &odd->likely), err,
          TRIEN__ERROR__FIELD_INVALID, "likely %s", fields[3]);
    CHECK(decision->odd_count < DECISION_MAX_ODD, err, TRIEN__ERROR__TOO_LARGE, "odd figures");
    odd->next = norm->odd;
    norm->odd = odd;
    decision->odd_count++;
    return RC_OK;
}

/* A cell that nobody explains may have been lost on the way. */
static enum rc check_figures(const struct decision *decision, struct err *err)
{
    int64_t sum = 0;

    for (size_t i = 0; i < decision->norm_count; i++)
        for (enum cost c = 0; c < COSTS; c++) {
            const struct norm *norm = &decision->norms[i];

            CHECK(!norm->is_empty[c] || decision_find_odd(norm, c), err,
                  TRIEN__ERROR__FIELD_INVALID, "%s: %s is empty", norm->code, cost_names[c].name);
            sum += norm->figures[c];
        }
    CHECK(sum <= MAX_FIGURE, err, TRIEN__ERROR__TOO_LARGE, "more than %d units together",
          DECISION_MAX_UNITS);
    return RC_OK;
}

/* --- criteria.csv --------------------------------------------------------------------------------
 */

/* "4", "4a", "12". */
static bool is_number(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    text += digits;
    return digits >= 1 && digits <= 2 &&
           (*text == 0 || (islower((unsigned char)*text) && !text[1]));
}

static bool is_known(const struct decision *decision, const char *id)
{
    for (size_t i = 0; i < decision->criterion_count; i++)
        if (strcmp(decision->criteria[i].id, id) == 0)
            return true;
    return false;
}

static enum rc read_criterion(struct arena *arena, struct decision *decision,
                              const char *const *fields, struct err *err)
{
    struct criterion *row = &decision->criteria[decision->criterion_count];

    CHECK(decision->criterion_count < DECISION_MAX_CRITERIA, err, TRIEN__ERROR__TOO_LARGE,
          "criteria");
    *row = (struct criterion){.id = arena_printf(arena, "%s-%s", fields[0], fields[1]),
                              .code = fields[0],
                              .number = fields[1],
                              .text_vi = fields[2]};
    while (criterion_kind_names[row->kind] && strcmp(criterion_kind_names[row->kind], fields[3]))
        row->kind++;
    CHECK(decision_find_norm(decision, row->code) && is_number(row->number) && *row->text_vi &&
              criterion_kind_names[row->kind] && !is_known(decision, row->id),
          err, TRIEN__ERROR__FIELD_INVALID, "criterion %s", row->id);
    decision->criterion_count++;
    return RC_OK;
}

/* --- the whole -----------------------------------------------------------------------------------
 */

enum file { SECTIONS, NORMS, ODD, CRITERIA };

static enum rc read_row(struct arena *arena, struct decision *decision, enum file file,
                        const char *const *fields, struct err *err)
{
    switch (file) {
    case SECTIONS:
        return read_section(decision, fields, err);
    case NORMS:
        return read_norm(decision, fields, err);
    case ODD:
        return read_odd(arena, decision, fields, err);
    default:
        return read_criterion(arena, decision, fields, err);
    }
}

static enum rc read_file(struct arena *arena, struct decision *decision, enum file file,
                         struct bytes text, struct err *err)
{
    static const char *const headers[] = {
        [SECTIONS] = "section,title_vi",
        [NORMS] = ("code,section,title_vi,engineer_grade,labour_days,paper_reams,toner_boxes,"
                   "notebooks,pens,laptop_hours,printer_hours"),
        [ODD] = "code,cost,printed,likely,why_vi",
        [CRITERIA] = "code,criterion_no,text_vi,kind",
    };
    const char *fields[CSV_MAX_COLUMNS];
    struct csv csv;
    bool more;

    TRY(csv_open(arena, text, headers[file], MAX_BYTES, err, &csv));
    TRY(csv_next(&csv, err, fields, &more));
    while (more) {
        TRY(read_row(arena, decision, file, fields, err));
        TRY(csv_next(&csv, err, fields, &more));
    }
    err_clear(err);
    return RC_OK;
}

enum rc decision_parse(struct arena *arena, const struct decision_files *files, struct err *err,
                       struct decision *decision)
{
    decision->criteria = ARENA_ARRAY(arena, struct criterion, DECISION_MAX_CRITERIA);
    TRY(read_file(arena, decision, SECTIONS, files->sections, err));
    TRY(read_file(arena, decision, NORMS, files->norms, err));
    TRY(read_file(arena, decision, ODD, files->odd, err));
    TRY(read_file(arena, decision, CRITERIA, files->criteria, err));
    CHECK(decision->norm_count && decision->criterion_count, err, TRIEN__ERROR__FIELD_INVALID,
          "no items or no criteria");
    return check_figures(decision, err);
}
