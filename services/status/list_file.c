/* Lists as files. What the database has is believed because it was checked before it was stored;
 * the digest is looked at once more, as it is what clients are told to compare. */
#include "services/status/list_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/ossl.h"

/* One issuer's list. */
struct place {
    const char *issuer;      /* NULL: nobody's; set once */
    pthread_mutex_t writing; /* who writes a newer one down */
    pthread_mutex_t lock;    /* of what follows */
    int fd;                  /* -1: none yet */
    struct list_row list;
    uint8_t sha256[32]; /* list.sha256 */
};

struct list_files {
    const char *folder;
    pthread_mutex_t lock; /* of giving out places */
    struct place places[AUTHORITY_MAX];
};

struct list_files *list_files_new(struct arena *arena, const char *folder)
{
    struct list_files *files = ARENA_NEW(arena, struct list_files);

    files->folder = folder;
    pthread_mutex_init(&files->lock, NULL);
    for (size_t i = 0; i < AUTHORITY_MAX; i++) {
        pthread_mutex_init(&files->places[i].writing, NULL);
        pthread_mutex_init(&files->places[i].lock, NULL);
        files->places[i].fd = -1;
    }
    return files;
}

/* Ids are those of the authorities that were loaded: there are never more than places. */
static struct place *place_of(struct list_files *files, const char *issuer)
{
    struct place *found = NULL;

    pthread_mutex_lock(&files->lock);
    for (size_t i = 0; !found && i < AUTHORITY_MAX; i++) {
        struct place *place = &files->places[i];

        if (!place->issuer)
            place->issuer = issuer;
        if (strcmp(place->issuer, issuer) == 0)
            found = place;
    }
    pthread_mutex_unlock(&files->lock);
    return found;
}

/* A file of the list that is there; -1 when it is none, or not this one (`sha256` NULL: any). */
static int take(struct place *place, const uint8_t *sha256, struct list_row *ret_list)
{
    int fd = -1;

    pthread_mutex_lock(&place->lock);
    if (place->fd >= 0 && (!sha256 || memcmp(place->sha256, sha256, 32) == 0)) {
        fd = fcntl(place->fd, F_DUPFD_CLOEXEC, 0);
        *ret_list = place->list;
    }
    pthread_mutex_unlock(&place->lock);
    return fd;
}

/* The digest lies in the message's memory, as it may change here. */
static void keep_digest(struct tx *tx, struct list_row *list)
{
    list->sha256 = arena_bytes(tx->arena, list->sha256);
}

/* --- writing one down ----------------------------------------------------------------------------
 */

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* A list on its way from the database into a file. */
struct copying {
    const struct list_row *list;
    int fd;
    uint64_t at;
    EVP_MD_CTX *digest;
};

static enum rc copy_part(struct tx *tx, void *arg)
{
    struct copying *copying = arg;
    struct bytes part = {NULL, 0};

    TRY(store_get_part(tx, copying->list->issuer, copying->list->number, copying->at, &part));
    CHECK(part.n, &tx->err, TRIEN__ERROR__DATABASE_CONFLICT, "a newer list has come meanwhile");
    CHECK(EVP_DigestUpdate(copying->digest, part.p, part.n) == 1, &tx->err,
          TRIEN__ERROR__OVERLOADED, "no digest");
    while (part.n) {
        ssize_t n = pwrite(copying->fd, part.p, part.n, (off_t)copying->at);

        CHECK(n > 0 || (n < 0 && errno == EINTR), &tx->err, TRIEN__ERROR__FILE_UNWRITABLE,
              "a list of %s: %s", copying->list->issuer, strerror(errno));
        n = n > 0 ? n : 0;
        part = bytes_of(part.p + n, part.n - (size_t)n);
        copying->at += (uint64_t)n;
    }
    return RC_OK;
}

static enum rc copy_list(struct tx *tx, const struct list_row *list, int fd)
{
    autoptr(EVP_MD_CTX) digest = EVP_MD_CTX_new();
    struct copying copying = {.list = list, .fd = fd, .digest = digest};
    uint8_t sha256[32];

    CHECK(digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1, &tx->err,
          TRIEN__ERROR__OVERLOADED, "no digest");
    while (copying.at < list->size_bytes)
        TRY(tx_apart(tx, STORE_PART_ARENA_BYTES, copy_part, &copying));
    CHECK(EVP_DigestFinal_ex(digest, sha256, NULL) == 1 &&
              bytes_equal(list->sha256, bytes_of(sha256, 32)),
          &tx->err, TRIEN__ERROR__DATABASE_CONFLICT, "the bytes of a list of %s are another's",
          list->issuer);
    return RC_OK;
}

static void put(struct place *place, const struct list_row *list, int fd)
{
    pthread_mutex_lock(&place->lock);
    close_fd(&place->fd);
    place->fd = fd;
    memcpy(place->sha256, list->sha256.p, 32);
    place->list = *list;
    place->list.issuer = place->issuer;
    place->list.sha256 = bytes_of(place->sha256, 32);
    pthread_mutex_unlock(&place->lock);
}

static enum rc write_down(struct tx *tx, struct list_files *files, struct place *place,
                          const struct list_row *list, int *ret_fd)
{
    char *path = arena_printf(tx->arena, "%s/list-XXXXXX", files->folder);
    __attribute__((cleanup(close_fd))) int fd = mkostemp(path, O_CLOEXEC);
    int own;

    CHECK(fd >= 0 && unlink(path) == 0, &tx->err, TRIEN__ERROR__FILE_UNWRITABLE, "%s: %s", path,
          strerror(errno));
    TRY(copy_list(tx, list, fd));
    own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    CHECK(own >= 0, &tx->err, TRIEN__ERROR__FILE_UNWRITABLE, "%s", strerror(errno));
    put(place, list, fd);
    fd = -1;
    *ret_fd = own;
    return RC_OK;
}

/* --- giving one out ------------------------------------------------------------------------------
 */

/* One thread writes; the others give out what there was before, or wait when there was nothing. */
static enum rc renew(struct tx *tx, struct list_files *files, struct place *place, int *ret_fd,
                     struct list_row *ret_list)
{
    const struct list_row newest = *ret_list;
    enum rc rc = RC_OK;

    if (pthread_mutex_trylock(&place->writing) != 0) {
        if ((*ret_fd = take(place, NULL, ret_list)) >= 0)
            return RC_OK;
        pthread_mutex_lock(&place->writing);
    }
    if ((*ret_fd = take(place, newest.sha256.p, ret_list)) < 0)
        rc = write_down(tx, files, place, &newest, ret_fd);
    pthread_mutex_unlock(&place->writing);
    return rc;
}

enum rc list_files_open(struct tx *tx, struct list_files *files, const char *issuer, int *ret_fd,
                        struct list_row *ret_list)
{
    struct place *place = place_of(files, issuer);
    bool found = false;

    *ret_fd = -1;
    TRY(store_find_list(tx, issuer, &found, ret_list));
    if (!found || !place)
        return RC_OK;
    if ((*ret_fd = take(place, ret_list->sha256.p, ret_list)) < 0)
        TRY(renew(tx, files, place, ret_fd, ret_list));
    keep_digest(tx, ret_list);
    return RC_OK;
}
