/* trienctl revoke, certificate, revocation-lists: the officers' channel that is open day and night,
 * where a certificate stands, and the lists that were issued. Decides nothing: revocation does. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/causes.h"
#include "common/clock.h"
#include "common/serial.h"
#include "proto/revocation.pb-c.h"
#include "services/trienctl/trienctl.h"

static const char *time_text(int64_t at)
{
    return clock_utc_text(ctl_arena(), at);
}

/* --- revoke
 * ------------------------------------------------------------------------------------------ */

/* As people copied it; what is no serial number at all goes as it is, for revocation to refuse. */
static const char *serial_of(const char *text)
{
    const char *serial = serial_from_people(ctl_arena(), text);

    return serial ? serial : text;
}

struct revoke_options {
    const char *serial, *cause, *note, *officer, *lost_on;
};

static bool read_options(int argc, char **argv, struct revoke_options *options)
{
    static const struct option names[] = {{"cause", required_argument, NULL, 'c'},
                                          {"note", required_argument, NULL, 'n'},
                                          {"officer", required_argument, NULL, 'o'},
                                          {"lost-on", required_argument, NULL, 'l'},
                                          {0}};

    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (option == 'c')
            options->cause = optarg;
        else if (option == 'n')
            options->note = optarg;
        else if (option == 'o')
            options->officer = optarg;
        else if (option == 'l')
            options->lost_on = optarg;
        else
            return false;
    }
    options->serial = optind + 1 == argc ? serial_of(argv[optind]) : NULL;
    return options->serial && options->cause && options->note;
}

static int list_causes(void)
{
    const struct cause *cause;

    fprintf(stderr, "causes:\n");
    for (unsigned i = 0; (cause = cause_at(i)); i++)
        fprintf(stderr, "  %-18s %s\n", cause->code, cause->text_vi);
    return ctl_misuse("revoke", "a serial number, --cause and --note");
}

int cmd_revoke(int argc, char **argv)
{
    struct revoke_options options = {.officer = "officer1"};
    Trien__RevokeCertificate call = TRIEN__REVOKE_CERTIFICATE__INIT;
    const Trien__RevokeCertificateReply *reply;
    civil_day lost_on;

    if (!read_options(argc, argv, &options))
        return list_causes();
    if (options.lost_on && !clock_parse_day(options.lost_on, &lost_on))
        return ctl_misuse("revoke", "--lost-on takes a day: 2026-11-20");
    call.serial = (char *)options.serial;
    call.cause = (char *)options.cause;
    call.note = (char *)options.note;
    call.has_invalidity_at = options.lost_on != NULL;
    call.invalidity_at = options.lost_on ? clock_day_start(lost_on) : 0;
    reply = (const void *)ctl_ask(options.officer, "revocation", &call.base,
                                  &trien__revoke_certificate_reply__descriptor);
    ctl_show(json_pack("{s:s, s:s, s:s}", "serial", options.serial, "state", reply->state,
                       "revoked_at", time_text(reply->revoked_at)),
             "certificate %s is %s since %.19s UTC\n", options.serial, reply->state,
             time_text(reply->revoked_at));
    return 0;
}

/* --- certificate
 * ------------------------------------------------------------------------------------- */

static json_t *status_json(const char *serial, const Trien__GetCertificateStatusReply *reply)
{
    json_t *shown =
        json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s?}", "serial", serial, "state", reply->state,
                  "issuer", reply->issuer, "not_after", time_text(reply->not_after), "cause",
                  reply->cause, "device_serial", reply->device_serial);

    if (reply->has_revoked_at) {
        json_object_set_new(shown, "revoked_at", json_string(time_text(reply->revoked_at)));
        json_object_set_new(shown, "reason", json_integer((json_int_t)reply->reason));
    }
    return shown;
}

