/* One screen, or the same as JSON. It asks nobody. */
#include <string.h>

#include "services/trienctl/status_figures.h"
#include "services/trienctl/table.h"

static const struct {
    const char *name, *vi;
} words[] = {
    [SERVICE_WELL] = {"well", "tốt"},
    [SERVICE_WAITING] = {"waiting", "đang chờ"},
    [SERVICE_SILENT] = {"silent", "không trả lời"},
    [SERVICE_STARTING] = {"restarting", "đang khởi động lại"},
    [SERVICE_STOPPED] = {"stopped", "dừng"},
    [SERVICE_UNREACHED] = {"unreached", "không tới được từ đây"},
};

/* --- the screen ----------------------------------------------------------------------------------
 */

static const char *number(double value)
{
    return arena_printf(ctl_arena(), "%.0f", value);
}

static const char *lag_text(const struct status_row *row)
{
    return *row->slowest ? arena_printf(ctl_arena(), "%s %.0f", row->slowest, row->lag)
                         : number(row->lag);
}

static const char *effects_text(const struct status_row *row)
{
    return row->pending > 0 ? arena_printf(ctl_arena(), "%.0f (%s)", row->pending,
                                           status_duration(row->oldest_seconds))
                            : "0";
}

static const char *token_text(const struct status_row *row)
{
    if (!row->tokens)
        return "";
    return row->tokens_up == row->tokens ? "tốt" : "KHÔNG KÝ ĐƯỢC";
}

static const char *unreached_text(const struct service_status *service)
{
    return *service->missed_by ? arena_printf(ctl_arena(), "%s đang chờ nó", service->missed_by)
                               : "không ai báo đang chờ nó";
}

static void add_service(struct table *table, const struct service_status *service)
{
    const char *cells[10] = {service->name, words[service->word].vi};
    struct status_row row;

    if (service->pid)
        cells[2] = arena_printf(ctl_arena(), "%d", service->pid);
    cells[3] = number(service->restarts);
    if (service->has_figures) {
        status_row_of(service, &row);
        cells[4] = arena_printf(ctl_arena(), "%.0f MiB", row.memory_bytes / 1048576);
        cells[5] = lag_text(&row);
        cells[6] = arena_printf(ctl_arena(), "%.0f / %.0f", row.dead, row.parked);
        cells[7] = effects_text(&row);
        cells[8] = token_text(&row);
    }
    cells[9] = service->word == SERVICE_UNREACHED ? unreached_text(service) : service->why;
    table_row(table, cells);
}

static void print_services(FILE *out, const struct installation_status *status)
{
    struct table *table = table_new(ctl_arena(), "llrrrrrrll");

    TABLE_ROW(table, "Dịch vụ", "Tình trạng", "PID", "Khởi động lại", "Bộ nhớ", "Đọc chậm nhất",
              "Thư hỏng / chờ", "Việc dở dang", "Thiết bị khóa", "Đang chờ");
    table_rule(table);
    for (size_t i = 0; i < status->count; i++)
        add_service(table, &status->services[i]);
    table_print(out, table);
}

static void print_requests(FILE *out, const struct status_summary *summary)
{
    if (!summary->has_requests) {
        fputs("Yêu cầu:  không đo được\n", out);
        return;
    }
    fprintf(out, "Yêu cầu:  %.0f quá hạn, %.0f đến hạn hôm nay hoặc ngày mai, %.0f chưa quyết định",
            summary->overdue, summary->due_soon, summary->undecided);
    if (summary->undecided > 0)
        fprintf(out, " (lâu nhất %s)", status_duration(summary->undecided_seconds));
    if (summary->waiting_for_lists > 0)
        fprintf(out, ", %.0f chờ danh sách thu hồi", summary->waiting_for_lists);
    if (summary->waiting_for_officers > 0)
        fprintf(out, ", %.0f chờ cán bộ phê duyệt (lâu nhất %s)", summary->waiting_for_officers,
                status_duration(summary->review_seconds));
    fputc('\n', out);
}

static void print_lists(FILE *out, const struct status_summary *summary)
{
    for (size_t i = 0; i < summary->crl_count; i++)
        fprintf(out, "CRL:      %s phát hành cách đây %s, còn hiệu lực %s\n",
                summary->crls[i].issuer, status_duration(summary->crls[i].age_seconds),
                status_duration(summary->crls[i].left_seconds));
}

static void print_journal(FILE *out, const struct status_summary *summary)
{
    if (!summary->has_journal)
        return;
    fprintf(out, "Nhật ký:  ");
    if (summary->journal_number > 1)
        fprintf(out, "sổ thứ %.0f, ", summary->journal_number);
    fprintf(out, "%.0f mục, %.0f đã ký", summary->entries, summary->signed_entries);
    if (summary->unsigned_seconds > 0)
        fprintf(out, " cách đây %s", status_duration(summary->unsigned_seconds));
    fputs(summary->journal_alarm ? "; KHÔNG KHỚP nội dung đã ký, hệ thống ngừng ký\n" : "\n", out);
}

