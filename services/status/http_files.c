/* Files for the public: authorities' certificates, their CRLs, published certificates (all DER, or
 * PEM where the name says so) and policies, all with the headers that let proxies keep them. */
#include <string.h>
#include <unistd.h>

#include "common/serial.h"
#include "services/status/status.h"
#include "services/status/store.h"

#define KEEP_POLICY "max-age=3600, public"
#define KEEP_CERTIFICATE "max-age=86400, public" /* a certificate never changes under its name */

static enum rc not_found(struct tx *tx)
{
    FAIL(&tx->err, TRIEN__ERROR__NOT_FOUND, "no such file");
}

static void add_times(struct tx *tx, struct http_response *response, usec modified, usec expires)
{
    char *text = arena_alloc(tx->arena, 32);

    rule_http_date(modified, text);
    http_add_header(response, "Last-Modified", text);
    if (expires) {
        text = arena_alloc(tx->arena, 32);
        rule_http_date(expires, text);
        http_add_header(response, "Expires", text);
    }
}

static bool is_known(const struct http_request *request, const char *etag)
{
    const char *known = http_header(request, "If-None-Match");

    return known && strcmp(known, etag) == 0;
}

/* 304 when the client has it already. */
static enum rc answer(const struct http_request *request, struct http_response *response,
                      const char *content_type, const char *etag, struct bytes body)
{
    response->content_type = content_type;
    http_add_header(response, "ETag", etag);
    if (is_known(request, etag))
        response->status = 304;
    else
        response->body = body;
    return RC_OK;
}

static const char *etag_of_digest(struct arena *arena, struct bytes sha256)
{
    return arena_printf(arena, "\"%s\"", bytes_to_hex(arena, bytes_of(sha256.p, 8)));
}

static const char *etag_of(struct arena *arena, struct bytes body)
{
    uint8_t digest[32];

    bytes_sha256(body, digest);
    return etag_of_digest(arena, bytes_of(digest, 32));
}

enum rc http_authority(struct tx *tx, const struct http_request *request,
                       struct http_response *response)
{
    const struct status_state *state = tx->state;
    const struct authority *authority;
    const char *suffix;
    char id[33];
    bool pem;

    if (!rule_file_name(http_path_value(request, "name"), id, &suffix))
        return not_found(tx);
    pem = strcmp(suffix, ".pem") == 0;
    authority = authorities_find(&state->authorities, id);
    if (!authority || (!pem && strcmp(suffix, ".cer") != 0))
        return not_found(tx);
    add_times(tx, response, authority->not_before, 0);
    /* An alias may stand for another authority tomorrow. */
    http_add_header(response, "Cache-Control",
                    strcmp(authority->id, id) == 0 ? KEEP_CERTIFICATE : "max-age=300, public");
    return answer(request, response, pem ? "application/x-pem-file" : "application/pkix-cert",
                  pem ? etag_of(tx->arena, authority->pem) : authority->etag,
                  pem ? authority->pem : authority->der);
}

static enum rc answer_list(struct tx *tx, const struct http_request *request,
                           struct http_response *response, const struct list_row *list,
                           struct bytes body)
{
    /* A newer list may come at any moment: proxies ask again soon. */
    add_times(tx, response, list->this_update, list->next_update);
    http_add_header(response, "Cache-Control", "max-age=300, public, no-transform");
    return answer(request, response, "application/pkix-crl",
                  etag_of_digest(tx->arena, list->sha256), body);
}

/* What lies beside the authority's certificate: the root's lists come from the ceremony. */
static enum rc answer_file(struct tx *tx, const struct http_request *request,
                           struct http_response *response, const struct authority *authority)
{
    const struct status_state *state = tx->state;
    uint8_t *digest = arena_alloc(tx->arena, 32);
    struct list_row list = {.issuer = authority->id};
    struct bytes der = {NULL, 0};

    TRY(authority_crl(&state->authorities, authority, tx->arena, &tx->err, &der, &list.this_update,
                      &list.next_update));
    if (der.n == 0)
        return not_found(tx);
    bytes_sha256(der, digest);
    list.sha256 = bytes_of(digest, 32);
    return answer_list(tx, request, response, &list, der);
}

/* The kernel sends it from the process' file. */
static enum rc answer_revocations(struct tx *tx, const struct http_request *request,
                                  struct http_response *response, const struct list_row *list,
                                  int fd)
{
    TRY(answer_list(tx, request, response, list, bytes_of(NULL, 0)));
    if (response->status == 304) {
        close(fd);
        return RC_OK;
    }
    response->has_file = true;
    response->file_fd = fd;
    response->file_bytes = list->size_bytes;
    return RC_OK;
}

enum rc http_crl(struct tx *tx, const struct http_request *request, struct http_response *response)
{
    const struct status_state *state = tx->state;
    const struct authority *authority;
    const char *suffix;
    struct list_row list;
    char id[33];
    int fd = -1;

    if (!rule_file_name(http_path_value(request, "name"), id, &suffix) ||
        strcmp(suffix, ".crl") != 0)
        return not_found(tx);
    authority = authorities_find(&state->authorities, id);
    if (!authority)
        return not_found(tx);
    TRY(list_files_open(tx, state->list_files, authority->id, &fd, &list));
    return fd < 0 ? answer_file(tx, request, response, authority)
                  : answer_revocations(tx, request, response, &list, fd);
}

enum rc http_certificate(struct tx *tx, const struct http_request *request,
                         struct http_response *response)
{
    const struct status_state *state = tx->state;
    const char *issuers[RESPONDER_MAX_ISSUERS], *name = http_path_value(request, "name");
    struct bytes serial, certificate;
    const char *suffix, *hex;
    usec published_at;
    char id[64];

    /* A serial has 40 digits at most; rule_file_name() is for shorter names. */
    suffix = strrchr(name, '.');
    if (!suffix || strcmp(suffix, ".cer") != 0 || (size_t)(suffix - name) >= sizeof(id))
        return not_found(tx);
    hex = strncpy(id, name, (size_t)(suffix - name));
    id[suffix - name] = 0;
    if (!serial_is(hex))
        return not_found(tx);
    if (strlen(hex) % 2)
        hex = arena_printf(tx->arena, "0%s", hex);
    if (!bytes_from_hex(tx->arena, hex, &serial))
        return not_found(tx);
    for (size_t i = 0; i < state->issuer_count; i++)
        issuers[i] = state->issuers[i]->id;
    TRY(store_find_published(tx, issuers, state->issuer_count, serial, &certificate,
                             &published_at));
    if (certificate.n == 0)
        return not_found(tx);
    add_times(tx, response, published_at, 0);
    http_add_header(response, "Cache-Control", KEEP_CERTIFICATE);
    return answer(request, response, "application/pkix-cert", etag_of(tx->arena, certificate),
                  certificate);
}

enum rc http_policy(struct tx *tx, const struct http_request *request,
                    struct http_response *response)
{
    const struct status_state *state = tx->state;
    const struct policy *policy = policies_find(&state->policies, http_path_value(request, "kind"),
                                                http_path_value(request, "version"));

    if (!policy)
        return not_found(tx);
    http_add_header(response, "Cache-Control", KEEP_POLICY);
    return answer(request, response, policy->content_type, policy->etag, policy->document);
}

enum rc http_policies(struct tx *tx, const struct http_request *request,
                      struct http_response *response)
{
    const struct status_state *state = tx->state;

    http_add_header(response, "Cache-Control", KEEP_POLICY);
    return answer(request, response, "application/json", state->policies.index_etag,
                  state->policies.index);
}
