/* trienctl audit check: the criteria of Decision 2433 against the running system. Exit status 1
 * when one is not kept. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "services/trienctl/audit.h"
#include "services/trienctl/criteria.h"
#include "services/trienctl/evidence.h"
#include "services/trienctl/table.h"

#define DEFAULT_REVOCATION_HOURS 24

struct wanted {
    struct evidence_where where;
    bool chosen[DECISION_MAX_CRITERIA];
    bool has_choice;
    long hours;
};

/* --- the report ----------------------------------------------------------------------------------
 */

static json_t *row_json(const struct finding *row)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:O}", "criterion", row->criterion->id, "text_vi",
                     row->criterion->text_vi, "kind", criterion_kind_names[row->criterion->kind],
                     "verdict", verdict_names[row->verdict], "reason_vi", row->reason_vi,
                     "evidence", row->evidence);
}

static void print_json(const struct findings *findings, usec at)
{
    autoptr(json_t) document = json_pack(
        "{s:s, s:s, s:s, s:{}, s:[]}", "decision", findings->decision->number, "version",
        findings->decision->version, "at", clock_utc_text(ctl_arena(), at), "counts", "criteria");

    for (enum verdict v = 0; v < VERDICTS; v++)
        json_object_set_new(json_object_get(document, "counts"), verdict_names[v],
                            json_integer((json_int_t)findings->by_verdict[v]));
    for (size_t i = 0; i < findings->count; i++)
        json_array_append_new(json_object_get(document, "criteria"), row_json(&findings->rows[i]));
    ctl_print_json(document);
}

static void add_row(struct table *table, const struct finding *row)
{
    size_t i;
    json_t *note;

    TABLE_ROW(table, row->criterion->id, verdict_names_vi[row->verdict], row->criterion->text_vi);
    if (*row->reason_vi)
        TABLE_ROW(table, "", "", arena_printf(ctl_arena(), "→ %s", row->reason_vi));
    json_array_foreach(row->evidence, i, note) TABLE_ROW(
        table, "", "",
        arena_printf(ctl_arena(), "• %s: %s", json_string_value(json_object_get(note, "what")),
                     json_string_value(json_object_get(note, "value"))));
}

static void print_text(const struct findings *findings, usec at)
{
    struct table *table = table_new(ctl_arena(), "lll");

    printf("KIỂM TRA THEO QUYẾT ĐỊNH %s (%s), %s\n\n", findings->decision->number,
           findings->decision->version, clock_vietnamese_text(ctl_arena(), at));
    TABLE_ROW(table, "Tiêu chí", "Kết quả", "Nội dung, lý do, bằng chứng");
    for (size_t i = 0; i < findings->count; i++)
        add_row(table, &findings->rows[i]);
    table_print(stdout, table);
    printf("\n%zu tiêu chí:", findings->count);
    for (enum verdict v = 0; v < VERDICTS; v++)
        printf("%s %zu %s", v ? "," : "", findings->by_verdict[v], verdict_names_vi[v]);
    putchar('\n');
}

/* --- options -------------------------------------------------------------------------------------
 */

static bool take_option(struct wanted *wanted, int option)
{
    switch (option) {
    case 's':
        wanted->where.status_url = optarg;
        return true;
    case 'a':
        wanted->where.audit_url = optarg;
        return true;
    case 'r':
        wanted->where.root_file = optarg;
        return true;
    case 'k':
        wanted->where.journal_key_file = optarg;
        return true;
    case 'h':
        wanted->hours = strtol(optarg, NULL, 10);
        return wanted->hours >= 1 && wanted->hours <= 24 * 365;
    default:
        return false;
    }
}

static void fill_in(struct wanted *wanted)
{
    struct evidence_where *where = &wanted->where;

    if (!where->status_url)
        where->status_url = ctl_url("status", "");
    if (!where->audit_url)
        where->audit_url = ctl_url("audit", "");
    if (!where->root_file)
        where->root_file = ctl_path("ca/root1.pem");
    if (!where->journal_key_file)
        where->journal_key_file = ctl_path("data/audit/journal.pub");
    where->revocation_limit = wanted->hours * 3600 * USEC_PER_SECOND;
}

/* 0, or the exit status of wrong use. */
static int read_options(int argc, char **argv, struct wanted *wanted)
{
    static const struct option options[] = {{"criteria", required_argument, NULL, 'c'},
                                            {"status-url", required_argument, NULL, 's'},
                                            {"audit-url", required_argument, NULL, 'a'},
                                            {"root", required_argument, NULL, 'r'},
                                            {"journal-key", required_argument, NULL, 'k'},
                                            {"revocation-hours", required_argument, NULL, 'h'},
                                            {0}};
    struct err err = {0};

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'c') {
            wanted->has_choice = true;
            if (criteria_choose(decision_2433(), optarg, &err, wanted->chosen) != RC_OK)
                return ctl_failed(&err), 64;
        } else if (!take_option(wanted, option)) {
            return ctl_misuse("audit",
                              "check: unknown option, or --revocation-hours beyond 1-8760");
        }
    }
    return optind == argc ? 0 : ctl_misuse("audit", "check: \"%s\" is too much", argv[optind]);
}

int audit_criteria(int argc, char **argv)
{
    struct wanted *wanted = ARENA_NEW(ctl_arena(), struct wanted);
    struct evidence *evidence;
    struct findings findings;
    int misuse;

    wanted->hours = DEFAULT_REVOCATION_HOURS;
    misuse = read_options(argc, argv, wanted);
    if (misuse)
        return misuse;
    fill_in(wanted);
    evidence = evidence_gather(&wanted->where);
    criteria_judge(decision_2433(), wanted->has_choice ? wanted->chosen : NULL, evidence,
                   &findings);
    if (ctl_json())
        print_json(&findings, evidence->at);
    else
        print_text(&findings, evidence->at);
    criteria_free(&findings);
    evidence_free(&evidence);
    return findings.by_verdict[VERDICT_FAIL] ? 1 : 0;
}
