/* Starting a thread with all signals blocked, so that the frame's signalfd sees every one. */
#include "common/threads.h"

#include <signal.h>
#include <string.h>

enum rc threads_start(const char *name, void *(*fn)(void *), void *arg, struct err *err,
                      pthread_t *ret_thread)
{
    sigset_t all, before;
    int failed;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(ret_thread, NULL, fn, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    CHECK(!failed, err, TRIEN__ERROR__INTERNAL, "thread %s: %s", name, strerror(failed));
    pthread_setname_np(*ret_thread, name);
    return RC_OK;
}
