/* trienctl audit begin-journal: officers let a new journal follow one that lost its end. The first
 * officer writes down what is given up and why and signs it, the second signs the very same bytes;
 * each sees what it says before. It decides nothing: audit holds it against what stands there. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/journal_break.h"
#include "common/pb_bytes.h"
#include "services/trienctl/audit.h"

#define CALL_DEADLINE_MS 20000

struct begin_options {
    const char *officer, *key_file;
    const char *note;
    const char *last; /* file of the last checkpoint; NULL: the newest that audit has */
    const char *file; /* the statement's bytes, shared by the officers */
    bool yes;
};

static const char *last_note(const struct begin_options *options,
                             const Trien__GetJournalBreakReply *seen)
{
    struct bytes note;
    struct err err = {0};

    if (!options->last)
        return seen->lost_note;
    if (ctl_read_file(options->last, CHECKPOINT_MAX_BYTES, &err, &note) != RC_OK)
        ctl_die(&err);
    return arena_strndup(ctl_arena(), (const char *)note.p, note.n);
}

static struct bytes pack(const struct begin_options *options,
                         const Trien__GetJournalBreakReply *seen)
{
    Trien__JournalBreak told = TRIEN__JOURNAL_BREAK__INIT;
    struct checkpoint lost;
    struct err err = {0};
    uint8_t *packed;

    told.version = 1;
    told.journal = seen->journal;
    told.lost_note = (char *)(uintptr_t)last_note(options, seen);
    if (checkpoint_parse(ctl_arena(), bytes_of_text(told.lost_note), &err, &lost) != RC_OK)
        ctl_die(&err);
    told.number = journal_number(lost.origin, seen->journal) + 1;
    told.kept_note = seen->kept_note;
    told.reason = (char *)(uintptr_t)options->note;
    packed = arena_alloc(ctl_arena(), trien__journal_break__get_packed_size(&told));
    return bytes_of(packed, trien__journal_break__pack(&told, packed));
}

static Trien__JournalBreak *unpack(struct bytes statement)
{
    return trien__journal_break__unpack(arena_allocator(ctl_arena()), statement.n, statement.p);
}

/* What another officer wrote down is about what audit sees now. */
static bool is_current(const Trien__JournalBreak *told, const Trien__GetJournalBreakReply *seen)
{
    return told && strcmp(told->journal, seen->journal) == 0 && told->number >= seen->number &&
           !told->kept_note == !seen->kept_note &&
           (!told->kept_note || strcmp(told->kept_note, seen->kept_note) == 0);
}

static enum rc get_statement(const struct begin_options *options,
                             const Trien__GetJournalBreakReply *seen, struct err *err,
                             struct bytes *ret_statement)
{
    const Trien__JournalBreak *told = NULL;

    if (access(options->file, F_OK) == 0) {
        TRY(ctl_read_file(options->file, JOURNAL_MAX_STATEMENT, err, ret_statement));
        told = unpack(*ret_statement);
    }
    if (is_current(told, seen)) {
        CHECK(!options->note || strcmp(options->note, told->reason) == 0, err,
              TRIEN__ERROR__ALREADY_EXISTS,
              "%s gives another reason: sign that without --note, or remove the file",
              options->file);
        return RC_OK;
    }
    CHECK(options->note, err, TRIEN__ERROR__FIELD_MISSING,
          "%s says nothing about this break: --note says why a journal begins", options->file);
    *ret_statement = pack(options, seen);
    return RC_OK;
}

static void show_note(FILE *out, const char *what, const char *note)
{
    struct checkpoint checkpoint;
    struct err ignored = {0};

    if (checkpoint_parse(ctl_arena(), bytes_of_text(note), &ignored, &checkpoint) == RC_OK)
        fprintf(out, "  %s  %s, %" PRIu64 " entries, root %s\n", what, checkpoint.origin,
                checkpoint.size,
                bytes_to_base64(ctl_arena(), bytes_of(checkpoint.root.b, MERKLE_HASH_BYTES)));
    else
        fprintf(out, "  %s  (unreadable)\n", what);
}

