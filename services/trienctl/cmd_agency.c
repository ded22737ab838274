/* trienctl agency: the registry of managing agencies. Reads certificates and lists from files and
 * hands them to validation, which judges them; an import stops at the first row that is refused and
 * says which, so that it can be corrected and run again (rows that are in change nothing). */
#include "services/trienctl/trienctl.h"

#include <getopt.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "common/pb_bytes.h"
#include "common/x509.h"
#include "proto/validation.pb-c.h"
#include "services/trienctl/agency_file.h"

#define MAX_ROWS 50
#define PAGE 200

/* --- one agency from options --------------------------------------------------------------------
 */

/* "NAME;EMAIL;MOBILE", the parts may be empty. */
static void read_contact(const char *text, Trien__Contact *contact)
{
    char *rest = arena_strdup(ctl_arena(), text);
    char **parts[] = {&contact->name, &contact->email, &contact->mobile};

    trien__contact__init(contact);
    for (size_t i = 0; i < COUNT_OF(parts) && rest; i++) {
        char *part = strsep(&rest, ";");

        *parts[i] = *part ? part : NULL;
    }
}

struct agency_rows {
    Trien__Contact contacts[MAX_ROWS], *contact_list[MAX_ROWS];
    Trien__AgencySigner signers[MAX_ROWS], *signer_list[MAX_ROWS];
};

static int add_row(Trien__Agency *agency, struct agency_rows *rows, int option, const char *value)
{
    struct err err = {0};

    if (option == 'c' && agency->n_contacts < MAX_ROWS) {
        size_t i = agency->n_contacts++;

        read_contact(value, &rows->contacts[i]);
        rows->contact_list[i] = &rows->contacts[i];
        return 0;
    }
    if ((option == 's' || option == 'o') && agency->n_signers < MAX_ROWS) {
        size_t i = agency->n_signers++;

        rows->signer_list[i] = &rows->signers[i];
        if (agency_file_signer(value, option == 's' ? "seal" : "officer", &err, &rows->signers[i]))
            return ctl_failed(&err);
        return 0;
    }
    return ctl_misuse("agency", "unknown option, or too many contacts or signers");
}

static void show_put(const Trien__Agency *agency, bool created, json_t *list)
{
    ctl_show_row(list, json_pack("{s:s, s:b}", "organ_id", agency->organ_id, "created", created),
                 "agency %s %s: %s, %zu signers\n", agency->organ_id, created ? "added" : "changed",
                 agency->name, agency->n_signers);
}

static bool put(Trien__Agency *agency)
{
    Trien__PutAgency call = TRIEN__PUT_AGENCY__INIT;
    const Trien__PutAgencyReply *reply;

    call.agency = agency;
    reply =
        (const void *)ctl_ask(NULL, "validation", &call.base, &trien__put_agency_reply__descriptor);
    return reply->created;
}

static int add_agency(int argc, char **argv)
{
    static const struct option options[] = {
        {"name", required_argument, NULL, 'n'},     {"province", required_argument, NULL, 'p'},
        {"contact", required_argument, NULL, 'c'},  {"seal", required_argument, NULL, 's'},
        {"officer", required_argument, NULL, 'o'},  {"valid-from", required_argument, NULL, 'f'},
        {"valid-to", required_argument, NULL, 't'}, {0}};
    static struct agency_rows rows;
    Trien__Agency agency = TRIEN__AGENCY__INIT;
    autoptr(json_t) list = json_array();

    agency.contacts = rows.contact_list;
    agency.signers = rows.signer_list;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        int status = 0;

        if (option == 'n')
            agency.name = optarg;
        else if (option == 'p')
            agency.province = optarg;
        else if (option == 'f')
            agency.valid_from = optarg;
        else if (option == 't')
            agency.valid_to = optarg;
        else
            status = add_row(&agency, &rows, option, optarg);
        if (status != 0)
            return status;
    }
    if (optind + 1 != argc || !agency.name)
        return ctl_misuse("agency", "add needs an organisation code and --name");
    agency.organ_id = argv[optind];
    show_put(&agency, put(&agency), list);
    ctl_show_rows(json_array_get(list, 0));
    return 0;
}

/* --- many from a file
 * ------------------------------------------------------------------------------ */

static int import_agencies(int argc, char **argv)
{
    static const struct option options[] = {{"certificates", required_argument, NULL, 'c'}, {0}};
    const char *folder = ".";
    struct agency_row *rows = NULL;
    autoptr(json_t) list = json_array();
    struct err err = {0};
    size_t count = 0;

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option != 'c')
            return ctl_misuse("agency", "unknown option");
        folder = optarg;
    }
    if (optind + 1 != argc)
        return ctl_misuse("agency", "import needs one file");
    if (agency_file_read(argv[optind], folder, &err, &count, &rows) != RC_OK)
        return ctl_failed(&err);
    for (size_t i = 0; i < count; i++) {
        if (!ctl_json())
            fprintf(stderr, "row %zu of %zu: %s\n", i + 1, count, rows[i].agency.organ_id);
        show_put(&rows[i].agency, put(&rows[i].agency), list);
    }
    ctl_show(json_incref(list), "%zu agencies imported\n", count);
    return 0;
}

/* --- a signer who left
 * --------------------------------------------------------------------------- */

