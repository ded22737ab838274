/* What one process of revocation keeps: the certificates of the authorities whose lists it makes.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "services/revocation/revocation.h"

#define PROCESS_ARENA_BYTES ((size_t)1024 * 1024)
#define WATCH_STALE (60 * USEC_PER_SECOND)

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
    revocation.list_limit = 2 * conf->interval_ms * USEC_PER_MS;
    *ret_state = &revocation;
    return RC_OK;
}

/* --- health
 * ------------------------------------------------------------------------------------------ */

void watch_set(struct watch *watch, const struct issuer_row *row, usec now)
{
    atomic_store(&watch->issued_update, row->issued_update);
    atomic_store(&watch->issued_until, row->issued_until);
    atomic_store(&watch->behind, row->behind);
    atomic_store(&watch->seen_at, now);
}

bool revocation_health(void *state, struct arena *arena, const char **ret_json_members)
{
    struct revocation *revocation = state;
    const char *each = "";
    bool is_well = true, is_fresh = true;
    usec now = clock_now();

    for (size_t i = 0; i < revocation->issuer_count; i++) {
        struct watch *watch = &revocation->watch[i];
        const struct list_watch seen = {.update = atomic_load(&watch->issued_update),
                                        .until = atomic_load(&watch->issued_until),
                                        .forgotten = atomic_load(&watch->behind) != 0};
        enum list_health health = rule_list_health(&seen, revocation->list_limit, now);

        if (now - atomic_load(&watch->seen_at) > WATCH_STALE) /* another replica looks */
            continue;
        is_fresh = is_fresh && health <= LIST_FRESH;
        is_well = is_well && health != LIST_OVER && health != LIST_FORGOTTEN;
        each = arena_printf(arena, "%s,\"%s\":{\"state\":\"%s\",\"age_seconds\":%lld}", each,
                            revocation->issuers[i].name, rule_list_health_name(health),
                            seen.update ? (long long)((now - seen.update) / USEC_PER_SECOND) : 0ll);
    }
    *ret_json_members =
        arena_printf(arena, "\"lists\":{\"ok\":%s%s}", is_fresh ? "true" : "false", each);
    return is_well;
}

void revocation_late(void *state)
{
    struct revocation *revocation = state;

    arena_free(&revocation->arena);
}
