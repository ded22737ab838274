/* From configuration to a token with one key. Knows no service. */
#include "common/token_conf.h"

#include "common/token.h"

static const char *or_null(const char *text)
{
    return *text ? text : NULL;
}

enum rc token_from_conf(const struct token_conf *conf, struct token_key *key, struct err *err,
                        struct token **ret_token)
{
    const struct token_config config = {
        .p11 = {.module_path = conf->module,
                .token_label = conf->label,
                .pin_path = conf->pin_file,
                .softhsm_config = or_null(conf->softhsm_config),
                .refusal_path = or_null(conf->refusal_file),
                .writable = *conf->key_kind != 0},
        .workers = (unsigned)conf->workers,
        .network = conf->network,
        .sign_timeout_ms = (int)conf->sign_timeout_ms,
        .start_timeout_ms = (int)conf->start_timeout_ms,
        .probe_ms = (int)conf->probe_ms,
        .keys = key,
        .key_count = 1,
    };

    *key = (struct token_key){.label = conf->key_label, .make_kind = or_null(conf->key_kind)};
    TRY(token_new(&config, err, ret_token));
    return token_start(*ret_token, err);
}
