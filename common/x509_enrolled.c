/* Who may vouch: the enrolled keys of registration authority, stations and officers, read together
 * and, while the process runs, read again together. Refuses a key that is enrolled in two roles:
 * nobody may vouch for himself. */
#include "common/x509.h"

/* No key of one ring stands in another. */
static enum rc check_apart(const struct x509_ring *a, const struct x509_ring *b, const char *names,
                           struct err *err)
{
    for (size_t i = 0; i < x509_ring_count(a); i++)
        CHECK(!x509_ring_find(b, x509_key_id(x509_ring_at(a, i))), err,
              TRIEN__ERROR__CONFIG_INVALID, "keys: one key is enrolled as %s", names);
    return RC_OK;
}

enum rc x509_enrolled_load(const struct x509_enrolled_files *files, struct err *err,
                           struct x509_enrolled *ret_enrolled)
{
    autoptr(x509_ring_t) registration_authority = NULL;
    autoptr(x509_ring_t) station = NULL;
    autoptr(x509_ring_t) officer = NULL;

    TRY(x509_ring_load(files->registration_authority, err, &registration_authority));
    TRY(x509_ring_load(files->station, err, &station));
    TRY(x509_ring_load(files->officer, err, &officer));
    TRY(check_apart(registration_authority, station, "registration authority and station", err));
    TRY(check_apart(registration_authority, officer, "registration authority and officer", err));
    TRY(check_apart(station, officer, "station and officer", err));
    ret_enrolled->registration_authority = TAKE(registration_authority);
    ret_enrolled->station = TAKE(station);
    ret_enrolled->officer = TAKE(officer);
    return RC_OK;
}

void x509_enrolled_free(struct x509_enrolled *enrolled)
{
    x509_ring_free(&enrolled->registration_authority);
    x509_ring_free(&enrolled->station);
    x509_ring_free(&enrolled->officer);
}

enum rc x509_enrolled_reread(const struct x509_enrolled_files *files,
                             struct x509_enrolled *enrolled, struct err *err)
{
    struct x509_enrolled fresh;

    TRY(x509_enrolled_load(files, err, &fresh));
    x509_ring_swap(enrolled->registration_authority, fresh.registration_authority);
    x509_ring_swap(enrolled->station, fresh.station);
    x509_ring_swap(enrolled->officer, fresh.officer);
    x509_enrolled_free(&fresh);
    return RC_OK;
}

const char *x509_enrolled_json(const struct x509_enrolled *enrolled, struct arena *arena)
{
    return arena_printf(arena,
                        "\"keys\":{\"registration_authority\":%zu,\"station\":%zu,"
                        "\"officer\":%zu}",
                        x509_ring_count(enrolled->registration_authority),
                        x509_ring_count(enrolled->station), x509_ring_count(enrolled->officer));
}