/* By a file, or by the digest as `list --json` shows it. */
static enum rc read_certificate_sha256(const char *text, struct err *err, struct bytes *ret_sha256)
{
    uint8_t *digest = arena_alloc(ctl_arena(), 32);
    Trien__AgencySigner signer;

    if (strlen(text) == 64 && bytes_from_hex(ctl_arena(), text, ret_sha256))
        return RC_OK;
    TRY(agency_file_signer(text, "", err, &signer));
    bytes_sha256(bytes_of_pb(signer.certificate_der), digest);
    *ret_sha256 = bytes_of(digest, 32);
    return RC_OK;
}

static int withdraw_signer(int argc, char **argv)
{
    Trien__WithdrawSigner call = TRIEN__WITHDRAW_SIGNER__INIT;
    struct bytes sha256 = {0};
    struct err err = {0};

    if (argc != 3)
        return ctl_misuse("agency", "withdraw needs an organisation code and a certificate");
    if (read_certificate_sha256(argv[2], &err, &sha256) != RC_OK)
        return ctl_failed(&err);
    call.organ_id = argv[1];
    call.certificate_sha256 = pb_of_bytes(sha256);
    ctl_ask(NULL, "validation", &call.base, &trien__withdraw_signer_reply__descriptor);
    ctl_show(json_pack("{s:s, s:s}", "organ_id", call.organ_id, "withdrawn",
                       bytes_to_hex(ctl_arena(), sha256)),
             "%s: this certificate signs for the agency no more\n", call.organ_id);
    return 0;
}

/* --- listing
 * ----------------------------------------------------------------------------------------- */

static const char *withdrawn_text(const Trien__AgencySigner *signer)
{
    return signer->has_withdrawn_at ? clock_utc_text(ctl_arena(), signer->withdrawn_at) : NULL;
}

static json_t *agency_json(const Trien__Agency *agency)
{
    json_t *contacts = json_array(), *signers = json_array();

    for (size_t i = 0; i < agency->n_contacts; i++)
        json_array_append_new(
            contacts, json_pack("{s:s?, s:s?, s:s?}", "name", agency->contacts[i]->name, "email",
                                agency->contacts[i]->email, "mobile", agency->contacts[i]->mobile));
    for (size_t i = 0; i < agency->n_signers; i++) {
        const Trien__AgencySigner *signer = agency->signers[i];
        uint8_t digest[32];

        bytes_sha256(bytes_of(signer->certificate_der.data, signer->certificate_der.len), digest);
        json_array_append_new(signers,
                              json_pack("{s:s, s:s, s:s?, s:s, s:s?}", "role", signer->role,
                                        "sha256", bytes_to_hex(ctl_arena(), bytes_of(digest, 32)),
                                        "subject", signer->subject, "not_after",
                                        clock_utc_text(ctl_arena(), signer->not_after),
                                        "withdrawn_at", withdrawn_text(signer)));
    }
    return json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:o, s:o}", "organ_id", agency->organ_id, "name",
                     agency->name, "province", agency->province, "valid_from", agency->valid_from,
                     "valid_to", agency->valid_to, "contacts", contacts, "signers", signers);
}

static void print_agency(const Trien__Agency *agency)
{
    printf("%-16s %s%s%s\n", agency->organ_id, agency->name, agency->valid_to ? ", until " : "",
           agency->valid_to ? agency->valid_to : "");
    for (size_t i = 0; i < agency->n_signers; i++)
        printf("    %-8s %s, to %.10s%s%.10s\n", agency->signers[i]->role,
               agency->signers[i]->subject,
               clock_utc_text(ctl_arena(), agency->signers[i]->not_after),
               agency->signers[i]->has_withdrawn_at ? ", withdrawn " : "",
               agency->signers[i]->has_withdrawn_at ? withdrawn_text(agency->signers[i]) : "");
    for (size_t i = 0; i < agency->n_contacts; i++)
        printf("    contact  %s %s %s\n",
               agency->contacts[i]->name ? agency->contacts[i]->name : "",
               agency->contacts[i]->email ? agency->contacts[i]->email : "",
               agency->contacts[i]->mobile ? agency->contacts[i]->mobile : "");
}

static int list_agencies(int argc, char **argv)
{
    Trien__ListAgencies call = TRIEN__LIST_AGENCIES__INIT;
    autoptr(json_t) list = json_array();
    const Trien__ListAgenciesReply *reply;

    if (argc > 2)
        return ctl_misuse("agency", "list takes one organisation code at most");
    call.organ_id = argc == 2 ? argv[1] : NULL;
    do {
        reply = (const void *)ctl_ask(NULL, "validation", &call.base,
                                      &trien__list_agencies_reply__descriptor);
        for (size_t i = 0; i < reply->n_agencies; i++) {
            if (ctl_json())
                json_array_append_new(list, agency_json(reply->agencies[i]));
            else
                print_agency(reply->agencies[i]);
            call.after = reply->agencies[i]->organ_id;
        }
    } while (reply->n_agencies == PAGE);
    ctl_show_rows(list);
    return 0;
}

int cmd_agency(int argc, char **argv)
{
    static const struct ctl_act acts[] = {{"add", add_agency},
                                          {"import", import_agencies},
                                          {"withdraw", withdraw_signer},
                                          {"list", list_agencies},
                                          {0}};

    return ctl_act("agency", acts, argc, argv);
}
