/* What the commands say, to people as text or to programs as one JSON document (--json), and what
 * went wrong; and what several of them read alike. It decides nothing and knows no command. */
#include "services/trienctl/ctl.h"
#include "services/trienctl/trienctl.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void ctl_print_json(const json_t *document)
{
    json_dumpf(document, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
    putchar('\n');
}

void ctl_show(json_t *document, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    if (ctl_json())
        ctl_print_json(document);
    else
        vprintf(format, arguments);
    va_end(arguments);
    json_decref(document);
}

/* At once, unless a document is to be all that is said. */
static void say(const char *format, va_list arguments)
{
    if (ctl_json())
        return;
    vprintf(format, arguments);
    fflush(stdout);
}

void ctl_say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

void ctl_show_row(json_t *rows, json_t *row, const char *format, ...)
{
    va_list arguments;

    json_array_append_new(rows, row);
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

void ctl_show_rows(const json_t *rows)
{
    if (ctl_json())
        ctl_print_json(rows);
}

json_t *ctl_texts(size_t count, char *const *texts)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(texts[i]));
    return list;
}

/* --- what went wrong ---------------------------------------------------------------------------
 */

json_t *ctl_problem(const struct err *err)
{
    const struct err_entry *entry = err_entry(err->code);

    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "code", entry->name, "title", entry->en,
                     "title_vi", entry->vi, "field", err->field, "detail", err->detail);
}

static int exit_status(const struct err *err)
{
    switch (err_rc(err->code)) {
    case RC_RETRY:
        return 69;
    case RC_FATAL:
        return err->code == TRIEN__ERROR__CONFIG_INVALID ? 78 : 1;
    default:
        return 1;
    }
}

int ctl_complain(const struct err *err)
{
    fprintf(stderr, "trienctl: %s%s%s%s%s\n", err_entry(err->code)->en, *err->detail ? " (" : "",
            err->detail, *err->detail ? ")" : "", *err->field ? err->field : "");
    return exit_status(err);
}

int ctl_skip(json_t *rows, const char *service, const struct err *err)
{
    json_array_append_new(rows,
                          json_pack("{s:s, s:o}", "service", service, "problem", ctl_problem(err)));
    return ctl_complain(err);
}

int ctl_failed(const struct err *err)
{
    autoptr(json_t) problem = ctl_problem(err);

    ctl_show_rows(problem);
    return ctl_complain(err);
}

void ctl_die(const struct err *err)
{
    exit(ctl_failed(err));
}

int ctl_misuse(const char *command, const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "trienctl %s: ", command);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\nusage: trienctl %s %s\n", command, ctl_usage());
    return 64;
}

/* --- commands of commands ----------------------------------------------------------------------
 */

int ctl_act(const char *command, const struct ctl_act *acts, int argc, char **argv)
{
    const char *names = acts->name;

    for (const struct ctl_act *act = acts; argc > 1 && act->name; act++)
        if (strcmp(argv[1], act->name) == 0)
            return act->fn(argc - 1, argv + 1);
    for (const struct ctl_act *act = acts + 1; act->name; act++)
        names = arena_printf(ctl_arena(), "%s%s%s", names, act[1].name ? ", " : " or ", act->name);
    return ctl_misuse(command, "%s?", names);
}

bool ctl_read_word(int argc, char **argv, struct ctl_word *word)
{
    static const struct option options[] = {
        {"note", required_argument, NULL, 'n'}, {"officer", required_argument, NULL, 'o'}, {0}};

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'n')
            word->note = optarg;
        else if (option == 'o')
            word->officer = optarg;
        else
            return false;
    }
    word->subject = argv[optind];
    return optind + 1 == argc;
}

bool ctl_confirms(bool yes, const char *question)
{
    char answer[16] = "";
    bool confirmed = yes;

    if (!yes && isatty(STDIN_FILENO)) {
        fprintf(stderr, "%s type yes: ", question);
        confirmed = fgets(answer, sizeof(answer), stdin) && !strcmp(answer, "yes\n");
    }
    if (!confirmed)
        fputs("trienctl: nothing was approved (a script says --yes)\n", stderr);
    return confirmed;
}