void status_print(FILE *out, const struct installation_status *status)
{
    struct status_summary summary;

    status_sum_up(status, &summary);
    fprintf(out, "Triện, %s\n\n", clock_vietnamese_text(ctl_arena(), status->at));
    print_services(out, status);
    fputc('\n', out);
    print_requests(out, &summary);
    print_lists(out, &summary);
    fprintf(out, "Sự kiện:  %.0f không áp dụng được, %.0f đang chờ sự kiện khác\n", summary.dead,
            summary.parked);
    if (summary.has_devices)
        fprintf(out, "Thiết bị: %.0f trong kho, %.0f lệnh chờ thiết bị, %.0f quá hạn thu hồi\n",
                summary.in_stock, summary.orders_waiting, summary.recalls_overdue);
    print_journal(out, &summary);
}

/* --- JSON ----------------------------------------------------------------------------------------
 */

static json_t *tokens_json(const struct scrape *figures)
{
    json_t *tokens = json_object();

    for (const struct scrape_sample *s = NULL; (s = scrape_next(figures, "trien_token_up", s));)
        json_object_set_new(tokens, scrape_label(s, "token"), json_boolean(s->value > 0));
    return tokens;
}

static json_t *lag_json(const struct scrape *figures)
{
    json_t *groups = json_object();

    for (const struct scrape_sample *s = NULL;
         (s = scrape_next(figures, "trien_feed_group_lag_events", s));)
        json_object_set_new(groups, scrape_label(s, "group"), json_integer((json_int_t)s->value));
    return groups;
}

static json_t *figures_json(const struct service_status *service)
{
    struct status_row row;

    if (!service->has_figures)
        return json_null();
    status_row_of(service, &row);
    return json_pack(
        "{s:o, s:I, s:I, s:I, s:f, s:I, s:I, s:o}", "lag", lag_json(&service->figures),
        "dead_letters", (json_int_t)row.dead, "parked", (json_int_t)row.parked, "effects_pending",
        (json_int_t)row.pending, "effects_oldest_seconds", row.oldest_seconds, "events_said",
        (json_int_t)scrape_max(&service->figures, "trien_outbox_events", 0, NULL), "memory_bytes",
        (json_int_t)row.memory_bytes, "tokens", tokens_json(&service->figures));
}

static json_t *lists_json(const struct status_summary *summary)
{
    json_t *lists = json_object();

    for (size_t i = 0; i < summary->crl_count; i++)
        json_object_set_new(lists, summary->crls[i].issuer,
                            json_pack("{s:f, s:f}", "age_seconds", summary->crls[i].age_seconds,
                                      "seconds_left", summary->crls[i].left_seconds));
    return lists;
}

static json_t *journal_json(const struct status_summary *summary)
{
    if (!summary->has_journal)
        return json_null();
    return json_pack("{s:I, s:I, s:I, s:f, s:b}", "number", (json_int_t)summary->journal_number,
                     "entries", (json_int_t)summary->entries, "signed_entries",
                     (json_int_t)summary->signed_entries, "unsigned_seconds",
                     summary->unsigned_seconds, "alarm", (int)summary->journal_alarm);
}

static json_t *summary_json(const struct installation_status *status)
{
    struct status_summary summary;
    json_t *requests = json_null(), *devices = json_null();

    status_sum_up(status, &summary);
    if (summary.has_requests)
        requests = json_pack(
            "{s:I, s:I, s:I, s:f, s:I, s:I, s:f}", "overdue", (json_int_t)summary.overdue,
            "due_soon", (json_int_t)summary.due_soon, "undecided", (json_int_t)summary.undecided,
            "undecided_seconds", summary.undecided_seconds, "waiting_for_lists",
            (json_int_t)summary.waiting_for_lists, "waiting_for_officers",
            (json_int_t)summary.waiting_for_officers, "review_seconds", summary.review_seconds);
    if (summary.has_devices)
        devices = json_pack("{s:I, s:I, s:I}", "in_stock", (json_int_t)summary.in_stock,
                            "orders_waiting", (json_int_t)summary.orders_waiting, "recalls_overdue",
                            (json_int_t)summary.recalls_overdue);
    return json_pack(
        "{s:s, s:I, s:o, s:o, s:I, s:I, s:o, s:o}", "at", clock_utc_text(ctl_arena(), status->at),
        "not_well", (json_int_t)status->not_well, "requests", requests, "crls",
        lists_json(&summary), "dead_letters", (json_int_t)summary.dead, "parked",
        (json_int_t)summary.parked, "devices", devices, "journal", journal_json(&summary));
}

json_t *status_json(const struct installation_status *status)
{
    json_t *all = json_object();

    for (size_t i = 0; i < status->count; i++) {
        const struct service_status *service = &status->services[i];
        json_t *health =
            service->health_json ? json_loads(service->health_json, 0, NULL) : json_null();

        json_t *one = json_pack("{s:s, s:i, s:i, s:o, s:o}", "state", words[service->word].name,
                                "pid", service->pid, "restarts", (int)service->restarts, "health",
                                health ? health : json_null(), "figures", figures_json(service));
        if (service->word == SERVICE_UNREACHED)
            json_object_set_new(one, "missed_by", json_string(service->missed_by));
        json_object_set_new(all, service->name, one);
    }
    json_object_set_new(all, "summary", summary_json(status));
    return all;
}
