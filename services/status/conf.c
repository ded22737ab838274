/* status' configuration: its rows, what is built from it at start, its health. */
#include <string.h>

#include "services/status/status.h"

#define ROW(row_key, row_type, member, row_fallback, ...)                                          \
    {                                                                                              \
        .key = (row_key), .type = (row_type), .offset = offsetof(struct status_conf, member),      \
        .fallback = (row_fallback), __VA_ARGS__                                                    \
    }

const struct conf_row status_conf_rows[] = {
    ROW("ca/directory", CONF_DIR, ca_directory, NULL,
        .doc = "Folder that the key ceremony wrote: <id>.pem and <id>.crl of each authority."),
    ROW("ca/root", CONF_TEXT, ca_root, "root1", .doc = "What /ca/root.cer stands for."),
    ROW("ca/issuing", CONF_TEXT, ca_issuing, "issuing1", .doc = "What /ca/issuing.cer stands for."),
    ROW("crl/folder", CONF_DIR, list_folder, "/tmp",
        .doc = "Folder in which a process keeps the lists it gives out, in files without a name; "
               "room for each issuer's list twice, some 50 bytes an entry."),
    ROW("policies", CONF_TEXT, policies, "",
        .doc = "Folder of the published policy documents, read at start: cp-<version>.txt or .pdf, "
               "cps-<version>.txt or .pdf; every version stays. Empty: none."),
    ROW("ocsp/issuers", CONF_TEXT, issuers, "issuing1",
        .doc = "Ids of the authorities whose certificates are answered for, by spaces."),
    ROW("ocsp/validity", CONF_MS, validity_ms, "12h", .min = 60000,
        .doc = "From thisUpdate to nextUpdate of good answers."),
    ROW("ocsp/revoked_validity", CONF_MS, revoked_validity_ms, "12h", .min = 60000,
        .doc = "The same of answers that say revoked."),
    ROW("ocsp/max_age", CONF_MS, max_age_ms, "1h", .min = 0,
        .doc = "How long proxies may keep an answer."),
    ROW("ocsp/memory_answers", CONF_INT, cache_answers, "8192", .min = 64, .max = 16777216,
        .doc = "Signed answers kept in memory, about 2.3 KiB each when used."),
    ROW("ocsp/signed_per_second", CONF_INT, signed_per_second, "500", .min = 1, .max = 1000000,
        .doc = "Answers signed for one client alone: with nonce, about unknown or several "
               "certificates."),
    ROW("ocsp/signing_threads", CONF_INT, signing_threads, "2", .min = 1, .max = 64,
        .doc = "Requests that may wait for the token at one time; keep it below http/threads."),
    ROW("sync/every", CONF_MS, sync_ms, "1s", .min = 20, .max = 60000,
        .doc = "How often memory is compared with the database."),
    ROW("sync/max_age", CONF_MS, max_synced_ms, "10s", .min = 100,
        .doc = "Memory that was not compared for so long answers tryLater."),
    ROW("sync/max_feed_age", CONF_MS, max_feed_ms, "2m", .min = 1000,
        .doc = "A feed that is not followed to its end for so long: everything is tryLater."),
    TOKEN_CONF_ROWS("responder/", offsetof(struct status_conf, responder.token), "2"),
    ROW("responder/token", CONF_TEXT, responder.token.label, "trien-status",
        .doc = "Label of the token."),
    ROW("responder/key", CONF_TEXT, responder.token.key_label, "ocsp", .doc = "Label of the key."),
    ROW("responder/make_key", CONF_TEXT, responder.token.key_kind, "p256",
        .doc = "Kind of the key to make when the token has none of that label; empty: never."),
    ROW("responder/organisation", CONF_TEXT, responder.organisation, "Triện TEST",
        .doc = "Organisation in the certificate that is asked for."),
    ROW("responder/common_name", CONF_TEXT, responder.common_name, "OCSP TEST",
        .doc = "Common name in the certificate that is asked for."),
    ROW("responder/request_file", CONF_NEW_PATH, responder.request_file, "",
        .doc = "Where the signing request is written (DER) for officers to see."),
    {.key = NULL},
};

static enum rc find_issuers(struct status_state *state, struct err *err)
{
    char *rest = arena_strdup(state->arena, state->conf->issuers), *id;

    while ((id = strsep(&rest, " "))) {
        const struct authority *issuer;
        if (!*id)
            continue;
        issuer = authorities_find(&state->authorities, id);
        CHECK(issuer && strcmp(issuer->id, id) == 0, err, TRIEN__ERROR__CONFIG_INVALID,
              "ocsp/issuers: %s is none of the authorities in ca/directory", id);
        CHECK(state->issuer_count < RESPONDER_MAX_ISSUERS, err, TRIEN__ERROR__CONFIG_INVALID,
              "ocsp/issuers: %d at most", RESPONDER_MAX_ISSUERS);
        state->issuers[state->issuer_count++] = issuer;
    }
    CHECK(state->issuer_count, err, TRIEN__ERROR__CONFIG_INVALID, "ocsp/issuers: none");
    return RC_OK;
}

enum rc status_early(const void *conf_, struct err *err, void **ret_state)
{
    struct arena *arena = arena_new((size_t)64 * 1024 * 1024 + POLICIES_MAX * POLICY_MAX_BYTES);
    struct status_state *state = ARENA_NEW(arena, struct status_state);
    const struct status_conf *conf = conf_;

    state->conf = conf;
    state->arena = arena;
    state->permits.permits = (double)conf->signed_per_second;
    state->permits.refilled_at = clock_now();
    pthread_mutex_init(&state->permits_lock, NULL);
    pthread_rwlock_init(&state->sync.lock, NULL);
    TRY(authorities_load(arena, conf->ca_directory, conf->ca_root, conf->ca_issuing, err,
                         &state->authorities));
    TRY(find_issuers(state, err));
    TRY(policies_load(arena, conf->policies, err, &state->policies));
    state->list_files = list_files_new(arena, conf->list_folder);
    TRY(cache_new((size_t)conf->cache_answers, err, &state->cache));
    TRY(responder_new(&conf->responder, conf->signing_threads, arena, err, &state->responder));
    *ret_state = state;
    return RC_OK;
}

bool status_health(void *state_, struct arena *arena, const char **ret_json_members)
{
    struct status_state *state = state_;
    unsigned workers = responder_workers(state->responder);
    bool asked = atomic_load(&state->sync.synced_at) != 0, all_valid = true;
    const char *issuers = "";
    usec now = clock_now();

    for (unsigned i = 0; i < state->issuer_count; i++) {
        usec not_before, not_after;
        bool valid =
            responder_validity(state->responder, i, &not_before, &not_after) && not_after > now;
        issuers = arena_printf(arena, "%s%s\"%s\":\"%s\"", issuers, i ? "," : "",
                               state->issuers[i]->id, valid ? "valid" : "waiting");
        all_valid = all_valid && valid;
    }
    *ret_json_members =
        arena_printf(arena,
                     "\"token\":{\"ok\":%s,\"workers\":%u},"
                     "\"responder\":{\"ok\":%s,\"certificates\":{%s}}",
                     workers ? "true" : "false", workers, all_valid ? "true" : "false", issuers);
    /* A replica that nobody has asked yet does not know its certificates and is well all the same.
     */
    return workers > 0 && (all_valid || !asked);
}

void status_late(void *state_)
{
    struct status_state *state = state_;

    responder_free(&state->responder);
}
