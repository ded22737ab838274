/* The process around the part under test: what svc*.c would do, without its threads and listeners.
 */
#pragma once

#include <stdlib.h>

#include "common/svc_internal.h"

static struct svc_message frame_last; /* the newest svc_handled() */

void svc_poke(struct svc *svc)
{
    (void)svc;
}

void svc_waits(struct svc *svc, const char *name, const struct err *why)
{
    (void)svc;
    (void)name;
    (void)why;
}

void svc_fatal(struct svc *svc, const struct err *err)
{
    (void)svc;
    fprintf(stderr, "fatal: %s\n", err->detail);
    abort();
}

int svc_backoff_ms(unsigned attempt, int base_ms, int max_ms)
{
    (void)attempt;
    (void)base_ms;
    (void)max_ms;
    return 0;
}

pthread_t svc_thread(const char *name, void *(*fn)(void *), void *arg)
{
    pthread_t thread;

    (void)name;
    if (pthread_create(&thread, NULL, fn, arg))
        abort();
    return thread;
}

const char *svc_message_name(const ProtobufCMessageDescriptor *descriptor)
{
    return descriptor->short_name;
}

void svc_handled(struct svc *svc, const struct svc_message *message)
{
    (void)svc;
    frame_last = *message;
}
