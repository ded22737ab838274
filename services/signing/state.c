/* What one process of signing keeps: the inspector, trust, enrolled keys, the generations of the
 * CA. Made once before any thread, read by all;
 * only the enrolled keys may change, on SIGHUP. The CA's private key is never here. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "services/signing/signing.h"

#define PROCESS_ARENA_BYTES ((size_t)4 * 1024 * 1024)

const struct issuer *signing_issuer(const struct signing *signing, const char *id)
{
    for (size_t i = 0; i < signing->issuer_count; i++)
        if (!strcmp(signing->issuers[i].id, id))
            return &signing->issuers[i];
    return NULL;
}

static enum rc add_issuer(struct signing *signing, const char *folder, const char *file,
                          struct err *err)
{
    const char *path = arena_printf(signing->arena, "%s/%s", folder, file);
    const char *id = arena_strndup(signing->arena, file, strlen(file) - strlen(".pem"));
    autoptr(X509_stack) stack = NULL;

    CHECK(signing->issuer_count < SIGNING_MAX_ISSUERS, err, TRIEN__ERROR__KEY_FILE,
          "%s: more than %d generations", folder, SIGNING_MAX_ISSUERS);
    TRY(x509_certificates_load(path, err, &stack));
    return issuer_init(&signing->issuers[signing->issuer_count++], signing->arena, id,
                       sk_X509_value(stack, 0), &signing->places, err);
}

static int is_generation(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);

    return !strncmp(entry->d_name, "issuing", 7) && length > 11 &&
           !strcmp(entry->d_name + length - 4, ".pem");
}

/* Every generation that may still have to be answered for, in the order of their names. */
static enum rc load_issuers(struct signing *signing, const struct signing_conf *conf,
                            struct err *err)
{
    struct dirent **files = NULL;
    int count = scandir(conf->ca_dir, &files, is_generation, versionsort);
    enum rc rc = RC_OK;

    for (int i = 0; i < count; i++) {
        if (rc == RC_OK)
            rc = add_issuer(signing, conf->ca_dir, files[i]->d_name, err);
        free(files[i]);
    }
    free(files);
    TRY(rc);
    signing->current = signing_issuer(signing, conf->issuer);
    CHECK(signing->current, err, TRIEN__ERROR__KEY_FILE,
          "%s/%s.pem is not there: hold the key ceremony first (trienctl ceremony)", conf->ca_dir,
          conf->issuer);
    return RC_OK;
}

static struct x509_enrolled_files files_of(const struct signing_conf *conf)
{
    return (struct x509_enrolled_files){conf->registration_keys, conf->station_keys,
                                        conf->officer_keys};
}

static enum rc load_keys(struct signing *signing, const struct signing_conf *conf, struct err *err)
{
    const struct x509_enrolled_files files = files_of(conf);

    TRY(x509_enrolled_load(&files, err, &signing->enrolled));
    return *conf->weak_keys ? x509_weak_list_load(conf->weak_keys, err) : RC_OK;
}

/* The inspector's zygote is forked before anything else is in memory. */
enum rc signing_early(const void *own_conf, struct err *err, void **ret_state)
{
    static struct signing signing;
    const struct signing_conf *conf = own_conf;

    TRY(document_gate_new(&conf->gate, err, &signing.gate));
    signing.arena = arena_new(PROCESS_ARENA_BYTES);
    signing.places = (struct issuer_places){conf->public_url, conf->policy_oid, conf->cps_url};
    TRY(trust_new(conf->trust_dir, err, &signing.trust));
    TRY(look_cache_new(err, &signing.looks));
    TRY(load_keys(&signing, conf, err));
    TRY(load_issuers(&signing, conf, err));
    *ret_state = &signing;
    return RC_OK;
}

enum rc signing_reread(const void *own_conf, void *state, struct err *err)
{
    const struct x509_enrolled_files files = files_of(own_conf);
    struct signing *signing = state;

    return x509_enrolled_reread(&files, &signing->enrolled, err);
}

void signing_late(void *state)
{
    struct signing *signing = state;

    document_gate_free(&signing->gate);
    look_cache_free(&signing->looks);
    trust_free(&signing->trust);
    x509_enrolled_free(&signing->enrolled);
    for (size_t i = 0; i < signing->issuer_count; i++)
        issuer_done(&signing->issuers[i]);
    arena_free(&signing->arena);
}

bool signing_health(void *state, struct arena *arena, const char **ret_json_members)
{
    const struct signing *signing = state;
    bool inspector = document_gate_alive(signing->gate);
    bool valid = signing->current->not_after_us > clock_now();

    *ret_json_members =
        arena_printf(arena, "\"inspector\":{\"ok\":%s},\"issuer\":{\"ok\":%s,\"id\":\"%s\"},%s",
                     inspector ? "true" : "false", valid ? "true" : "false", signing->current->id,
                     x509_enrolled_json(&signing->enrolled, arena));
    return inspector && valid;
}
