/* The process: command line, start, waiting for signals, stop. A wrong configuration or a database
 * of another shape ends it with one clear line; a missing dependency never does. Stopping cleanly
 * is a courtesy with a deadline: everything is correct after a kill as well. */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/svc_parts.h"

#define STOP_DEADLINE_MS 10000
#define EXIT_USAGE 64
#define EXIT_UNAVAILABLE 69
#define EXIT_FATAL 70
#define EXIT_CONFIG 78

/* --- what others ask of the process --------------------------------------------------------------
 */

const struct service *svc_service(const struct svc *svc)
{
    return svc->service;
}

void svc_poke(struct svc *svc)
{
    uint64_t one = 1;
    ssize_t ignored = write(svc->poke_fd, &one, sizeof(one)); /* full means: is awake already */

    (void)ignored;
}

static int exit_status_of(const struct err *err)
{
    switch ((int)err->code) {
    case TRIEN__ERROR__CONFIG_INVALID:
    case TRIEN__ERROR__SCHEMA_MISMATCH:
    case TRIEN__ERROR__KEY_FILE:
    case TRIEN__ERROR__PIN_REFUSED:
        return EXIT_CONFIG;
    default:
        return err_rc(err->code) == RC_RETRY ? EXIT_UNAVAILABLE : EXIT_FATAL;
    }
}

static void begin_stop(struct svc *svc)
{
    uint64_t one = 1;
    ssize_t ignored;

    if (atomic_exchange(&svc->stopping, true))
        return;
    ignored = write(svc->stop_fd, &one, sizeof(one));
    (void)ignored;
}

void svc_fatal(struct svc *svc, const struct err *err)
{
    int none = 0;

    if (atomic_compare_exchange_strong(&svc->exit_status, &none, exit_status_of(err)))
        log_error(LOG_ERROR, "fatal", err);
    begin_stop(svc);
}

int svc_backoff_ms(unsigned attempt, int base_ms, int max_ms)
{
    int wait = base_ms;

    for (unsigned i = 1; i < attempt && wait < max_ms; i++)
        wait *= 2;
    if (wait > max_ms)
        wait = max_ms;
    return wait - wait / 4 + (int)arc4random_uniform((uint32_t)(wait / 2 + 1));
}

pthread_t svc_thread(const char *name, void *(*fn)(void *), void *arg)
{
    sigset_t all, before;
    pthread_t thread;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&thread, NULL, fn, arg))
        abort();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_setname_np(thread, name);
    return thread;
}

/* --- start ---------------------------------------------------------------------------------------
 */

static void harden(void)
{
#if !defined(TRIEN_ASAN) && !defined(TRIEN_DEBUG)
    struct rlimit none = {0, 0};

    prctl(PR_SET_DUMPABLE, 0); /* keys in memory: no core, no ptrace by the same user */
    setrlimit(RLIMIT_CORE, &none);
#endif
    signal(SIGPIPE, SIG_IGN);
    umask(027);
}

/* Fixed thresholds: otherwise glibc raises them after the first 20 MiB body and keeps such memory
 * for ever. Few arenas, because most memory of a message comes from our own. */
static void tame_malloc(void)
{
    mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
    mallopt(M_ARENA_MAX, 4);
}

/* Before anything is forked or started, so that no thread ever takes a signal meant for main. */
static int take_signals(void)
{
    sigset_t ours;

    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGHUP);
    sigaddset(&ours, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &ours, NULL);
    return signalfd(-1, &ours, SFD_CLOEXEC);
}

static enum rc start_all(struct svc *svc, struct err *err)
{
    TRY(bus_server_start(svc, err));
    for (const struct svc_part *const *part = svc->service->parts; part && *part; part++)
        if ((*part)->start)
            TRY((*part)->start(svc, err));
    return RC_OK;
}

static enum rc check_all(struct svc *svc, struct err *err)
{
    TRY(bus_server_check(svc, err));
    for (const struct svc_part *const *part = svc->service->parts; part && *part; part++)
        if ((*part)->check)
            TRY((*part)->check(svc, err));
    return RC_OK;
}

/* --- stop ----------------------------------------------------------------------------------------
 */

static void *enforce_deadline(void *arg)
{
    struct svc *svc = arg;

    poll(NULL, 0, STOP_DEADLINE_MS);
    log_event(LOG_WARNING, "stop_deadline_passed");
    _exit(atomic_load(&svc->exit_status));
}

static void stop_all(struct svc *svc)
{
    const struct svc_part *const *part = svc->service->parts;
    size_t count = 0;

    pthread_detach(svc_thread("deadline", enforce_deadline, svc));
    while (part && part[count])
        count++;
    while (count--)
        if (part[count]->stop)
            part[count]->stop(svc);
    bus_server_stop(svc);
    if (svc->service->late)
        svc->service->late(svc->state);
}

/* SIGHUP. What cannot be read leaves what was read before. */
static void reread(struct svc *svc)
{
    struct err err = {0};

    bus_server_reload_keys(svc);
    if (!svc->service->reread)
        return;
    if (svc->service->reread(svc->own_conf, svc->state, &err) == RC_OK) {
        svc_waits(svc, "reread", NULL);
        log_event(LOG_NOTICE, "reread");
    } else {
        svc_waits(svc, "reread", &err);
    }
}

/* What a service starts ends after it: the keeper of its sandbox, the nursery of its token workers.
 * One that ends before cannot be had again in a process that has threads and secrets by now. */
