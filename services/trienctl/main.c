/* trienctl: the operator's one command-line tool. This file finds the command and prints help; it
 * refuses unknown commands and knows nothing about what they do. */
#include "services/trienctl/ctl.h"
#include "services/trienctl/trienctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One row a command, in the order of an installation's life. Usage is what follows the name. */
static const struct command {
    const char *name, *sentence;
    int (*fn)(int argc, char **argv);
    const char *usage;
} commands[] = {
    {"init", "make an installation: database cluster, tokens, keys, configuration", cmd_init,
     "[--dir DIR] [--base-port N] [--officers N]"},
    {"ceremony", "make root and issuing authority from one reviewed file (etc/ceremony.conf)",
     cmd_ceremony, "[FILE]"},
    {"up",
     "start the database and every service, wait until each is healthy; who breaks is started "
     "again",
     cmd_up, "[--wait SECONDS] [SERVICE...]"},
    {"down", "stop what `up` started", cmd_down, "[SERVICE...]"},
    {"reload", "services read enrolled and withdrawn keys again", cmd_reload, "[SERVICE...]"},
    {"status",
     "health, lag, dead letters, tokens, due dates, reviews, lists and devices on one screen; "
     "--watch "
     "draws it again every so many seconds (2) until q",
     cmd_status, "[--watch[=SECONDS]] [SERVICE...]"},
    {"metrics", "figures of a service as Prometheus text, over the bus", cmd_metrics,
     "SERVICE [--file FILE]"},
    {"submit", "post a signed document to the portal API, or over the bus as the principal portal",
     cmd_submit, "FILE [--attach FILE]... [--token-file FILE] [--key KEY] [--bus]"},
    {"show", "a request with its timeline, by request id or receipt number", cmd_show, "REQUEST"},
    {"review", "requests that wait for officers: list, and what an officer says: approve, refuse",
     cmd_review,
     "list [REQUEST] | approve REQUEST --officer NAME [--note TEXT] | refuse REQUEST --officer "
     "NAME "
     "--note TEXT"},
    {"forms",
     "the forms and whether they are served; of one form every field of its request.json, those "
     "required with *",
     cmd_forms, "[FORM]"},
    {"agency", "registry of managing agencies: add, import, withdraw (a signer who left), list",
     cmd_agency,
     "add ORGAN_ID --name TEXT [--province TEXT] [--contact \"NAME;EMAIL;MOBILE\"]... [--seal "
     "FILE]... "
     "[--officer FILE]... [--valid-from DAY] [--valid-to DAY] | import FILE [--certificates DIR] | "
     "withdraw ORGAN_ID CERTIFICATE (a file, or its SHA-256) | list [ORGAN_ID]"},
    {"calendar", "working-day calendar: import FILE", cmd_calendar, "import FILE"},
    {"crls", "revocation lists requests are judged with", cmd_crls, ""},
    {"device",
     "stock of key devices and where each one is: add, list, show, retire; check: an officer puts "
     "one that came back and was emptied into stock again",
     cmd_device,
     "add FILE | list [--state STATE] | show SERIAL | retire SERIAL --reason TEXT | check SERIAL "
     "--note TEXT [--officer NAME]"},
    {"station",
     "device station: list, or run: make keys in the token, write certificates into it; wipe: "
     "remove both from a device that came back",
     cmd_station,
     "list|run|wipe [--request ID] [--order ID] [--limit N] [--wait SECONDS] [--module FILE] "
     "[--token LABEL] [--pin-file FILE] [--softhsm-config FILE] [--key FILE] "
     "[--device-serial TEXT]"},
    {"ship", "devices leave for their agency: send, list, record what a person saw", cmd_ship,
     "send [--request ID] [--method in_person|cipher_organisation|public_post] [--tracking NUMBER] "
     "[--carrier ID] [--key KEY] [SERIAL...] | list [--state STATE] [SHIPMENT] | record SHIPMENT "
     "--note TEXT [--state DELIVERED|RETURNED|LOST] [--at TIME]"},
    {"revoke",
     "an officer revokes a certificate at once, day and night; the official document follows",
     cmd_revoke, "SERIAL --cause CODE --note TEXT [--lost-on DAY] [--officer NAME]"},
    {"certificate", "where a certificate stands: valid, revoked, expired", cmd_certificate,
     "SERIAL"},
    {"revocation-lists",
     "the lists an issuer has signed, newest first; accept: after a restore that lost some, an "
     "officer has entered what they revoked and lists go on",
     cmd_revocation_lists, "[ISSUER] | accept ISSUER/NUMBER --note TEXT [--officer NAME]"},
    {"responder", "officers authorise the key of the OCSP responder: approve", cmd_responder,
     "approve --officer NAME [--yes] [--issuer ID] [--key FILE] [--csr FILE] [--file FILE] "
     "[--days N] [--until YYYY-MM-DD]"},
    {"client", "portal credentials: add, revoke, list", cmd_client,
     "add ID --name TEXT [--agency ORGAN_ID]... --token-file FILE | revoke ID | list"},
    {"export", "write CA certificates, subscriber certificates and CRLs into a folder", cmd_export,
     "--dir DIR [--list ISSUER/NUMBER]"},
    {"dead-letters", "events a service could not apply: list, show, retry, resolve",
     cmd_dead_letters,
     "list [SERVICE] [--feed FEED] [--resolved] | show|retry SERVICE FEED/PARTITION/OFFSET | "
     "resolve SERVICE FEED/PARTITION/OFFSET --reason TEXT"},
    {"feed", "how far the readers of each event log have come: list, forget", cmd_feed,
     "list [SERVICE] | forget SERVICE GROUP"},
    {"audit",
     "the journal: verify a copy with the public key alone, export one; begin a new one after a "
     "restore, by two officers; what an assessment by "
     "Decision 2433 costs: estimate; its criteria against the running system: check",
     cmd_audit,
     "verify --key FILE [--dir DIR | --live] [--witness FILE-OR-DIR]... [--officers FILE] | export "
     "--dir DIR [--public] | begin-journal --officer NAME [--note TEXT] [--last FILE] [--file "
     "FILE] "
     "[--key FILE] [--yes] | estimate [--items CODE,16.*,...] [--authorities N] [--prices FILE] "
     "[--csv] | "
     "check [--criteria ID,16.*,...] [--revocation-hours N] [--status-url URL] [--audit-url URL] "
     "[--root FILE] [--journal-key FILE]"},
    {"keys", "make the CURVE key pair of a principal", cmd_keys, "NAME..."},
    {"token", "initialise an empty PKCS#11 token with the PINs of two files", cmd_token,
     "LABEL --pin-file FILE --so-pin-file FILE [--softhsm-config FILE] [--module FILE]"},
    {0},
};

