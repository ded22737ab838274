/* The queue of jobs between the bus server's thread and those that do the work. Bounded: what does
 * not fit is refused by the server, never kept silently. */
#include <stdlib.h>

#include "common/bus_server.h"

void jobs_init(struct job_queue *queue, size_t limit)
{
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->wake, NULL);
    queue->first = NULL;
    queue->last = &queue->first;
    queue->count = 0;
    queue->limit = limit;
    queue->closed = false;
}

void jobs_done(struct job_queue *queue)
{
    struct job *job;

    while ((job = queue->first)) {
        queue->first = job->next;
        job_free(job);
    }
    pthread_cond_destroy(&queue->wake);
    pthread_mutex_destroy(&queue->lock);
}

bool jobs_put(struct job_queue *queue, struct job *job)
{
    bool taken;

    pthread_mutex_lock(&queue->lock);
    taken = !queue->closed && queue->count < queue->limit;
    if (taken) {
        job->next = NULL;
        *queue->last = job;
        queue->last = &job->next;
        queue->count++;
        pthread_cond_signal(&queue->wake);
    }
    pthread_mutex_unlock(&queue->lock);
    return taken;
}

struct job *jobs_take(struct job_queue *queue)
{
    struct job *job;

    pthread_mutex_lock(&queue->lock);
    while (!queue->first && !queue->closed)
        pthread_cond_wait(&queue->wake, &queue->lock);
    job = queue->first;
    if (job) {
        queue->first = job->next;
        if (!queue->first)
            queue->last = &queue->first;
        queue->count--;
    }
    pthread_mutex_unlock(&queue->lock);
    return job;
}

struct job *jobs_take_all(struct job_queue *queue)
{
    struct job *all;

    pthread_mutex_lock(&queue->lock);
    all = queue->first;
    queue->first = NULL;
    queue->last = &queue->first;
    queue->count = 0;
    pthread_mutex_unlock(&queue->lock);
    return all;
}

void jobs_close(struct job_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->wake);
    pthread_mutex_unlock(&queue->lock);
}

void job_free(struct job *job)
{
    zmq_msg_close(&job->frame);
    free(job);
}
