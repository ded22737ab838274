/* Building the signer from its configuration. The nursery of the token workers is forked before
 * anything else exists; then issuers, enrolled keys, journal, threads. Refuses to sign without all
 * of them. */
#include <string.h>

#include "services/signer/list_stream.h"
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
        TRY(x509_ca_load(signer->arena, node->name, node->value, err,
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

static struct x509_enrolled_files files_of(const struct signer_conf *conf)
{
    return (struct x509_enrolled_files){conf->ring_registration_authority, conf->ring_station,
                                        conf->ring_officer};
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
    const struct x509_enrolled_files files = files_of(conf);

    TRY(load_issuers(signer, conf->issuers, err));
    TRY(fork_nursery(signer, conf, err));
    TRY(x509_enrolled_load(&files, err, &signer->enrolled));
    TRY(open_journal(signer, conf, now, err));
    signer->claims = claims_new(signer->arena);
    signer->streams = list_streams_new(signer->arena);
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

enum rc signer_reread_keys(struct signer *signer, const struct signer_conf *conf, struct err *err)
{
    const struct x509_enrolled_files files = files_of(conf);

    return x509_enrolled_reread(&files, &signer->enrolled, err);
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
    if (p->streams)
        list_streams_done(p->streams);
    x509_enrolled_free(&p->enrolled);
    arena = p->arena;
    arena_free(&arena);
    *signer = NULL;
}
