/* Building the signer from its configuration. The nursery of the token workers is forked before
 * anything else exists; then keys, issuers, journal, threads. Refuses a key that is enrolled in two
 * roles: nobody may vouch for himself. */
#include <string.h>

#include "services/signer/signer.h"

static const char *or_null(const char *text)
{
    return text && *text ? text : NULL;
}

static enum rc load_issuers(struct signer *signer, const struct conf_node *issuers, struct err *err)
{
    const struct conf_node *node = issuers->child;

    err_field(err, "issuers");
    CHECK(node, err, TRIEN__ERROR__CONFIG_INVALID, "issuers: name at least one");
    for (; node; node = node->next) {
        CHECK(signer->issuer_count < SIGNER_MAX_ISSUERS, err, TRIEN__ERROR__CONFIG_INVALID,
              "issuers: at most %d", SIGNER_MAX_ISSUERS);
        CHECK(strlen(node->name) <= 32 && *node->value, err, TRIEN__ERROR__CONFIG_INVALID,
              "issuers/%s: a key label of 32 characters at most, and a certificate file",
              node->name);
        TRY(issuer_load(signer->arena, node->name, node->value, err,
                        &signer->issuers[signer->issuer_count]));
        signer->issuer_count++;
    }
    err_field(err, "%s", "");
    return RC_OK;
}

static enum rc fork_nursery(struct signer *signer, const struct signer_conf *conf, struct err *err)
{
    struct token_key *keys = ARENA_ARRAY(signer->arena, struct token_key, SIGNER_MAX_ISSUERS);
    struct token_config config = {
        .p11 = {.module_path = conf->token_module,
                .token_label = conf->token_label,
                .pin_path = conf->token_pin,
                .softhsm_config = or_null(conf->token_softhsm_config),
                .refusal_path =
                    arena_printf(signer->arena, "%s/pin-refused", conf->journal_folder)},
        .workers = (unsigned)conf->token_workers,
        .network = conf->token_network,
        .sign_timeout_ms = (int)conf->token_sign_timeout_ms,
        .start_timeout_ms = (int)conf->token_start_timeout_ms,
        .probe_ms = (int)conf->token_probe_ms,
        .keys = keys,
        .key_count = signer->issuer_count,
    };

    for (size_t i = 0; i < signer->issuer_count; i++) {
        keys[i].label = signer->issuers[i].name;
        memcpy(keys[i].key_sha256, signer->issuers[i].key_sha256, 32);
    }
    return token_new(&config, err, &signer->token);
}

/* No key of one ring stands in another. */
static enum rc check_apart(const struct x509_ring *a, const struct x509_ring *b, const char *names,
                           struct err *err)
{
    for (size_t i = 0; i < x509_ring_count(a); i++)
        CHECK(!x509_ring_find(b, x509_key_id(x509_ring_at(a, i))), err,
              TRIEN__ERROR__CONFIG_INVALID, "keys: one key is enrolled as %s", names);
    return RC_OK;
}

static enum rc load_rings(struct signer *signer, const struct signer_conf *conf, struct err *err)
{
    TRY(x509_ring_load(conf->ring_registration_authority, err, &signer->registration_authority));
    TRY(x509_ring_load(conf->ring_station, err, &signer->station));
    TRY(x509_ring_load(conf->ring_officer, err, &signer->officer));
    TRY(check_apart(signer->registration_authority, signer->station,
                    "registration authority and station", err));
    TRY(check_apart(signer->registration_authority, signer->officer,
                    "registration authority and officer", err));
    TRY(check_apart(signer->station, signer->officer, "station and officer", err));
    signer->rings =
        (struct rings){signer->registration_authority, signer->station, signer->officer};
    return RC_OK;
}

static enum rc open_journal(struct signer *signer, const struct signer_conf *conf, usec now,
                            struct err *err)
{
    struct journal_config config = {conf->journal_folder, (uint64_t)conf->journal_segment_bytes,
                                    conf->journal_rebuild_index};

    return journal_open(&config, now, err, &signer->journal);
}

static enum rc open_steps(struct signer *signer, const struct signer_conf *conf, usec now,
                          struct err *err)
{
    TRY(load_issuers(signer, conf->issuers, err));
    TRY(fork_nursery(signer, conf, err));
    TRY(load_rings(signer, conf, err));
    TRY(open_journal(signer, conf, now, err));
    signer->claims = claims_new(signer->arena);
    return token_start(signer->token, err);
}

enum rc signer_open(const struct signer_conf *conf, usec now, struct err *err,
                    struct signer **ret_signer)
{
    struct arena *arena = arena_new((size_t)1024 * 1024);
    struct signer *signer = ARENA_NEW(arena, struct signer);
    enum rc rc;

    signer->arena = arena;
    rc = open_steps(signer, conf, now, err);
    if (rc != RC_OK) {
        signer_close(&signer);
        return rc;
    }
    *ret_signer = signer;
    return RC_OK;
}

void signer_close(struct signer **signer)
{
    struct signer *p = *signer;
    struct arena *arena;

    if (!p)
        return;
    token_free(&p->token);
    journal_close(&p->journal);
    if (p->claims)
        claims_done(p->claims);
    x509_ring_free(&p->registration_authority);
    x509_ring_free(&p->station);
    x509_ring_free(&p->officer);
    arena = p->arena;
    arena_free(&arena);
    *signer = NULL;
}
