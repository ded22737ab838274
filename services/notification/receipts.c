/* Delivery reports of the SMS gateway: GET /v1/receipts?notice=…&token=…&status=<bit>. A report is
 * believed when it carries the notice's own token; a repeated or late one changes nothing. */
#include <openssl/evp.h>
#include <string.h>

#include "services/notification/notification.h"
#include "services/notification/rules.h"
#include "services/notification/store.h"

const char *receipt_token(struct arena *arena, const struct secret *secret, const char *notice_id)
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    size_t size = 0;

    if (!EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, secret_text(secret), secret_length(secret),
                   (const uint8_t *)notice_id, strlen(notice_id), mac, sizeof(mac), &size))
        return NULL;
    return bytes_to_hex(arena, bytes_of(mac, 16));
}

/* FORBIDDEN unless the caller was given this notice's token by us. */
static enum rc check_token(struct tx *tx, const char *notice_id, const char *token)
{
    const struct notification_state *state = tx->state;
    const char *expected = state->receipt_secret && notice_id
                               ? receipt_token(tx->arena, state->receipt_secret, notice_id)
                               : NULL;

    CHECK(expected && token && bytes_equal_secret(bytes_of_text(expected), bytes_of_text(token)),
          &tx->err, TRIEN__ERROR__FORBIDDEN, "receipt without the notice's token");
    return RC_OK;
}

static enum rc say_delivered(struct tx *tx, const struct notice_key *key, const char *notice_id,
                             const char *recipient)
{
    Trien__NoticeDelivered delivered = TRIEN__NOTICE_DELIVERED__INIT;

    delivered.request_id = (char *)key->request_id;
    delivered.notice_id = (char *)notice_id;
    delivered.channel = (char *)key->channel;
    delivered.template_ = (char *)key->template_name;
    delivered.recipient = (char *)recipient;
    delivered.delivered_at = tx->now;
    return emit(tx, key->request_id, &delivered);
}

static enum rc say_failed(struct tx *tx, const struct notice_key *key, const char *notice_id,
                          const char *recipient)
{
    Trien__NoticeFailed failed = TRIEN__NOTICE_FAILED__INIT;

    failed.request_id = (char *)key->request_id;
    failed.notice_id = (char *)notice_id;
    failed.channel = (char *)key->channel;
    failed.template_ = (char *)key->template_name;
    failed.recipient = (char *)recipient;
    failed.why = (char *)"network reported failure";
    failed.failed_at = tx->now;
    return emit(tx, key->request_id, &failed);
}

enum rc http_receipt(struct tx *tx, const struct http_request *request,
                     struct http_response *response)
{
    const char *notice_id = http_query_value(request, "notice");
    enum receipt_meaning meaning = rule_receipt(http_query_value(request, "status"));
    struct notice_name name;
    const char *recipient;

    TRY(check_token(tx, notice_id, http_query_value(request, "token")));
    CHECK(meaning != RECEIPT_NONSENSE && rule_notice_id_parse(tx->arena, notice_id, &name),
          &tx->err, TRIEN__ERROR__FIELD_INVALID, "receipt with an unknown status");
    response->content_type = "text/plain";
    response->body = bytes_of_text("ok\n");
    if (meaning == RECEIPT_UNDERWAY)
        return RC_OK;
    bool delivered = meaning == RECEIPT_DELIVERED;
    const struct notice_key key = {name.request_id, name.template_name, name.number, "sms"};
    TRY(store_set_notice_settled(tx, &key, delivered ? "delivered" : "failed",
                                 delivered ? NULL : "network reported failure", &recipient));
    if (!recipient) /* said before */
        return RC_OK;
    return delivered ? say_delivered(tx, &key, notice_id, recipient)
                     : say_failed(tx, &key, notice_id, recipient);
}
