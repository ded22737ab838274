/* trienctl audit verify: checks a copy of the journal, or the running one, with the journal's
 * public key alone, and names the first entry that is not as it was signed. Exit status 0 when
 * everything agrees, 1 when something was found or cannot be read. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "services/trienctl/audit.h"

#define MAX_WITNESSES 64

struct choice {
    const char *key_file, *officers_file, *dir;
    bool is_live;
    const char *witnesses[MAX_WITNESSES];
    size_t witness_count;
};

static enum rc take_note(void *arg, const char *name, struct bytes note, struct err *err)
{
    (void)err;
    audit_check_note(arg, name, note);
    return RC_OK;
}

static enum rc take_entry(void *arg, const struct audit_entry *entry, struct err *err)
{
    (void)err;
    audit_check_entry(arg, entry);
    return RC_OK;
}

static enum rc check_all(const struct choice *choice, struct err *err,
                         struct audit_result *ret_result)
{
    autoptr(x509_ring_t) ring = NULL;
    autoptr(x509_ring_t) officers = NULL;
    struct audit_check *check;
    struct audit_sink sink = {.note = take_note, .entry = take_entry};

    TRY(x509_ring_load(choice->key_file, err, &ring));
    CHECK(x509_ring_count(ring) == 1, err, TRIEN__ERROR__KEY_FILE,
          "%s must hold one key, the journal's", choice->key_file);
    if (choice->officers_file)
        TRY(x509_ring_load(choice->officers_file, err, &officers));
    check = audit_check_new(ctl_arena(), x509_ring_at(ring, 0));
    audit_check_officers(check, officers);
    sink.arg = check;
    for (size_t i = 0; i < choice->witness_count; i++)
        TRY(audit_pour_witness(choice->witnesses[i], &sink, err));
    TRY(choice->is_live ? audit_pour_live(&sink, err) : audit_pour_copy(choice->dir, &sink, err));
    audit_check_end(check, ret_result);
    return RC_OK;
}

/* --- what people and programs read ---------------------------------------------------------------
 */

static const char *place_of(const struct audit_finding *finding)
{
    const char *what = finding->kind == AUDIT_CHECKPOINT ? "checkpoint at size" : "entry";

    if (!finding->is_exact)
        return arena_printf(ctl_arena(), "one of the entries %" PRIu64 " to %" PRIu64,
                            finding->first, finding->last);
    if (finding->last != finding->first)
        return arena_printf(ctl_arena(), "entries %" PRIu64 " to %" PRIu64, finding->first,
                            finding->last);
    return arena_printf(ctl_arena(), "%s %" PRIu64, what, finding->first);
}

static json_t *finding_json(const struct audit_finding *finding)
{
    return json_pack("{s:s, s:s, s:I, s:I, s:b, s:s}", "kind", audit_kind_word(finding->kind),
                     "place", place_of(finding), "first", (json_int_t)finding->first, "last",
                     (json_int_t)finding->last, "exact", (int)finding->is_exact, "text",
                     finding->text);
}

/* What a reader wants first: the first entry, before checkpoints. */
static const struct audit_finding *first_of(const struct audit_result *result)
{
    for (size_t i = 0; i < result->finding_count; i++)
        if (result->findings[i].kind != AUDIT_CHECKPOINT)
            return &result->findings[i];
    return result->finding_count ? &result->findings[0] : NULL;
}

static json_t *break_json(const struct audit_break *begun)
{
    return json_pack("{s:I, s:s, s:s, s:I, s:I, s:s, s:[s,s], s:b, s:I}", "entry",
                     (json_int_t)begun->entry, "origin", begun->origin, "lost_origin",
                     begun->lost_origin, "first_lost", (json_int_t)begun->proved, "last_lost",
                     (json_int_t)begun->lost_size - 1, "reason", begun->reason, "officers",
                     begun->officers[0], begun->officers[1], "officers_verified",
                     (int)begun->is_verified, "checkpoints_given_up", (json_int_t)begun->given_up);
}

static void print_json(const struct audit_result *result)
{
    const struct audit_finding *first = first_of(result);
    autoptr(json_t) document =
        json_pack("{s:b, s:s, s:I, s:I, s:I, s:I, s:[], s:o, s:[], s:{}}", "ok", (int)!first,
                  "origin", result->origin, "entries", (json_int_t)result->entries, "covered",
                  (json_int_t)result->covered, "checkpoints", (json_int_t)result->checkpoints,
                  "without_content", (json_int_t)result->without_content, "breaks", "first",
                  first ? finding_json(first) : json_null(), "findings", "unlisted");

    for (size_t i = 0; i < result->break_count; i++)
        json_array_append_new(json_object_get(document, "breaks"), break_json(&result->breaks[i]));
    for (size_t i = 0; i < result->finding_count; i++)
        json_array_append_new(json_object_get(document, "findings"),
                              finding_json(&result->findings[i]));
    for (enum audit_kind kind = 0; kind < AUDIT_KINDS; kind++)
        if (result->unlisted[kind])
            json_object_set_new(json_object_get(document, "unlisted"), audit_kind_word(kind),
                                json_integer((json_int_t)result->unlisted[kind]));
    ctl_print_json(document);
}

