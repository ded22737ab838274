/* trienctl calendar and trienctl crls: what validation judges with besides the registry. The
 * calendar's file is handed over whole; validation reads it. */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "proto/validation.pb-c.h"
#include "services/trienctl/trienctl.h"

#define MAX_FILE_BYTES ((size_t)256 * 1024)

int cmd_calendar(int argc, char **argv)
{
    Trien__PutCalendar call = TRIEN__PUT_CALENDAR__INIT;
    const Trien__PutCalendarReply *reply;
    struct err err = {0};
    struct bytes file;

    if (argc != 3 || strcmp(argv[1], "import") != 0)
        return ctl_misuse("calendar", "import needs one file");
    if (ctl_read_file(argv[2], MAX_FILE_BYTES, &err, &file) != RC_OK)
        return ctl_failed(&err);
    call.csv = (ProtobufCBinaryData){file.n, (uint8_t *)file.p};
    reply = (const void *)ctl_ask(NULL, "validation", &call.base,
                                  &trien__put_calendar_reply__descriptor);
    if (ctl_json()) {
        autoptr(json_t) shown = json_pack("{s:s, s:b, s:i}", "version", reply->version, "created",
                                          reply->created, "last_year", (int)reply->last_year);
        ctl_print_json(shown);
    } else {
        printf("calendar %s is in force%s; it ends with %u\n", reply->version,
               reply->created ? "" : " (it was known)", reply->last_year);
    }
    return 0;
}

static const char *time_or_dash(bool has, int64_t at)
{
    return has ? clock_utc_text(ctl_arena(), at) : "-";
}

static json_t *crl_json(const Trien__CrlRow *crl)
{
    return json_pack(
        "{s:s, s:s, s:s?, s:s, s:s, s:s, s:s?}", "url", crl->url, "issuer_sha256",
        bytes_to_hex(ctl_arena(), bytes_of(crl->issuer_sha256.data, crl->issuer_sha256.len)),
        "number", crl->number, "this_update", time_or_dash(crl->has_this_update, crl->this_update),
        "next_update", time_or_dash(crl->has_next_update, crl->next_update), "fetched_at",
        time_or_dash(crl->has_fetched_at, crl->fetched_at), "error", crl->last_error);
}

static void print_crl(const Trien__CrlRow *crl)
{
    printf("%s\n    number %s, from %.19s to %.19s, fetched %.19s\n", crl->url,
           crl->number ? crl->number : "-", time_or_dash(crl->has_this_update, crl->this_update),
           time_or_dash(crl->has_next_update, crl->next_update),
           time_or_dash(crl->has_fetched_at, crl->fetched_at));
    if (crl->last_error)
        printf("    error: %s\n", crl->last_error);
}

int cmd_crls(int argc, char **argv)
{
    Trien__ListCrls call = TRIEN__LIST_CRLS__INIT;
    const Trien__ListCrlsReply *reply;
    autoptr(json_t) list = json_array();

    (void)argv;
    if (argc != 1)
        return ctl_misuse("crls", "takes no arguments");
    reply =
        (const void *)ctl_ask(NULL, "validation", &call.base, &trien__list_crls_reply__descriptor);
    for (size_t i = 0; i < reply->n_crls; i++) {
        if (ctl_json())
            json_array_append_new(list, crl_json(reply->crls[i]));
        else
            print_crl(reply->crls[i]);
    }
    ctl_show(
        json_pack("{s:O, s:i}", "crls", list, "waiting_requests", (int)reply->waiting_requests),
        "%u requests wait for a list\n", reply->waiting_requests);
    return 0;
}
