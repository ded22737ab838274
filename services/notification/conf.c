/* notification's configuration: its rows, the checks that need two of them, its secrets. */
#include <string.h>
#include <sys/resource.h>

#include "common/file.h"
#include "services/notification/gateway.h"

/* Notices may lag behind; where the machine is full, what the road does comes first. */
#define NICENESS 5

#define ROW(row_key, row_type, member, row_fallback, ...)                                          \
    {                                                                                              \
        .key = (row_key), .type = (row_type),                                                      \
        .offset = offsetof(struct notification_conf, member), .fallback = (row_fallback),          \
        __VA_ARGS__                                                                                \
    }

const struct conf_row notification_conf_rows[] = {
    ROW("notices/authority", CONF_TEXT, authority, "Hệ thống Triện (TEST)",
        .doc = "Who writes: the authority's name as it stands in the texts."),
    ROW("notices/contact", CONF_TEXT, contact_line, "",
        .doc = "Last line of every mail: how people reach the authority."),
    ROW("notices/cap_per_hour", CONF_INT, cap_per_hour, "60", .min = 0, .max = 1000000,
        .doc = "Notices to one recipient by one channel in an hour; what is beyond goes out "
               "later, evenly. 0: no cap."),
    ROW("notices/digest_delay", CONF_MS, digest_delay_ms, "24h", .min = 1000,
        .doc = "A request that is only partly finished is reported after this time."),
    ROW("email/transport", CONF_CHOICE, email_transport, "file", .choices = "file smtp",
        .doc = "How mail leaves: as files, or to a mail server."),
    ROW("email/per_second", CONF_INT, email_per_second, "200", .min = 0, .max = 100000,
        .doc = "Mails that leave in a second, after a burst of as many; 0: no limit. Notices may "
               "lag behind; they do not take the road's time."),
    ROW("email/directory", CONF_NEW_PATH, email_directory, "",
        .doc = "Folder of the .eml files (transport file)."),
    ROW("email/from", CONF_TEXT, email_from, "thong-bao@trien.invalid",
        .doc = "Sender's address; its domain is the Message-ID's."),
    ROW("email/from_name", CONF_TEXT, email_from_name, "Hệ thống Triện (TEST)",
        .doc = "Sender's name."),
    ROW("smtp/url", CONF_URL, smtp_url, "", .doc = "Mail server: smtp://host:port or smtps://."),
    ROW("smtp/user", CONF_TEXT, smtp_user, "", .doc = "User name, if the server wants one."),
    ROW("smtp/password_file", CONF_SECRET, smtp_password_file, "", .doc = "File of the password."),
    ROW("smtp/ca_file", CONF_FILE, smtp_ca_file, "", .doc = "Further trust anchor for TLS."),
    ROW("smtp/tls", CONF_CHOICE, smtp_tls, "always", .choices = "never try always",
        .doc = "STARTTLS on smtp://."),
    ROW("smtp/timeout", CONF_MS, smtp_timeout_ms, "30s", .min = 100, .max = 600000,
        .doc = "Longest exchange with the mail server."),
    ROW("sms/transport", CONF_CHOICE, sms_transport, "file", .choices = "file gateway",
        .doc = "How short messages leave: as files, or by an HTTP gateway (Kannel's sendsms)."),
    ROW("sms/per_second", CONF_INT, sms_per_second, "200", .min = 0, .max = 100000,
        .doc = "Short messages that leave in a second, after a burst of as many; 0: no limit."),
    ROW("sms/directory", CONF_NEW_PATH, sms_directory, "",
        .doc = "Folder of the .sms files (transport file)."),
    ROW("sms/sender", CONF_TEXT, sms_sender, "TRIEN",
        .doc = "Brand name: 11 letters and digits at most."),
    ROW("gateway/url", CONF_URL, gateway_url, "",
        .doc = "The gateway's sendsms: http://host:13013/cgi-bin/sendsms."),
    ROW("gateway/user", CONF_TEXT, gateway_user, "", .doc = "User name at the gateway."),
    ROW("gateway/password_file", CONF_SECRET, gateway_password_file, "",
        .doc = "File of the password at the gateway."),
    ROW("gateway/ca_file", CONF_FILE, gateway_ca_file, "",
        .doc = "Further trust anchor for https."),
    ROW("gateway/timeout", CONF_MS, gateway_timeout_ms, "10s", .min = 100, .max = 600000,
        .doc = "Longest exchange with the gateway."),
    ROW("receipts/url", CONF_URL, receipt_url, "",
        .doc = "This service's /v1/receipts as the gateway reaches it; empty: no receipts are "
               "asked for, and taken means delivered."),
    ROW("receipts/secret_file", CONF_SECRET, receipt_secret_file, "",
        .doc = "File of the secret that makes the receipts' tokens."),
    ROW("receipts/wait", CONF_MS, receipt_wait_ms, "48h", .min = 1000,
        .doc = "A message whose receipt has not come by then counts as failed."),
    {.key = NULL},
};

static enum rc need(const char *value, const char *key, const char *why, struct err *err)
{
    if (*value)
        return RC_OK;
    err_field(err, "%s", key);
    FAIL(err, TRIEN__ERROR__CONFIG_INVALID, "%s is needed with %s", key, why);
}

static enum rc open_email(struct notification_state *state, struct err *err)
{
    const struct notification_conf *conf = state->conf;

    CHECK(strchr(conf->email_from, '@'), err, TRIEN__ERROR__CONFIG_INVALID,
          "email/from is not an address: %s", conf->email_from);
    if (strcmp(conf->email_transport, "smtp") == 0)
        return need(conf->smtp_url, "smtp/url", "email/transport smtp", err);
    TRY(need(conf->email_directory, "email/directory", "email/transport file", err));
    return file_open_folder(conf->email_directory, "email/directory", err, &state->email_folder);
}

static enum rc open_sms(struct notification_state *state, struct err *err)
{
    const struct notification_conf *conf = state->conf;
    size_t length = strlen(conf->sms_sender);

    CHECK(length <= 11 && strspn(conf->sms_sender, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrs"
                                                   "tuvwxyz0123456789") == length,
          err, TRIEN__ERROR__CONFIG_INVALID, "sms/sender: 11 letters and digits at most");
    if (strcmp(conf->sms_transport, "gateway") == 0)
        return need(conf->gateway_url, "gateway/url", "sms/transport gateway", err);
    TRY(need(conf->sms_directory, "sms/directory", "sms/transport file", err));
    return file_open_folder(conf->sms_directory, "sms/directory", err, &state->sms_folder);
}

enum rc notification_early(const void *conf_, struct err *err, void **ret_state)
{
    static struct notification_state state;
    const struct notification_conf *conf = conf_;

    state.conf = conf;
    setpriority(PRIO_PROCESS, 0, NICENESS);
    TRY(open_email(&state, err));
    TRY(open_sms(&state, err));
    if (*conf->gateway_password_file)
        TRY(secret_load(conf->gateway_password_file, err, &state.gateway_password));
    if (gateway_gives_receipts(conf)) {
        TRY(need(conf->receipt_secret_file, "receipts/secret_file", "receipts/url", err));
        TRY(secret_load(conf->receipt_secret_file, err, &state.receipt_secret));
    }
    *ret_state = &state;
    return RC_OK;
}

void notification_late(void *state_)
{
    struct notification_state *state = state_;

    secret_free(&state->gateway_password);
    secret_free(&state->receipt_secret);
}
