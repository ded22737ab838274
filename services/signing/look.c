/* Fetches a document from intake, has it judged, reads request.json. It decides nothing about the
 * order: that is rules.c. Lists of revoked signers are fetched here when judging misses one; they
 * are kept by struct trust, in memory only. */
#include "services/signing/look.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/crl_fetch.h"
#include "common/document_fetch.h"
#include "services/signing/signing.h"

#define CACHE_SLOTS 4

struct look_cache {
    pthread_mutex_t lock;
    struct {
        uint8_t sha256[32];
        json_t *request;
    } slots[CACHE_SLOTS];
    unsigned next;
};

enum rc look_cache_new(struct err *err, struct look_cache **ret_cache)
{
    struct look_cache *cache = calloc(1, sizeof(*cache));

    CHECK(cache, err, TRIEN__ERROR__INTERNAL, "out of memory");
    pthread_mutex_init(&cache->lock, NULL);
    *ret_cache = cache;
    return RC_OK;
}

void look_cache_free(struct look_cache **cache)
{
    if (!*cache)
        return;
    for (size_t i = 0; i < CACHE_SLOTS; i++)
        json_decref((*cache)->slots[i].request);
    pthread_mutex_destroy(&(*cache)->lock);
    free(*cache);
    *cache = NULL;
}

static json_t *cache_find(struct look_cache *cache, const uint8_t sha256[32])
{
    json_t *found = NULL;

    pthread_mutex_lock(&cache->lock);
    for (size_t i = 0; i < CACHE_SLOTS && !found; i++)
        if (cache->slots[i].request && !memcmp(cache->slots[i].sha256, sha256, 32))
            found = json_incref(cache->slots[i].request);
    pthread_mutex_unlock(&cache->lock);
    return found;
}

/* A document with one subscriber is never asked for again. */
static void cache_keep(struct look_cache *cache, const uint8_t sha256[32], json_t *request)
{
    if (json_array_size(json_object_get(request, "subscribers")) < 2)
        return;
    pthread_mutex_lock(&cache->lock);
    json_decref(cache->slots[cache->next].request);
    memcpy(cache->slots[cache->next].sha256, sha256, 32);
    cache->slots[cache->next].request = json_incref(request);
    cache->next = (cache->next + 1) % CACHE_SLOTS;
    pthread_mutex_unlock(&cache->lock);
}

/* Lists are only hints here: one that cannot be had leaves the document waiting. */
static void fetch_list(struct fx *fx, const char *url)
{
    const struct signing_conf *conf = fx->conf;
    const struct crl_places places = {conf->crls, (int)conf->crl_timeout_ms};
    struct signing *signing = fx->state;
    struct trust_crl crl;
    struct bytes der;
    struct err ignored = {0};

    if (crl_fetch(&places, url, fx->arena, &ignored, &der) == RC_OK &&
        trust_put_crl(signing->trust, der, fx->arena, &ignored, &crl) != RC_OK)
        ERR_clear_error();
}

static void fetch_lists(struct fx *fx, const struct document_report *report)
{
    const struct signing_conf *conf = fx->conf;

    for (const struct conf_node *list = conf->crls ? conf->crls->child : NULL; list;
         list = list->next)
        fetch_list(fx, list->value);
    for (size_t i = 0; i < report->crl_need_count; i++)
        if (*report->crl_needs[i].url)
            fetch_list(fx, report->crl_needs[i].url);
}

static const char *codes_of(struct arena *arena, const struct document_report *report)
{
    const char *codes = "";

    for (size_t i = 0; i < report->reason_count; i++)
        codes = arena_printf(arena, "%s%s%s", codes, i ? ", " : "",
                             err_entry(report->reasons[i].code)->name);
    return codes;
}

static enum rc judge(struct fx *fx, struct bytes file, struct bytes sha256, usec received_at,
                     struct bytes *ret_request_json)
{
    struct signing *signing = fx->state;
    const struct document_question question = {
        .file = file, .at = received_at, .expected_sha256 = sha256.p};
    struct document_report report;

    TRY(document_check(signing->gate, signing->trust, &question, fx->arena, &fx->err, &report));
    if (report.verdict == DOCUMENT_WAITS) {
        fetch_lists(fx, &report);
        TRY(document_check(signing->gate, signing->trust, &question, fx->arena, &fx->err, &report));
    }
    CHECK(report.verdict != DOCUMENT_WAITS, &fx->err, TRIEN__ERROR__CRL_STALE,
          "%zu revocation lists are missing or stale", report.crl_need_count);
    CHECK(report.verdict == DOCUMENT_ACCEPTED, &fx->err, TRIEN__ERROR__ORDER_NOT_BORNE_OUT,
          "the document is refused: %s", codes_of(fx->arena, &report));
    *ret_request_json = report.request_json;
    return RC_OK;
}

enum rc look_at_document(struct fx *fx, const char *request_id, struct bytes document_sha256,
                         usec received_at, json_t **ret_request)
{
    struct signing *signing = fx->state;
    struct bytes file = {0}, text = {0};
    json_error_t why;
    json_t *request;

    CHECK(document_sha256.n == 32, &fx->err, TRIEN__ERROR__AUTHORIZATION_INVALID,
          "digest of the document");
    request = cache_find(signing->looks, document_sha256.p);
    if (!request) {
        TRY(document_fetch(fx, request_id, 0, 0, &file));
        TRY(judge(fx, file, document_sha256, received_at, &text));
        request = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, &why);
        CHECK(request, &fx->err, TRIEN__ERROR__ORDER_NOT_BORNE_OUT, "request.json: %s", why.text);
        cache_keep(signing->looks, document_sha256.p, request);
    }
    *ret_request = request;
    return RC_OK;
}
