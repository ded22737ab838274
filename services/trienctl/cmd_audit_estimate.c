/* trienctl audit estimate: what an assessment costs by the norms of Decision 2433. Needs no
 * installation: the norms are compiled in, the prices are a file. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "services/trienctl/audit.h"
#include "services/trienctl/estimate_print.h"

struct wanted {
    struct choice choice;
    const char *prices;
    bool csv, has_items;
};

static bool read_authorities(const char *text, unsigned *ret_authorities)
{
    char *end;
    long n = strtol(text, &end, 10);

    if (*text < '0' || *text > '9' || *end || n < 1 || n > ESTIMATE_MAX_AUTHORITIES)
        return false;
    *ret_authorities = (unsigned)n;
    return true;
}

/* 0, or the exit status of wrong use. */
static int read_options(int argc, char **argv, struct wanted *wanted)
{
    static const struct option options[] = {{"items", required_argument, NULL, 'i'},
                                            {"authorities", required_argument, NULL, 'a'},
                                            {"prices", required_argument, NULL, 'p'},
                                            {"csv", no_argument, NULL, 'c'},
                                            {0}};
    struct err err = {0};

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'i') {
            if (choice_parse(decision_2433(), optarg, &err, &wanted->choice) != RC_OK)
                return ctl_failed(&err), 64;
            wanted->has_items = true;
        } else if (option == 'a') {
            if (!read_authorities(optarg, &wanted->choice.authorities))
                return ctl_misuse("audit", "--authorities takes 1 to %d", ESTIMATE_MAX_AUTHORITIES);
        } else if (option == 'p') {
            wanted->prices = optarg;
        } else if (option == 'c') {
            wanted->csv = true;
        } else {
            return ctl_misuse("audit", "estimate does not know this option");
        }
    }
    if (optind != argc)
        return ctl_misuse("audit", "estimate: \"%s\" is too much", argv[optind]);
    if (wanted->csv && ctl_json())
        return ctl_misuse("audit", "--csv or --json, not both");
    return 0;
}

static void print(const struct estimate *estimate, bool csv)
{
    if (ctl_json()) {
        autoptr(json_t) document = estimate_json(estimate);

        ctl_print_json(document);
    } else if (csv) {
        estimate_print_csv(stdout, estimate);
    } else {
        estimate_print_table(stdout, estimate);
    }
}

int audit_estimate(int argc, char **argv)
{
    struct wanted wanted = {.choice.authorities = 1};
    struct estimate *estimate = ARENA_NEW(ctl_arena(), struct estimate);
    struct prices *prices = NULL;
    struct err err = {0};
    struct bytes file;
    int misuse = read_options(argc, argv, &wanted);

    if (misuse)
        return misuse;
    if (!wanted.has_items)
        choice_all(decision_2433(), &wanted.choice);
    if (wanted.prices) {
        prices = ARENA_NEW(ctl_arena(), struct prices);
        if (ctl_read_file(wanted.prices, PRICES_MAX_BYTES, &err, &file) != RC_OK ||
            prices_parse(ctl_arena(), decision_2433(), file, &err, prices) != RC_OK)
            return ctl_failed(&err);
    }
    estimate_reckon(decision_2433(), &wanted.choice, prices, estimate);
    print(estimate, wanted.csv);
    return 0;
}
