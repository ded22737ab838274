/* Threads of a service's own, beside the frame's: index writer, token keeper. */
#pragma once

#include <pthread.h>

#include "common/guard.h"

/** Starts a thread that gets no signals (they belong to the frame's loop). FATAL INTERNAL. */
enum rc threads_start(const char *name, void *(*fn)(void *), void *arg, struct err *err,
                      pthread_t *ret_thread) MUST_USE;
