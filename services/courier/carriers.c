/* Carriers as the configuration names them, their secrets in locked memory. Read once before any
 * thread; a changed secret needs a restart. */
#include <openssl/evp.h>
#include <string.h>

#include "services/courier/courier.h"

#define MAC_BYTES 32
#define MIN_SECRET 16

static const char *value_of(const struct conf_node *carrier, const char *name)
{
    const struct conf_node *node = conf_find(carrier, name);

    return node && *node->value ? node->value : NULL;
}

static enum rc load_secret(const char *file, struct err *err, struct secret **ret_secret)
{
    struct secret *secret = NULL;

    TRY(secret_load(file, err, &secret));
    if (secret_length(secret) < MIN_SECRET) {
        secret_free(&secret);
        FAIL(err, TRIEN__ERROR__KEY_FILE, "%s: a secret has %d characters at least", file,
             MIN_SECRET);
    }
    *ret_secret = secret;
    return RC_OK;
}

static enum rc read_carrier(const struct conf_node *node, struct err *err, struct carrier *carrier)
{
    const char *secret_file = value_of(node, "secret_file");
    const char *previous_file = value_of(node, "previous_secret_file");
    const char *name = value_of(node, "name");

    err_field(err, "carriers/%.60s", node->name);
    CHECK(secret_file, err, TRIEN__ERROR__CONFIG_INVALID,
          "carriers/%s/secret_file is needed: the file of the secret its webhook signs with",
          node->name);
    for (const struct conf_node *child = node->child; child; child = child->next)
        CHECK(!strcmp(child->name, "name") || !strcmp(child->name, "secret_file") ||
                  !strcmp(child->name, "previous_secret_file"),
              err, TRIEN__ERROR__CONFIG_INVALID, "carriers/%s/%s is not known", node->name,
              child->name);
    carrier->id = node->name;
    carrier->name = name ? name : node->name;
    TRY(load_secret(secret_file, err, &carrier->secret));
    if (previous_file)
        TRY(load_secret(previous_file, err, &carrier->previous));
    err_clear(err);
    return RC_OK;
}

enum rc courier_early(const void *conf_, struct err *err, void **ret_state)
{
    static struct courier courier;
    const struct courier_conf *conf = conf_;

    for (const struct conf_node *node = conf->carriers ? conf->carriers->child : NULL; node;
         node = node->next) {
        CHECK(courier.carrier_count < COURIER_MAX_CARRIERS, err, TRIEN__ERROR__CONFIG_INVALID,
              "carriers: more than %d", COURIER_MAX_CARRIERS);
        TRY(read_carrier(node, err, &courier.carriers[courier.carrier_count]));
        courier.carrier_count++;
    }
    *ret_state = &courier;
    return RC_OK;
}

void courier_late(void *state)
{
    struct courier *courier = state;

    for (size_t i = 0; i < courier->carrier_count; i++) {
        secret_free(&courier->carriers[i].secret);
        secret_free(&courier->carriers[i].previous);
    }
}

bool courier_health(void *state, struct arena *arena, const char **ret_json_members)
{
    struct courier *courier = state;

    *ret_json_members = arena_printf(arena, "\"stock\":{\"ok\":true,\"waiting_orders\":%lld}",
                                     (long long)atomic_load(&courier->waiting_orders));
    return true;
}

const struct carrier *courier_carrier(const struct courier *courier, const char *id)
{
    if (!id)
        return courier->carrier_count == 1 ? &courier->carriers[0] : NULL;
    for (size_t i = 0; i < courier->carrier_count; i++)
        if (strcmp(courier->carriers[i].id, id) == 0)
            return &courier->carriers[i];
    return NULL;
}

static bool made_with(const struct secret *secret, struct bytes body, struct bytes mac)
{
    uint8_t own[EVP_MAX_MD_SIZE];
    size_t size = 0;

    if (!secret || !EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, secret_text(secret),
                              secret_length(secret), body.p, body.n, own, sizeof(own), &size))
        return false;
    return size == MAC_BYTES && bytes_equal_secret(bytes_of(own, size), mac);
}

const struct carrier *courier_signer_of(const struct courier *courier, struct bytes body,
                                        struct bytes mac)
{
    const struct carrier *signer = NULL;

    for (size_t i = 0; i < courier->carrier_count; i++)
        if (made_with(courier->carriers[i].secret, body, mac) ||
            made_with(courier->carriers[i].previous, body, mac))
            signer = &courier->carriers[i];
    return signer;
}
