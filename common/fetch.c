/* Going out through libcurl: one easy handle a thread, kept alive, with limits on time, size,
 * protocols and redirects. Nothing is fetched that the request's own flags do not allow, redirects
 * are not followed, and no library default (proxy variables, netrc, signals) takes part. */
#include "common/fetch.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/fetch_internal.h"

#define DEFAULT_TIMEOUT_MS 30000
#define DEFAULT_MAX_BYTES ((size_t)16 * 1024 * 1024)

/* --- the handle ----------------------------------------------------------------------------------
 */

static pthread_key_t handle_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void set_up(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) || pthread_key_create(&handle_key, curl_easy_cleanup))
        abort();
}

CURL *fetch_handle(const char *url, const char *protocols, int timeout_ms)
{
    CURL *curl;

    pthread_once(&once, set_up);
    curl = pthread_getspecific(handle_key);
    if (!curl) {
        curl = curl_easy_init();
        if (!curl || pthread_setspecific(handle_key, curl))
            abort();
    }
    curl_easy_reset(curl); /* forgets options, keeps connections */
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, protocols);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                     (long)(timeout_ms > 0 ? timeout_ms : DEFAULT_TIMEOUT_MS));
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_MAXCONNECTS, 4L);
    return curl;
}

void fetch_forget(void)
{
    CURL *curl;

    pthread_once(&once, set_up);
    curl = pthread_getspecific(handle_key);
    if (!curl)
        return;
    pthread_setspecific(handle_key, NULL);
    curl_easy_cleanup(curl);
}

enum rc fetch_credentials(CURL *curl, const char *user, const char *password_file,
                          const char *ca_file, struct err *err)
{
    struct secret *password = NULL;

    if (ca_file && *ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
    if (!user || !*user)
        return RC_OK;
    curl_easy_setopt(curl, CURLOPT_USERNAME, user);
    if (!password_file || !*password_file)
        return RC_OK;
    TRY(secret_load(password_file, err, &password));
    curl_easy_setopt(curl, CURLOPT_PASSWORD, secret_text(password)); /* libcurl copies it */
    secret_free(&password);
    return RC_OK;
}

enum rc fetch_error(CURL *curl, CURLcode code, Trien__Error unreachable, struct err *err)
{
    const char *url = "";
    Trien__Error ours = code == CURLE_OPERATION_TIMEDOUT     ? TRIEN__ERROR__DEADLINE_PASSED
                        : code == CURLE_FILESIZE_EXCEEDED    ? TRIEN__ERROR__TOO_LARGE
                        : code == CURLE_UNSUPPORTED_PROTOCOL ? TRIEN__ERROR__CONFIG_INVALID
                        : code == CURLE_URL_MALFORMAT        ? TRIEN__ERROR__CONFIG_INVALID
                                                             : unreachable;

    curl_easy_getinfo(curl, CURLINFO_EFFECTIVE_URL, &url);
    err_native(err, "curl %d", (int)code);
    /* The query may carry a recipient or a password: it is not for logs. */
    FAIL(err, ours, "%.*s: %s", (int)strcspn(url ? url : "", "?"), url ? url : "",
         curl_easy_strerror(code));
}

/* --- HTTP ----------------------------------------------------------------------------------------
 */

/* The answer grows in the arena's last chunk sizes: doubled, so at most half is waste. */
struct answer {
    struct arena *arena;
    uint8_t *p;
    size_t n, room, limit;
    bool too_large;
};

static size_t take_piece(char *piece, size_t one, size_t n, void *arg)
{
    struct answer *answer = arg;

    (void)one;
    if (n > answer->limit - answer->n) {
        answer->too_large = true;
        return 0; /* ends the transfer */
    }
    if (answer->n + n > answer->room) {
        size_t room = 2 * (answer->n + n);
        uint8_t *larger = arena_alloc(answer->arena, room);

        if (answer->n)
            memcpy(larger, answer->p, answer->n);
        answer->p = larger;
        answer->room = room;
    }
    memcpy(answer->p + answer->n, piece, n);
    answer->n += n;
    return n;
}

static struct curl_slist *make_headers(const struct fetch_request *request)
{
    /* No wait for "100 Continue": our bodies are small. */
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");

    for (size_t i = 0; list && i < COUNT_OF(request->headers) && request->headers[i]; i++) {
        struct curl_slist *longer = curl_slist_append(list, request->headers[i]);

        if (!longer)
            abort();
        list = longer;
    }
    return list;
}

static void set_body(CURL *curl, const struct fetch_request *request)
{
    if (!request->method || strcmp(request->method, "POST"))
        return; /* GET */
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.n);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
                     request->body.n ? (const char *)request->body.p : "");
}

enum rc fetch_http(const struct fetch_request *request, struct arena *arena, struct err *err,
                   int *ret_status, struct bytes *ret_body)
{
    const char *protocols = request->allow_file ? "http,https,file" : "http,https";
    CURL *curl = fetch_handle(request->url, protocols, request->timeout_ms);
    struct answer answer = {.arena = arena,
                            .limit = request->max_bytes ? request->max_bytes : DEFAULT_MAX_BYTES};
    struct curl_slist *headers;
    long status = 0;
    CURLcode code;

    TRY(fetch_credentials(curl, request->user, request->password_file, request->ca_file, err));
    headers = make_headers(request);
    set_body(curl, request);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_piece);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    code = curl_easy_perform(curl);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    if (answer.too_large)
        code = CURLE_FILESIZE_EXCEEDED;
    if (code != CURLE_OK)
        return fetch_error(curl, code, TRIEN__ERROR__PEER_UNAVAILABLE, err);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    *ret_status = status ? (int)status : 200; /* file: has no status */
    *ret_body = bytes_of(answer.p ? answer.p : (const uint8_t *)"", answer.n);
    return RC_OK;
}
