/* Starting, finding and stopping the services of one installation on this machine. Whether a
 * service runs is decided by the lock its keeper holds on run/<service>.pid, never by a number
 * alone. */
#include "services/trienctl/processes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proto/bus.pb-c.h"
#include "services/trienctl/keeper.h"

#define STATE_BYTES 35 /* always the same, so that one write replaces the line */
#define STATE_FD 3

static const char *state_path(const char *service)
{
    return ctl_path("run/%s.pid", service);
}

void process_write_state(int fd, const struct process_state *state)
{
    char line[STATE_BYTES + 1];
    snprintf(line, sizeof(line), "%-10d  %-10d  %-10u\n", (int)state->keeper, (int)state->service,
             state->restarts % 1000000000);
    /* Only status and down read it: what cannot be written cannot be helped here. */
    if (pwrite(fd, line, STATE_BYTES, 0) != STATE_BYTES)
        return;
}

bool process_find(const char *service, struct process_state *ret_state)
{
    char line[STATE_BYTES + 1] = "";
    struct process_state state = {0};
    int fd = open(state_path(service), O_RDONLY | O_CLOEXEC);
    bool kept = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    kept = kept && pread(fd, line, STATE_BYTES, 0) == STATE_BYTES &&
           sscanf(line, "%d %d %u", &state.keeper, &state.service, &state.restarts) == 3 &&
           state.keeper > 1;
    if (fd >= 0)
        close(fd);
    *ret_state = kept ? state : (struct process_state){0};
    return kept;
}

bool process_is_configured(const char *service)
{
    return access(ctl_path("etc/%s.conf", service), R_OK) == 0;
}

/* Output to the log, input from nowhere, a session of its own, no file of the caller's but the
 * locked state file. */
static _Noreturn void become_keeper(const char *service, int lock_fd)
{
    int nowhere = open("/dev/null", O_RDONLY);
    int log = open(ctl_path("log/%s.log", service), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (nowhere < 0 || log < 0 || setsid() < 0 || dup2(nowhere, 0) < 0 || dup2(log, 1) < 0 ||
        dup2(log, 2) < 0 || (lock_fd != STATE_FD && dup2(lock_fd, STATE_FD) < 0))
        _exit(70);
    fcntl(STATE_FD, F_SETFD, FD_CLOEXEC);
    syscall(SYS_close_range, STATE_FD + 1, ~0U, 0);
    _exit(keeper_run(service, STATE_FD));
}

/* The keeper begins when its number is written down: what it writes itself comes later. */
static _Noreturn void wait_and_keep(const char *service, int lock_fd, const int go[2])
{
    char end;
    close(go[1]);
    while (read(go[0], &end, 1) < 0 && errno == EINTR)
        ;
    become_keeper(service, lock_fd);
}

/* The lock is taken here and passed on: when this returns, process_find() knows the keeper. */
enum rc process_start(const char *service, struct err *err)
{
    const char *path = state_path(service);
    int go[2], fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    CHECK(fd >= 0, err, TRIEN__ERROR__INTERNAL, "%s: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return RC_OK;
    }
    if (pipe2(go, O_CLOEXEC) != 0) {
        close(fd);
        FAIL(err, TRIEN__ERROR__INTERNAL, "%s: %s", service, strerror(errno));
    }
    pid_t pid = fork();
    if (pid == 0)
        wait_and_keep(service, fd, go);
    if (pid > 0)
        process_write_state(fd, &(struct process_state){.keeper = pid});
    close(go[0]);
    close(go[1]);
    close(fd);
    CHECK(pid > 0, err, TRIEN__ERROR__INTERNAL, "%s: %s", service, strerror(errno));
    return RC_OK;
}

bool process_reload(const char *service)
{
    struct process_state state;
    return process_find(service, &state) && state.service > 1 && kill(state.service, SIGHUP) == 0;
}

/* A pid as something to poll: readable once the process is gone, whoever its parent is. */
static bool wait_gone(pid_t pid, int timeout_ms)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return errno == ESRCH;
    struct pollfd gone = {.fd = fd, .events = POLLIN};
    int ready = poll(&gone, 1, timeout_ms);
    close(fd);
    return ready == 1;
}

bool process_stop(const char *service, int timeout_ms)
{
    struct process_state state;
    if (!process_find(service, &state) || kill(state.keeper, SIGTERM) != 0 ||
        wait_gone(state.keeper, timeout_ms))
        return true;
    kill(-state.keeper, SIGKILL);
    wait_gone(state.keeper, timeout_ms);
    return false;
}

enum rc process_health(const char *service, int deadline_ms, struct err *err, bool *ret_ok,
                       const char **ret_json)
{
    Trien__GetHealth call = TRIEN__GET_HEALTH__INIT;
    ProtobufCMessage *reply = NULL;
    TRY(ctl_call("operator", service, &call.base, &trien__get_health_reply__descriptor, deadline_ms,
                 err, &reply));
    const Trien__GetHealthReply *health = (const void *)reply;
    *ret_ok = health->ok;
    *ret_json = health->json;
    return RC_OK;
}

const char **process_chosen(int argc, char **argv)
{
    static const char *names[32];
    size_t count = 0;
    for (int i = 0; i < argc && count + 1 < COUNT_OF(names); i++)
        names[count++] = argv[i];
    for (const struct ctl_service *s = ctl_services; argc == 0 && s->name; s++)
        if (process_is_configured(s->name))
            names[count++] = s->name;
    names[count] = NULL;
    return names;
}

const char **process_all(void)
{
    static const char *names[32];
    for (size_t i = 0; ctl_services[i].name && i + 1 < COUNT_OF(names); i++)
        names[i] = ctl_services[i].name;
    return names;
}
