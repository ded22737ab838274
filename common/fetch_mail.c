/* Handing a mail to an MTA by SMTP (RFC 5321) through libcurl. What the MTA refuses for good is
 * told apart from what may pass; the message itself is the caller's and is not looked into. */
#include "common/fetch_internal.h"

struct reading {
    struct bytes rest;
};

static size_t give_piece(char *to, size_t one, size_t n, void *arg)
{
    struct reading *reading = arg;
    size_t give = n < reading->rest.n ? n : reading->rest.n;

    (void)one;
    if (give)
        memcpy(to, reading->rest.p, give);
    reading->rest.p += give;
    reading->rest.n -= give;
    return give;
}

static long tls_level(const char *require)
{
    if (require && !strcmp(require, "never"))
        return CURLUSESSL_NONE;
    if (require && !strcmp(require, "try"))
        return CURLUSESSL_TRY;
    return CURLUSESSL_ALL;
}

static struct curl_slist *make_recipients(const char *const *to)
{
    struct curl_slist *list = NULL;

    for (; *to; to++)
        list = curl_slist_append(list, *to);
    return list;
}

/* A 5xx to MAIL, RCPT or the message is this mail's end; to anything else it is the gateway's
 * trouble (authentication, greeting). */
static enum rc judge(CURL *curl, CURLcode code, struct err *err)
{
    long answer = 0;

    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer);
    if ((code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_UPLOAD_FAILED ||
         code == CURLE_WEIRD_SERVER_REPLY) &&
        answer >= 500 && answer != 530 && answer != 535) {
        err_native(err, "smtp %ld", answer);
        FAIL(err, TRIEN__ERROR__RECIPIENT_REFUSED, "the MTA refused for good");
    }
    if (code == CURLE_OPERATION_TIMEDOUT)
        code = CURLE_COULDNT_CONNECT; /* a slow gateway, not a late answer to anybody */
    return fetch_error(curl, code, TRIEN__ERROR__GATEWAY_UNAVAILABLE, err);
}

enum rc fetch_mail(const struct fetch_mail *mail, struct arena *arena, struct err *err)
{
    CURL *curl = fetch_handle(mail->url, "smtp,smtps", mail->timeout_ms);
    struct reading reading = {mail->message};
    struct curl_slist *recipients;
    CURLcode code;

    (void)arena;
    TRY(fetch_credentials(curl, mail->user, mail->password_file, mail->ca_file, err));
    recipients = make_recipients(mail->to);
    curl_easy_setopt(curl, CURLOPT_USE_SSL, tls_level(mail->require_tls));
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, mail->from);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_piece);
    curl_easy_setopt(curl, CURLOPT_READDATA, &reading);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)mail->message.n);
    code = curl_easy_perform(curl);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, NULL);
    curl_slist_free_all(recipients);
    return code == CURLE_OK ? RC_OK : judge(curl, code, err);
}
