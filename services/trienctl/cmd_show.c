/* trienctl show: a request with its timeline, as intake knows it. */
#include "services/trienctl/trienctl.h"

#include <stdio.h>
#include <string.h>

#include "proto/intake.pb-c.h"

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text ? text : "";
}

/* "2026-11-20T09:15:02.123456Z" on the Vietnamese clock. */
static const char *vietnamese_time(const char *utc)
{
    int h, m, s;
    civil_day day;
    char date[11] = "";
    snprintf(date, sizeof(date), "%.10s", utc);
    if (strlen(utc) < 19 || !clock_parse_day(date, &day) ||
        sscanf(utc + 11, "%2d:%2d:%2d", &h, &m, &s) != 3)
        return utc;
    usec at = clock_day_start(day) + VIETNAM_OFFSET + ((h * 60 + m) * 60 + s) * USEC_PER_SECOND;
    return clock_vietnamese_text(ctl_arena(), at);
}

static void print_reasons(const json_t *reasons, const char *indent)
{
    size_t i;
    json_t *reason;
    json_array_foreach(reasons, i, reason)
    {
        const char *field = text_of(reason, "field");
        printf("%s- %s%s%s\n", indent, text_of(reason, "text_vi"), *field ? "  " : "", field);
    }
}

static void print_request(const json_t *request)
{
    const json_t *agency = json_object_get(request, "agency");
    const json_t *document = json_object_get(request, "document");
    size_t i;
    json_t *row;
    printf("%s  %s  %s\n", text_of(request, "receipt_number"), text_of(request, "request_id"),
           text_of(request, "state_text"));
    if (*text_of(agency, "organ_id"))
        printf("  %s %s, văn bản %s ngày %s%s%s\n", text_of(agency, "organ_id"),
               text_of(agency, "name"), text_of(document, "number"), text_of(document, "date"),
               *text_of(request, "due_on") ? ", hạn " : "", text_of(request, "due_on"));
    print_reasons(json_object_get(request, "reasons"), "  ");
    json_array_foreach(json_object_get(request, "subscribers"), i, row)
    {
        printf("  %2lld. %s: %s %s\n", json_integer_value(json_object_get(row, "number")),
               text_of(row, "name"), text_of(row, "state_text"),
               text_of(row, "certificate_serial"));
        print_reasons(json_object_get(row, "reasons"), "      ");
    }
    json_array_foreach(json_object_get(request, "timeline"), i, row)
        printf("  %s  %s\n", vietnamese_time(text_of(row, "time")), text_of(row, "text"));
}

int cmd_show(int argc, char **argv)
{
    Trien__ShowRequest call = TRIEN__SHOW_REQUEST__INIT;
    if (argc != 2)
        return ctl_misuse("show", "one request id or receipt number");
    call.request_id = argv[1];
    const Trien__ShowRequestReply *reply =
        (const void *)ctl_ask(NULL, "intake", &call.base, &trien__show_request_reply__descriptor);
    autoptr(json_t) request = json_loads(reply->json, 0, NULL);
    if (!request) {
        fputs("trienctl: intake's answer is no JSON\n", stderr);
        return 1;
    }
    if (ctl_json())
        ctl_print_json(request);
    else
        print_request(request);
    return 0;
}
