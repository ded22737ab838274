/* What one process of revocation keeps: the certificates of the authorities whose lists it makes.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "services/revocation/revocation.h"

#define PROCESS_ARENA_BYTES ((size_t)1024 * 1024)

static int is_generation(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);

    return !strncmp(entry->d_name, "issuing", 7) && length > 11 &&
           !strcmp(entry->d_name + length - 4, ".pem");
}

static enum rc add_issuer(struct revocation *revocation, const char *folder, const char *file,
                          struct err *err)
{
    struct x509_ca *issuer = &revocation->issuers[revocation->issuer_count];
    const char *id = arena_strndup(revocation->arena, file, strlen(file) - strlen(".pem"));

    CHECK(revocation->issuer_count < REVOCATION_MAX_ISSUERS, err, TRIEN__ERROR__KEY_FILE,
          "%s: more than %d generations", folder, REVOCATION_MAX_ISSUERS);
    TRY(x509_ca_load(revocation->arena, id, arena_printf(revocation->arena, "%s/%s", folder, file),
                     err, issuer));
    CHECK(issuer->signs_lists, err, TRIEN__ERROR__KEY_FILE,
          "%s: the key usage does not let it sign revocation lists", id);
    revocation->issuer_count++;
    return RC_OK;
}

static enum rc load_issuers(struct revocation *revocation, const char *folder, struct err *err)
{
    struct dirent **files = NULL;
    int count = scandir(folder, &files, is_generation, versionsort);
    enum rc rc = RC_OK;

    for (int i = 0; i < count; i++) {
        if (rc == RC_OK)
            rc = add_issuer(revocation, folder, files[i]->d_name, err);
        free(files[i]);
    }
    free(files);
    TRY(rc);
    CHECK(revocation->issuer_count, err, TRIEN__ERROR__KEY_FILE,
          "%s has no issuing authority: hold the key ceremony first (trienctl ceremony)", folder);
    return RC_OK;
}

enum rc revocation_early(const void *own_conf, struct err *err, void **ret_state)
{
    static struct revocation revocation;
    const struct revocation_conf *conf = own_conf;

    revocation.arena = arena_new(PROCESS_ARENA_BYTES);
    CHECK(conf->lifetime_ms >= 2 * conf->interval_ms, err, TRIEN__ERROR__CONFIG_INVALID,
          "crl/lifetime: at least two intervals, so that one list that is late harms nobody");
    TRY(load_issuers(&revocation, conf->ca_dir, err));
    *ret_state = &revocation;
    return RC_OK;
}

void revocation_late(void *state)
{
    struct revocation *revocation = state;

    arena_free(&revocation->arena);
}