static void look_for_dead_child(struct svc *svc)
{
    siginfo_t ended = {0};
    struct err err = {0};

    if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid == 0)
        return;
    err.code = TRIEN__ERROR__INTERNAL;
    snprintf(err.detail, sizeof(err.detail), "child %d ended (%s %d)", (int)ended.si_pid,
             ended.si_code == CLD_EXITED ? "status" : "signal", ended.si_status);
    svc_fatal(svc, &err);
}

/* Until somebody wants the process to end. */
static void wait_for_end(struct svc *svc, int signals)
{
    struct pollfd fds[] = {{.fd = signals, .events = POLLIN},
                           {.fd = svc->stop_fd, .events = POLLIN}};

    while (!atomic_load(&svc->stopping)) {
        struct signalfd_siginfo one;

        if (poll(fds, COUNT_OF(fds), -1) < 0 || !(fds[0].revents & POLLIN))
            continue;
        if (read(signals, &one, sizeof(one)) != sizeof(one))
            continue;
        if (one.ssi_signo == SIGCHLD) {
            look_for_dead_child(svc);
            continue;
        }
        log_event(LOG_NOTICE, "signal", LOG_TEXT("name", sigabbrev_np((int)one.ssi_signo)));
        if (one.ssi_signo == SIGHUP)
            reread(svc);
        else
            begin_stop(svc);
    }
}

/* --- the command line ----------------------------------------------------------------------------
 */

static int complain(const struct svc *svc, const struct err *err)
{
    log_error(LOG_ERROR, "cannot_start", err);
    fprintf(stderr, "trien-%s: %s: %s\n", svc->service->name, err_entry(err->code)->name,
            err->detail);
    return exit_status_of(err);
}

static int check(struct svc *svc)
{
    struct err err = {0};

    if (check_all(svc, &err) != RC_OK)
        return complain(svc, &err);
    if (svc->service->late)
        svc->service->late(svc->state);
    printf("trien-%s: configuration, keys and database are as they should be\n",
           svc->service->name);
    return 0;
}

/* The answer goes to standard output; 0 only when the other process is well. */
static int ask(struct svc *svc)
{
    struct err err = {0};
    const char *json = "";
    bool well = false;

    if (svc_ask_health(svc, &err, &well, &json) != RC_OK) {
        fprintf(stderr, "trien-%s: %s\n", svc->service->name, err.detail);
        return EXIT_UNAVAILABLE;
    }
    printf("%s\n", json);
    return well ? 0 : EXIT_UNAVAILABLE;
}

static int run(struct svc *svc, int signals)
{
    struct err err = {0};

    if (start_all(svc, &err) != RC_OK)
        return complain(svc, &err);
    log_event(LOG_NOTICE, "started", LOG_TEXT("version", TRIEN_VERSION),
              LOG_TEXT("bus", svc->core.bus_bind),
              LOG_INT("took_us", clock_monotonic() - svc->started));
    wait_for_end(svc, signals);
    stop_all(svc);
    log_event(LOG_NOTICE, "stopped", LOG_INT("status", atomic_load(&svc->exit_status)));
    return atomic_load(&svc->exit_status);
}

static struct svc *svc_new(const struct service *service)
{
    struct svc *svc = calloc(1, sizeof(*svc));

    if (!svc)
        abort();
    svc->service = service;
    svc->started = clock_monotonic();
    svc->arena = arena_new((size_t)16 * 1024 * 1024);
    svc->waiting = svc_waiting_new();
    svc->poke_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    svc->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (svc->poke_fd < 0 || svc->stop_fd < 0)
        abort();
    return svc;
}

/* What to do with a configuration. */
enum act { RUN, CHECK_ONLY, ASK_HEALTH };

static int with_config(const struct service *service, const char *path, enum act act)
{
    struct svc *svc = svc_new(service);
    struct err err = {0};
    int signals = take_signals();

    harden();
    tame_malloc();
    log_open(service->name, "");
    if (svc_configure(svc, path, &err) != RC_OK)
        return complain(svc, &err);
    if (act == ASK_HEALTH)
        return ask(svc);
    if (service->early && service->early(svc->own_conf, &err, &svc->state) != RC_OK)
        return complain(svc, &err);
    return act == CHECK_ONLY ? check(svc) : run(svc, signals);
}

static int usage(const struct service *service)
{
    fprintf(stderr,
            "usage: trien-%s --config FILE [--check | --health]\n"
            "       trien-%s --flow | --states | --metrics | --help-config | --version\n%s\n",
            service->name, service->name, service->sentence);
    return EXIT_USAGE;
}

int svc_main(const struct service *service, int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, 0, 'c'},
                                            {"check", no_argument, 0, 'k'},
                                            {"health", no_argument, 0, 'a'},
                                            {"flow", no_argument, 0, 'f'},
                                            {"states", no_argument, 0, 's'},
                                            {"metrics", no_argument, 0, 'm'},
                                            {"help-config", no_argument, 0, 'h'},
                                            {"version", no_argument, 0, 'v'},
                                            {0, 0, 0, 0}};
    const char *path = NULL;
    enum act act = RUN;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
        switch (option) {
        case 'c':
            path = optarg;
            break;
        case 'k':
            act = CHECK_ONLY;
            break;
        case 'a':
            act = ASK_HEALTH;
            break;
        case 'f':
            return svc_print_flow(stdout, service), 0;
        case 's':
            return svc_print_states(stdout, service), 0;
        case 'm':
            return svc_print_metrics(stdout), 0;
        case 'h':
            return svc_print_config(stdout, service), 0;
        case 'v':
            return printf("trien-%s %s\n", service->name, TRIEN_VERSION), 0;
        default:
            return usage(service);
        }
    }
    if (!path || optind != argc)
        return usage(service);
    return with_config(service, path, act);
}