static const struct command *find_command(const char *name)
{
    for (const struct command *c = commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

static int help(FILE *out)
{
    fputs("trienctl: operates an installation of Triện.\n\n"
          "usage: trienctl [--config FILE] [--json] [--as PRINCIPAL] COMMAND ...\n\n",
          out);
    for (const struct command *c = commands; c->name; c++)
        fprintf(out, "  %-16s %s\n", c->name, c->sentence);
    fputs("\n  --config FILE   the installation (default $TRIEN_CONFIG, then "
          "var/demo/etc/trienctl.conf)\n"
          "  --json          print one JSON document instead of text\n"
          "  --as PRINCIPAL  whose key signs the calls (default operator)\n"
          "  COMMAND --help  how one command is used; --man prints the manual page\n",
          out);
    return out == stdout ? 0 : 64;
}

static int command_help(const struct command *c)
{
    printf("trienctl %s: %s\n\nusage: trienctl %s %s\n", c->name, c->sentence, c->name, c->usage);
    return 0;
}

/* Text for roff: a hyphen is one that can be copied, a quotation mark is none of roff's. */
static void put_roff(const char *text)
{
    for (const char *c = text; *c; c++)
        if (*c == '-')
            fputs("\\-", stdout);
        else if (*c == '"')
            fputs("\\(dq", stdout);
        else
            putchar(*c);
}

/* The manual page is made from the same table: docs/man/trienctl.1 cannot fall behind. */
static int manual(void)
{
    fputs(".TH TRIENCTL 1 \"\" \"Triện\" \"Triện\"\n.SH NAME\ntrienctl \\- operate an installation "
          "of Triện\n.SH SYNOPSIS\n.B trienctl\n[\\-\\-config FILE] [\\-\\-json] "
          "[\\-\\-as PRINCIPAL] COMMAND ...\n.SH COMMANDS\n",
          stdout);
    for (const struct command *c = commands; c->name; c++) {
        fputs(".TP\n.B ", stdout);
        put_roff(c->name);
        putchar(' ');
        put_roff(c->usage);
        putchar('\n');
        put_roff(c->sentence);
        fputs(".\n", stdout);
    }
    fputs(".SH OPTIONS\n.TP\n.B \\-\\-config FILE\nthe installation's trienctl.conf; default "
          "$TRIEN_CONFIG, then var/demo/etc/trienctl.conf.\n.TP\n.B \\-\\-json\nprint one JSON "
          "document on standard output.\n.TP\n.B \\-\\-as PRINCIPAL\nthe principal whose CURVE key "
          "is used; default operator.\n.SH EXIT STATUS\n0 done, 1 refused or failed, 64 wrong use, "
          "69 a service cannot be reached, 78 configuration.\n",
          stdout);
    return 0;
}

int main(int argc, char **argv)
{
    argc = ctl_take_options(argc, argv);
    if (argc < 2)
        return help(stderr);
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0)
        return help(stdout);
    if (strcmp(argv[1], "--man") == 0)
        return manual();
    const struct command *c = find_command(argv[1]);
    if (!c) {
        fprintf(stderr, "trienctl: no command \"%s\"; see trienctl help\n", argv[1]);
        return 64;
    }
    if (argc > 2 && strcmp(argv[2], "--help") == 0)
        return command_help(c);
    ctl_set_usage(c->usage);
    return c->fn(argc - 1, argv + 1);
}
