/* Speaks to the SMS gateway. What the answer means is a rule; the gateway's password never leaves
 * this file but in the request itself. */
#include "services/notification/gateway.h"

#include <ctype.h>
#include <string.h>

#include "common/fetch.h"
#include "services/notification/rules.h"

/* Percent-encodes all but RFC 3986's unreserved characters. */
static const char *escaped(struct arena *arena, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = arena_alloc(arena, strlen(text) * 3 + 1), *end = out;

    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (c < 0x80 && (isalnum(c) || strchr("-._~", c))) {
            *end++ = *p;
            continue;
        }
        *end++ = '%';
        *end++ = digits[c >> 4];
        *end++ = digits[c & 15];
    }
    return out;
}

bool gateway_gives_receipts(const struct notification_conf *conf)
{
    return strcmp(conf->sms_transport, "gateway") == 0 && *conf->receipt_url;
}

const char *gateway_url(struct arena *arena, const struct notification_conf *conf,
                        const char *password, const Trien__SmsDelivery *sms,
                        const char *receipt_token)
{
    const char *url = arena_printf(
        arena, "%s?username=%s&password=%s&from=%s&to=%s&coding=0&charset=UTF-8&text=%s",
        conf->gateway_url, escaped(arena, conf->gateway_user), escaped(arena, password),
        escaped(arena, conf->sms_sender), escaped(arena, sms->to), escaped(arena, sms->text));

    if (!receipt_token)
        return url;
    /* 31: every kind of report; the gateway puts the kind's bit in the place of %d. */
    return arena_printf(
        arena, "%s&dlr-mask=31&dlr-url=%s", url,
        escaped(arena, arena_printf(arena, "%s?notice=%s&token=%s&status=%%d", conf->receipt_url,
                                    sms->notice_id, receipt_token)));
}

enum rc gateway_send(struct fx *fx, const Trien__SmsDelivery *sms)
{
    const struct notification_conf *conf = fx->conf;
    const struct notification_state *state = fx->state;
    const char *token = gateway_gives_receipts(conf)
                            ? receipt_token(fx->arena, state->receipt_secret, sms->notice_id)
                            : NULL;
    const char *password = state->gateway_password ? secret_text(state->gateway_password) : "";
    const struct fetch_request request = {
        .method = "GET",
        .url = gateway_url(fx->arena, conf, password, sms, token),
        .ca_file = *conf->gateway_ca_file ? conf->gateway_ca_file : NULL,
        .timeout_ms = (int)conf->gateway_timeout_ms,
        .max_bytes = 4096,
    };
    struct bytes body;
    int status;

    TRY(fetch_http(&request, fx->arena, &fx->err, &status, &body));
    switch (rule_gateway_answer(status, body)) {
    case GATEWAY_TOOK_IT:
        return RC_OK;
    case GATEWAY_LATER:
        FAIL(&fx->err, TRIEN__ERROR__GATEWAY_UNAVAILABLE, "gateway answered %d: %.60s", status,
             (const char *)body.p);
    case GATEWAY_REFUSED:
        break;
    }
    FAIL(&fx->err, TRIEN__ERROR__RECIPIENT_REFUSED, "gateway answered %d: %.60s", status,
         (const char *)body.p);
}