static void print_break(const struct audit_break *begun)
{
    printf("  entry %" PRIu64 " begins journal %s: of %s the entries %" PRIu64 " to %" PRIu64
           " are given up\n    by %s and %s%s: %s\n",
           begun->entry, begun->origin, begun->lost_origin, begun->proved, begun->lost_size - 1,
           begun->officers[0], begun->officers[1],
           begun->is_verified ? "" : " (--officers FILE verifies their signatures)", begun->reason);
    if (begun->given_up)
        printf("    %" PRIu64 " checkpoints that cover them are borne out by nothing here\n",
               begun->given_up);
}

static void print_text(const struct audit_result *result)
{
    const struct audit_finding *first = first_of(result);

    printf("journal %s: %" PRIu64 " entries, %" PRIu64 " checkpoints, the newest covers %" PRIu64
           "\n",
           *result->origin ? result->origin : "(no checkpoint)", result->entries,
           result->checkpoints, result->covered);
    if (result->entries > result->covered)
        printf("  %" PRIu64 " entries are under no checkpoint yet\n",
               result->entries - result->covered);
    if (result->without_content)
        printf("  %" PRIu64 " entries without their content\n", result->without_content);
    for (size_t i = 0; i < result->break_count; i++)
        print_break(&result->breaks[i]);
    for (size_t i = 0; i < result->finding_count; i++)
        printf("  %-10s %s: %s\n", audit_kind_word(result->findings[i].kind),
               place_of(&result->findings[i]), result->findings[i].text);
    for (enum audit_kind kind = 0; kind < AUDIT_KINDS; kind++)
        if (result->unlisted[kind])
            printf("  %-10s and %" PRIu64 " more of them\n", audit_kind_word(kind),
                   result->unlisted[kind]);
    if (first)
        printf("NOT AS SIGNED: the first is %s\n", place_of(first));
    else
        puts(result->break_count ? "everything agrees, but for what officers gave up"
                                 : "everything agrees");
}

/* --- options -----------------------------------------------------------------------------------
 */

static bool take_option(struct choice *choice, int option)
{
    switch (option) {
    case 'k':
        choice->key_file = optarg;
        return true;
    case 'o':
        choice->officers_file = optarg;
        return true;
    case 'd':
        choice->dir = optarg;
        return true;
    case 'l':
        choice->is_live = true;
        return true;
    case 'w':
        if (choice->witness_count == MAX_WITNESSES)
            return false;
        choice->witnesses[choice->witness_count++] = optarg;
        return true;
    default:
        return false;
    }
}

/* The running journal on the machine of its installation: key and daily files lie where audit
 * writes them, the officers' keys where they were enrolled, unless others are named. */
static void fill_in(struct choice *choice)
{
    const char *files;

    if (!choice->is_live)
        return;
    if (!choice->key_file)
        choice->key_file = ctl_path("data/audit/journal.pub");
    files = ctl_path("keys/officers.pub");
    if (!choice->officers_file && access(files, R_OK) == 0)
        choice->officers_file = files;
    files = ctl_path("data/audit/checkpoints");
    if (!choice->witness_count && access(files, R_OK) == 0)
        choice->witnesses[choice->witness_count++] = files;
}

int audit_verify(int argc, char **argv)
{
    static const struct option options[] = {
        {"key", required_argument, NULL, 'k'},     {"officers", required_argument, NULL, 'o'},
        {"dir", required_argument, NULL, 'd'},     {"live", no_argument, NULL, 'l'},
        {"witness", required_argument, NULL, 'w'}, {0}};
    struct choice choice = {0};
    struct audit_result result;
    struct err err = {0};

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;)
        if (!take_option(&choice, option))
            return ctl_misuse("audit", "unknown option, or too many witnesses");
    if (!choice.dir)
        choice.is_live = true;
    fill_in(&choice);
    if (optind != argc || (choice.dir && choice.is_live) || !choice.key_file)
        return ctl_misuse("audit", "verify takes --live, or --dir and --key");
    if (check_all(&choice, &err, &result) != RC_OK)
        return ctl_failed(&err);
    if (ctl_json())
        print_json(&result);
    else
        print_text(&result);
    return result.finding_count ? 1 : 0;
}
