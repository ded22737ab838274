/* Revocation lists: the one anybody gets, and the history revocation keeps. */
#include <string.h>

#include "proto/revocation.pb-c.h"
#include "services/trienctl/evidence.h"

#define CALL_MS 10000
#define MAX_LIST_BYTES ((uint64_t)64 * 1024 * 1024)
#define CHUNK_BYTES (1024 * 1024)

static enum rc get_list(struct evidence *evidence, struct err *err)
{
    const char *url =
        arena_printf(ctl_arena(), "%s/crl/%s.crl", evidence->where.status_url, evidence->issuer);
    struct bytes body = {0};
    const uint8_t *at;
    int status = 0;

    TRY(evidence_http(url, (struct bytes){0}, NULL, err, &status, &body));
    CHECK(status == 200, err, TRIEN__ERROR__NOT_FOUND, "GET %s: %d", url, status);
    at = body.p;
    evidence->crl = d2i_X509_CRL(NULL, &at, (long)body.n);
    CHECK(evidence->crl && at == body.p + body.n, err, TRIEN__ERROR__MALFORMED,
          "%s is no revocation list", url);
    return RC_OK;
}

static enum rc list_history(struct evidence *evidence, struct err *err)
{
    Trien__ListRevocationLists call = TRIEN__LIST_REVOCATION_LISTS__INIT;
    const Trien__ListRevocationListsReply *reply;

    call.issuer = (char *)evidence->issuer;
    do {
        ProtobufCMessage *message = NULL;

        TRY(ctl_call(NULL, "revocation", &call.base,
                     &trien__list_revocation_lists_reply__descriptor, CALL_MS, err, &message));
        reply = (const void *)message;
        for (size_t i = 0; i < reply->n_lists; i++) {
            const Trien__RevocationList *row = reply->lists[i];

            if (evidence->list_count == EVIDENCE_MAX_LISTS)
                return RC_OK;
            evidence->lists[evidence->list_count++] =
                (struct seen_list){.number = row->number,
                                   .entries = row->entries,
                                   .this_update = row->this_update,
                                   .next_update = row->next_update,
                                   .sha256 = bytes_of(row->sha256.data, row->sha256.len)};
            call.has_before = 1;
            call.before = row->number;
        }
    } while (reply->n_lists > 0);
    return RC_OK;
}

/* The oldest list of the history, fetched whole: old lists are kept, and kept as they were. */
static enum rc get_oldest(struct evidence *evidence, struct err *err)
{
    const struct seen_list *oldest = &evidence->lists[evidence->list_count - 1];
    Trien__GetCrl call = TRIEN__GET_CRL__INIT;
    const Trien__GetCrlReply *reply;
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    uint8_t sha256[32];
    enum rc rc = RC_OK;

    EVP_DigestInit_ex(digest, EVP_sha256(), NULL);
    call.issuer = (char *)evidence->issuer;
    call.has_number = 1;
    call.number = oldest->number;
    call.max_bytes = CHUNK_BYTES;
    do {
        ProtobufCMessage *message = NULL;

        rc = ctl_call(NULL, "revocation", &call.base, &trien__get_crl_reply__descriptor, CALL_MS,
                      err, &message);
        reply = (const void *)message;
        if (rc != RC_OK || reply->chunk.len == 0)
            break;
        EVP_DigestUpdate(digest, reply->chunk.data, reply->chunk.len);
        call.offset += reply->chunk.len;
    } while (call.offset < reply->size_bytes && call.offset < MAX_LIST_BYTES);
    EVP_DigestFinal_ex(digest, sha256, NULL);
    EVP_MD_CTX_free(digest);
    evidence->oldest_is_same = bytes_equal(bytes_of(sha256, 32), oldest->sha256);
    return rc;
}

void evidence_lists(struct evidence *evidence)
{
    if (get_list(evidence, &evidence->crl_err) != RC_OK)
        ERR_clear_error();
    if (list_history(evidence, &evidence->lists_err) != RC_OK || !evidence->list_count)
        return;
    if (get_oldest(evidence, &evidence->oldest_err) != RC_OK)
        evidence->oldest_is_same = false;
}
