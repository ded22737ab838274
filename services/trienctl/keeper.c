/* Keeping one service running: it is started again after it was killed or gave up, with growing
 * pauses, and each time the service's log says so. It judges by the exit status only, never by
 * health, and dies with nothing left behind: the service gets SIGTERM when its keeper is gone. */
#include "services/trienctl/keeper.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "services/trienctl/processes.h"

#define SHORTEST_MS 200U
#define LONGEST_MS 10000U
#define STEADY (30 * USEC_PER_SECOND) /* who ran that long breaks for the first time again */
#define EXIT_CANNOT_START 70

struct keeper {
    const char *service;
    const char *program, *config;
    int state_fd;
    sigset_t signals, before;
    struct process_state state;
    unsigned failures;
    bool stopping;
};

unsigned keeper_delay_ms(unsigned failures, uint32_t random)
{
    unsigned doublings = failures > 1 ? failures - 1 : 0;
    unsigned longest = doublings < 6 ? 2 * SHORTEST_MS << doublings : LONGEST_MS;
    if (longest > LONGEST_MS)
        longest = LONGEST_MS;
    return longest / 2 + random % (longest / 2 + 1);
}

bool keeper_restarts(int wait_status)
{
    if (!WIFEXITED(wait_status))
        return true;
    int status = WEXITSTATUS(wait_status);
    return status != 0 && status != 64 && status != 78;
}

/* In the child: the signals as they were, no longer than the keeper. */
static _Noreturn void become_service(const struct keeper *k, pid_t keeper)
{
    char *const argv[] = {(char *)k->program, (char *)"--config", (char *)k->config, NULL};
    sigprocmask(SIG_SETMASK, &k->before, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() == keeper)
        execv(k->program, argv);
    _exit(EXIT_CANNOT_START);
}

static void start_service(struct keeper *k)
{
    pid_t keeper = getpid(), pid = fork();
    if (pid == 0)
        become_service(k, keeper);
    k->state.service = pid > 0 ? pid : 0;
    process_write_state(k->state_fd, &k->state);
}

static void take_signal(struct keeper *k, int number)
{
    if (number != SIGTERM && number != SIGINT)
        return;
    k->stopping = true;
    if (k->state.service > 0)
        kill(k->state.service, SIGTERM);
}

/* The service's end, as waitpid() tells it. */
static int wait_service(struct keeper *k)
{
    int status = EXIT_CANNOT_START << 8;
    while (k->state.service > 0 && waitpid(k->state.service, &status, WNOHANG) == 0)
        take_signal(k, sigwaitinfo(&k->signals, NULL));
    k->state.service = 0;
    process_write_state(k->state_fd, &k->state);
    return status;
}

static void say_end(const struct keeper *k, int status, unsigned delay_ms)
{
    bool killed = WIFSIGNALED(status);
    log_event(LOG_WARNING, delay_ms ? "service_restarts" : "service_given_up",
              killed ? LOG_INT("signal", WTERMSIG(status)) : LOG_INT("status", WEXITSTATUS(status)),
              LOG_INT("failures", k->failures), LOG_INT("delay_ms", delay_ms));
}

static void pause_ms(struct keeper *k, unsigned delay_ms)
{
    usec end = clock_monotonic() + delay_ms * USEC_PER_MS;
    for (usec left; !k->stopping && (left = end - clock_monotonic()) > 0;) {
        struct timespec limit = {left / USEC_PER_SECOND, left % USEC_PER_SECOND * 1000};
        take_signal(k, sigtimedwait(&k->signals, NULL, &limit));
    }
}

/* One life of the service; false when there shall be no other. */
static bool live_once(struct keeper *k)
{
    usec started = clock_monotonic();
    start_service(k);
    int status = wait_service(k);
    if (k->stopping)
        return false;
    if (!keeper_restarts(status)) {
        if (status != 0)
            say_end(k, status, 0);
        return false;
    }
    k->failures = clock_monotonic() - started >= STEADY ? 1 : k->failures + 1;
    unsigned delay_ms = keeper_delay_ms(k->failures, arc4random());
    say_end(k, status, delay_ms);
    pause_ms(k, delay_ms);
    k->state.restarts++;
    return !k->stopping;
}

int keeper_run(const char *service, int state_fd)
{
    struct keeper k = {
        .service = service,
        .program = arena_printf(ctl_arena(), "%s/trien-%s", ctl_bin_dir(), service),
        .config = ctl_path("etc/%s.conf", service),
        .state_fd = state_fd,
        .state = {.keeper = getpid()},
    };
    prctl(PR_SET_NAME, arena_printf(ctl_arena(), "keep-%s", service));
    log_open(service, "keeper");
    sigemptyset(&k.signals);
    sigaddset(&k.signals, SIGTERM);
    sigaddset(&k.signals, SIGINT);
    sigaddset(&k.signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &k.signals, &k.before);
    while (live_once(&k))
        ;
    return 0;
}