int cmd_certificate(int argc, char **argv)
{
    Trien__GetCertificateStatus call = TRIEN__GET_CERTIFICATE_STATUS__INIT;
    const char *serial;
    const Trien__GetCertificateStatusReply *reply;

    if (argc != 2)
        return ctl_misuse("certificate", "one serial number, in hexadecimal");
    serial = serial_of(argv[1]);
    call.serial = (char *)serial;
    reply = (const void *)ctl_ask(NULL, "revocation", &call.base,
                                  &trien__get_certificate_status_reply__descriptor);
    if (ctl_json()) {
        autoptr(json_t) shown = status_json(serial, reply);
        ctl_print_json(shown);
        return 0;
    }
    printf("%s of %s: %s, ends %.19s UTC\n", serial, reply->issuer, reply->state,
           time_text(reply->not_after));
    if (reply->has_revoked_at)
        printf("    revoked %.19s UTC, cause %s, CRL reason %u\n", time_text(reply->revoked_at),
               reply->cause, reply->reason);
    if (reply->device_serial)
        printf("    device %s\n", reply->device_serial);
    return 0;
}

/* --- revocation-lists
 * -------------------------------------------------------------------------------- */

static json_t *list_json(const Trien__RevocationList *list)
{
    return json_pack("{s:I, s:s, s:s, s:I, s:I, s:s}", "number", (json_int_t)list->number,
                     "this_update", time_text(list->this_update), "next_update",
                     time_text(list->next_update), "entries", (json_int_t)list->entries,
                     "size_bytes", (json_int_t)list->size_bytes, "sha256",
                     bytes_to_hex(ctl_arena(), bytes_of(list->sha256.data, list->sha256.len)));
}

static int accept_lists(int argc, char **argv)
{
    Trien__AcceptLists call = TRIEN__ACCEPT_LISTS__INIT;
    struct ctl_word word = {.officer = "officer1"};
    const Trien__AcceptListsReply *reply;
    char *slash = NULL, *end;

    if (ctl_read_word(argc, argv, &word))
        slash = strchr(word.subject, '/');
    call.number = slash ? strtoull(slash + 1, &end, 10) : 0;
    if (!call.number || *end || !word.note)
        return ctl_misuse("revocation-lists", "accept needs ISSUER/NUMBER and --note");
    call.issuer = arena_strndup(ctl_arena(), word.subject, (size_t)(slash - word.subject));
    call.note = word.note;
    reply = (const void *)ctl_ask(word.officer, "revocation", &call.base,
                                  &trien__accept_lists_reply__descriptor);
    ctl_show(json_pack("{s:s, s:I}", "issuer", call.issuer, "next_number",
                       (json_int_t)reply->next_number),
             "lists of %s go on with number %llu\n", call.issuer,
             (unsigned long long)reply->next_number);
    return 0;
}

int cmd_revocation_lists(int argc, char **argv)
{
    Trien__ListRevocationLists call = TRIEN__LIST_REVOCATION_LISTS__INIT;
    const Trien__ListRevocationListsReply *reply;
    autoptr(json_t) shown = json_array();

    if (argc > 1 && strcmp(argv[1], "accept") == 0)
        return accept_lists(argc - 1, argv + 1);
    if (argc > 2)
        return ctl_misuse("revocation-lists", "one issuer at most");
    call.issuer = argc == 2 ? argv[1] : (char *)"issuing1";
    reply = (const void *)ctl_ask(NULL, "revocation", &call.base,
                                  &trien__list_revocation_lists_reply__descriptor);
    for (size_t i = 0; i < reply->n_lists; i++) {
        const Trien__RevocationList *list = reply->lists[i];

        ctl_show_row(shown, list_json(list),
                     "%8llu  from %.19s to %.19s  %llu entries, %llu bytes\n",
                     (unsigned long long)list->number, time_text(list->this_update),
                     time_text(list->next_update), (unsigned long long)list->entries,
                     (unsigned long long)list->size_bytes);
    }
    ctl_show_rows(shown);
    return 0;
}
