/* Claims: two calls with the same order id are worked one after the other, so that the second finds
 * the first one's answer in the journal and no second signature is ever made. */
#include <pthread.h>
#include <string.h>

#include "services/signer/signer.h"

struct claims {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char orders[SIGNER_MAX_CLAIMS][JOURNAL_ORDER_CHARS + 1]; /* "" is free */
};

struct claims *claims_new(struct arena *arena)
{
    struct claims *claims = ARENA_NEW(arena, struct claims);

    pthread_mutex_init(&claims->lock, NULL);
    pthread_cond_init(&claims->changed, NULL);
    return claims;
}

void claims_done(struct claims *claims)
{
    pthread_cond_destroy(&claims->changed);
    pthread_mutex_destroy(&claims->lock);
}

/* The place of an order, or a free one, or -1 when all are taken by others. */
static int find_place(const struct claims *claims, const char *order_id)
{
    int free_place = -1;

    for (int i = 0; i < SIGNER_MAX_CLAIMS; i++) {
        if (strcmp(claims->orders[i], order_id) == 0)
            return i;
        if (claims->orders[i][0] == '\0')
            free_place = i;
    }
    return free_place;
}

void claims_take(struct claims *claims, const char *order_id)
{
    int place;

    pthread_mutex_lock(&claims->lock);
    while ((place = find_place(claims, order_id)) < 0 || claims->orders[place][0])
        pthread_cond_wait(&claims->changed, &claims->lock);
    /* Its length was checked with the call's form. */
    memcpy(claims->orders[place], order_id, strlen(order_id) + 1);
    pthread_mutex_unlock(&claims->lock);
}

void claims_give(struct claims *claims, const char *order_id)
{
    pthread_mutex_lock(&claims->lock);
    claims->orders[find_place(claims, order_id)][0] = '\0';
    pthread_cond_broadcast(&claims->changed);
    pthread_mutex_unlock(&claims->lock);
}
