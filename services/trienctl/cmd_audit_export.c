/* trienctl audit export: a copy of the running journal for people who check it elsewhere. It checks
 * nothing itself; with --public the contents stay at home. */
#include <getopt.h>
#include <stdio.h>

#include "services/trienctl/audit.h"

struct counting {
    struct audit_sink copy;
    uint64_t notes, entries;
};

static enum rc count_note(void *arg, const char *name, struct bytes note, struct err *err)
{
    struct counting *counting = arg;

    counting->notes++;
    return counting->copy.note(counting->copy.arg, name, note, err);
}

static enum rc count_entry(void *arg, const struct audit_entry *entry, struct err *err)
{
    struct counting *counting = arg;

    counting->entries++;
    return counting->copy.entry(counting->copy.arg, entry, err);
}

static enum rc export_to(const char *dir, bool is_public, struct err *err,
                         struct counting *ret_counting)
{
    struct audit_sink sink = {ret_counting, count_note, count_entry};
    struct audit_copy *copy;
    struct err ignored = {0};
    enum rc rc, closed;

    TRY(audit_copy_open(ctl_arena(), dir, is_public, err, &copy));
    ret_counting->copy = audit_copy_sink(copy);
    rc = audit_pour_live(&sink, err);
    closed = audit_copy_close(copy, rc == RC_OK ? err : &ignored);
    return rc != RC_OK ? rc : closed;
}

int audit_export(int argc, char **argv)
{
    static const struct option options[] = {
        {"dir", required_argument, NULL, 'd'}, {"public", no_argument, NULL, 'p'}, {0}};
    struct counting counting = {0};
    const char *dir = NULL;
    struct err err = {0};
    bool is_public = false;

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'd')
            dir = optarg;
        else if (option == 'p')
            is_public = true;
        else
            return ctl_misuse("audit", "unknown option");
    }
    if (!dir || optind != argc)
        return ctl_misuse("audit", "export needs --dir");
    if (export_to(dir, is_public, &err, &counting) != RC_OK)
        return ctl_failed(&err);
    ctl_show(json_pack("{s:s, s:I, s:I}", "dir", dir, "entries", (json_int_t)counting.entries,
                       "checkpoints", (json_int_t)counting.notes),
             "%llu entries and %llu checkpoints in %s\n", (unsigned long long)counting.entries,
             (unsigned long long)counting.notes, dir);
    return 0;
}
