/* What a portal reads: one request, its certificates, pages of requests. A client sees its own:
 * what it posted and what was accepted for its agencies. Anything else is "not found", never
 * "forbidden", so that ids cannot be probed. */
#include "services/intake/intake.h"

#include <string.h>

#include "common/bus.h"

/* The client behind the Authorization header. */
static enum rc authenticate(struct tx *tx, const struct http_request *request,
                            const char **ret_client_id)
{
    struct bytes token = {0};
    uint8_t token_sha256[32];
    const char *client_id = NULL;
    TRY(rule_bearer(http_header(request, "Authorization"), &tx->err, &token));
    bytes_sha256(token, token_sha256);
    TRY(store_find_caller(tx, token_sha256, &client_id));
    CHECK(client_id, &tx->err, TRIEN__ERROR__UNAUTHENTICATED, "no client has this token");
    *ret_client_id = client_id;
    return RC_OK;
}

/* The request of the path, when the caller may read it. */
static enum rc readable(struct tx *tx, const struct http_request *request,
                        uint8_t ret_request_id[16])
{
    const char *client_id = NULL;
    uint8_t request_id[16];
    bool may_read = false;
    TRY(authenticate(tx, request, &client_id));
    CHECK(bus_uuid_parse(http_path_value(request, "id"), request_id), &tx->err,
          TRIEN__ERROR__NOT_FOUND, "not a request id");
    TRY(store_find_readable(tx, request_id, client_id, &may_read));
    CHECK(may_read, &tx->err, TRIEN__ERROR__NOT_FOUND, "no such request for this client");
    memcpy(ret_request_id, request_id, 16);
    return RC_OK;
}

enum rc on_get_request(struct tx *tx, const struct http_request *request,
                       struct http_response *response)
{
    uint8_t request_id[16];
    const char *json = NULL;
    TRY(readable(tx, request, request_id));
    TRY(view_request(tx, request_id, &json));
    CHECK(json, &tx->err, TRIEN__ERROR__NOT_FOUND, "no such request");
    http_json(response, 200, json);
    return RC_OK;
}

enum rc on_get_certificate(struct tx *tx, const struct http_request *request,
                           struct http_response *response)
{
    uint8_t request_id[16];
    struct bytes der = {0};
    const char *file = http_path_value(request, "file");
    size_t length = strspn(file, "0123456789abcdef");
    TRY(readable(tx, request, request_id));
    CHECK(length > 0 && length <= 40 && strcmp(file + length, ".cer") == 0, &tx->err,
          TRIEN__ERROR__NOT_FOUND, "not <serial>.cer");
    TRY(store_find_certificate(tx, request_id, arena_strndup(tx->arena, file, length), &der));
    CHECK(der.n > 0, &tx->err, TRIEN__ERROR__NOT_FOUND, "no such certificate in the request");
    response->status = 200;
    response->content_type = "application/pkix-cert";
    response->body = der;
    return RC_OK;
}

static enum rc read_query(struct tx *tx, const struct http_request *request,
                          struct page_query *ret_query)
{
    struct page_query query = {0};
    const char *after = http_query_value(request, "after");
    query.state = http_query_value(request, "state");
    query.agency = http_query_value(request, "agency");
    TRY(authenticate(tx, request, &query.client_id));
    TRY(rule_page_limit(http_query_value(request, "limit"), &tx->err, &query.limit));
    err_field(&tx->err, "state");
    CHECK(!query.state || rule_is_request_state(query.state), &tx->err, TRIEN__ERROR__FIELD_INVALID,
          "no such state");
    err_field(&tx->err, "agency");
    CHECK(!query.agency || bytes_are_text(bytes_of_text(query.agency)), &tx->err,
          TRIEN__ERROR__FIELD_INVALID, "not a text");
    err_field(&tx->err, "after");
    CHECK(!after || bus_uuid_parse(after, query.after), &tx->err, TRIEN__ERROR__FIELD_INVALID,
          "not a request id");
    err_clear(&tx->err);
    *ret_query = query;
    return RC_OK;
}

enum rc on_list_requests(struct tx *tx, const struct http_request *request,
                         struct http_response *response)
{
    struct page_query query;
    const struct request_row *requests = NULL;
    size_t count = 0;
    TRY(read_query(tx, request, &query));
    TRY(store_list_requests(tx, &query, &requests, &count));
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, view_list_row(tx, &requests[i]));
    /* A full page may have a next one; a page that is not full is the last. */
    bool is_full = count == (size_t)query.limit;
    const char *next = is_full ? bus_uuid_text(tx->arena, requests[count - 1].request_id) : NULL;
    autoptr(json_t) page = json_pack("{s:o, s:s?}", "requests", list, "next", next);
    http_json(response, 200, view_text(tx, page));
    return RC_OK;
}
