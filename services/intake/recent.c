/* A ring of bytes with the newest parts, and a ring of where they lie: the oldest go first,
 * whatever is still asked for. It allocates once and keeps nothing it was not given. */
#include "services/intake/recent.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#define MAX_PARTS 2048
#define LARGEST_SHARE 8 /* of the room for one part */

struct place {
    uint8_t request_id[16];
    uint8_t sha256[32];
    size_t at, n;
    int16_t part;
};

struct recent {
    pthread_mutex_t lock;
    uint8_t *room;
    size_t size, head; /* bytes; where the next part goes */
    size_t first, count;
    struct place places[MAX_PARTS]; /* `count` from `first` on, oldest first */
};

static void *pages(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

enum rc recent_new(size_t size_bytes, struct err *err, struct recent **ret_recent)
{
    struct recent *recent = pages(sizeof(*recent) + size_bytes);

    CHECK(recent, err, TRIEN__ERROR__INTERNAL, "no address space for %zu bytes: %s", size_bytes,
          strerror(errno));
    pthread_mutex_init(&recent->lock, NULL);
    recent->room = (uint8_t *)(recent + 1);
    recent->size = size_bytes;
    *ret_recent = recent;
    return RC_OK;
}

static struct place *place_at(struct recent *recent, size_t i)
{
    return &recent->places[(recent->first + i) % MAX_PARTS];
}

static void forget_oldest(struct recent *recent)
{
    recent->first = (recent->first + 1) % MAX_PARTS;
    recent->count--;
}

/* Where n bytes go; whose bytes lay there is forgotten. The oldest part is the next one behind the
 * head; a part never goes around the end. */
static size_t make_room(struct recent *recent, size_t n)
{
    size_t at = recent->head;

    if (at + n > recent->size) {
        while (recent->count && place_at(recent, 0)->at >= at)
            forget_oldest(recent);
        at = 0;
    }
    while (recent->count && place_at(recent, 0)->at >= at && place_at(recent, 0)->at < at + n)
        forget_oldest(recent);
    if (recent->count == MAX_PARTS)
        forget_oldest(recent);
    recent->head = at + n;
    return at;
}

void recent_put(struct recent *recent, const uint8_t request_id[16], int16_t part,
                struct bytes content, const uint8_t sha256[32])
{
    struct place *place;

    if (!recent || content.n == 0 || content.n > recent->size / LARGEST_SHARE)
        return;
    pthread_mutex_lock(&recent->lock);
    size_t at = make_room(recent, content.n);
    place = place_at(recent, recent->count++);
    *place = (struct place){.at = at, .n = content.n, .part = part};
    memcpy(place->request_id, request_id, sizeof(place->request_id));
    memcpy(place->sha256, sha256, sizeof(place->sha256));
    memcpy(recent->room + at, content.p, content.n);
    pthread_mutex_unlock(&recent->lock);
}

static const struct place *find_place(struct recent *recent, const uint8_t request_id[16],
                                      int16_t part)
{
    for (size_t i = 0; i < recent->count; i++) {
        const struct place *place = place_at(recent, i);

        if (place->part == part && !memcmp(place->request_id, request_id, 16))
            return place;
    }
    return NULL;
}

bool recent_find(struct recent *recent, struct arena *arena, const uint8_t request_id[16],
                 int16_t part, size_t offset, size_t max_bytes, struct part_slice *ret_slice)
{
    const struct place *place;

    if (!recent)
        return false;
    pthread_mutex_lock(&recent->lock);
    place = find_place(recent, request_id, part);
    if (place) {
        size_t from = offset < place->n ? offset : place->n;
        size_t n = place->n - from < max_bytes ? place->n - from : max_bytes;

        ret_slice->chunk = arena_bytes(arena, bytes_of(recent->room + place->at + from, n));
        ret_slice->sha256 = arena_bytes(arena, bytes_of(place->sha256, 32));
        ret_slice->size_bytes = (int64_t)place->n;
    }
    pthread_mutex_unlock(&recent->lock);
    return place != NULL;
}