static void show_statement(FILE *out, const Trien__JournalBreak *told, uint64_t size)
{
    fprintf(out, "journal %s begins\n", journal_origin(ctl_arena(), told->journal, told->number));
    show_note(out, "given up", told->lost_note);
    fprintf(out, "  kept      the %" PRIu64 " entries that the database has now; proved are\n",
            size);
    if (told->kept_note)
        show_note(out, "        ", told->kept_note);
    else
        fputs("            none of them\n", out);
    fprintf(out, "  because   %s\n", told->reason);
}

static enum rc submit(const struct begin_options *options, struct bytes statement, struct err *err,
                      Trien__BeginJournalReply **ret_reply)
{
    Trien__BeginJournal call = TRIEN__BEGIN_JOURNAL__INIT;
    Trien__KeySignature signature = TRIEN__KEY_SIGNATURE__INIT;
    ProtobufCMessage *reply = NULL;

    TRY(ctl_sign(options->key_file, statement, err, &signature));
    call.statement = pb_of_bytes(statement);
    call.officer = &signature;
    TRY(ctl_call(options->officer, "audit", &call.base, &trien__begin_journal_reply__descriptor,
                 CALL_DEADLINE_MS, err, &reply));
    *ret_reply = (Trien__BeginJournalReply *)reply;
    return RC_OK;
}

static void show_result(const struct begin_options *options, const Trien__JournalBreak *told,
                        const Trien__BeginJournalReply *reply)
{
    const char *origin = journal_origin(ctl_arena(), told->journal, told->number);

    if (reply->approvals < reply->needed)
        ctl_say("another officer runs: trienctl audit begin-journal --officer NAME --file %s\n",
                options->file);
    ctl_show(json_pack("{s:s, s:s, s:s, s:i, s:i}", "origin", origin, "officer", options->officer,
                       "file", options->file, "approvals", (int)reply->approvals, "needed",
                       (int)reply->needed),
             "%s: said by %s, %u of %u officers\n", origin, options->officer, reply->approvals,
             reply->needed);
}

static int begin(struct begin_options *options)
{
    Trien__GetJournalBreak call = TRIEN__GET_JOURNAL_BREAK__INIT;
    const Trien__GetJournalBreakReply *seen;
    Trien__BeginJournalReply *reply = NULL;
    const Trien__JournalBreak *told;
    struct bytes statement;
    struct err err = {0};

    seen = (const void *)ctl_ask(options->officer, "audit", &call.base,
                                 &trien__get_journal_break_reply__descriptor);
    if (!options->file)
        options->file = ctl_path("data/journal-%u.break", seen->number);
    if (get_statement(options, seen, &err, &statement) != RC_OK)
        return ctl_failed(&err);
    told = unpack(statement);
    show_statement(ctl_json() ? stderr : stdout, told, seen->size);
    if (!ctl_confirms(options->yes, "give this up and begin a new journal?"))
        return 1;
    /* Audit has believed it: what the next officer signs, the same bytes. */
    if (submit(options, statement, &err, &reply) != RC_OK ||
        ctl_write_file(options->file, 0640, statement, &err) != RC_OK)
        return ctl_failed(&err);
    show_result(options, told, reply);
    return 0;
}

int audit_begin_journal(int argc, char **argv)
{
    static const struct option names[] = {{"officer", required_argument, NULL, 'o'},
                                          {"note", required_argument, NULL, 'n'},
                                          {"last", required_argument, NULL, 'l'},
                                          {"file", required_argument, NULL, 'f'},
                                          {"key", required_argument, NULL, 'k'},
                                          {"yes", no_argument, NULL, 'y'},
                                          {0}};
    struct begin_options options = {0};
    const char **const texts[] = {['o'] = &options.officer,
                                  ['n'] = &options.note,
                                  ['l'] = &options.last,
                                  ['f'] = &options.file,
                                  ['k'] = &options.key_file};

    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (option == 'y')
            options.yes = true;
        else if (option != '?')
            *texts[option] = optarg;
        else
            return ctl_misuse("audit", "unknown option");
    }
    if (optind != argc || !options.officer)
        return ctl_misuse("audit", "begin-journal needs --officer, and --note of the first one");
    if (!options.key_file)
        options.key_file = ctl_path("keys/%s.key", options.officer);
    return begin(&options);
}
