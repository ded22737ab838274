/* Starting, finding and stopping the services of one installation on this machine. It stops by pid
 * file only, after looking that the pid is still that program; it never restarts anything. */
#include "services/trienctl/processes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/bus.pb-c.h"

extern char **environ;

static const char *pid_path(const char *service)
{
    return ctl_path("run/%s.pid", service);
}

/* The program behind a pid is ours, by the name the kernel keeps of it (15 characters). Its
 * executable cannot be asked: processes that hold secrets hide it even from their own user. */
static bool is_service(pid_t pid, const char *service)
{
    char path[64], name[32] = "", wanted[16];
    snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    snprintf(wanted, sizeof(wanted), "%s", arena_printf(ctl_arena(), "trien-%s", service));
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    bool has_name = fgets(name, sizeof(name), file) != NULL;
    fclose(file);
    name[strcspn(name, "\n")] = '\0';
    return has_name && strcmp(name, wanted) == 0;
}

pid_t process_find(const char *service)
{
    struct err err = {0};
    struct bytes text;
    if (ctl_read_file(pid_path(service), 32, &err, &text) != RC_OK)
        return 0;
    pid_t pid = atoi((const char *)text.p);
    return pid > 1 && is_service(pid, service) ? pid : 0;
}

bool process_is_configured(const char *service)
{
    return access(ctl_path("etc/%s.conf", service), R_OK) == 0;
}

/* Output to the log, input from nowhere, a session of its own. */
static int spawn(const char *program, char *const argv[], const char *log, pid_t *ret_pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    int failed = posix_spawn(ret_pid, program, &files, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return failed;
}

enum rc process_start(const char *service, struct err *err)
{
    const char *program = arena_printf(ctl_arena(), "%s/trien-%s", ctl_bin_dir(), service);
    char *const argv[] = {(char *)program, (char *)"--config",
                          (char *)ctl_path("etc/%s.conf", service), NULL};
    pid_t pid = 0;
    int failed = spawn(program, argv, ctl_path("log/%s.log", service), &pid);
    CHECK(failed == 0, err, TRIEN__ERROR__INTERNAL, "%s: %s", program, strerror(failed));
    const char *text = arena_printf(ctl_arena(), "%d\n", (int)pid);
    return ctl_write_file(pid_path(service), 0644, bytes_of_text(text), err);
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
    pid_t pid = process_find(service);
    bool by_itself = true;
    if (pid > 0 && kill(pid, SIGTERM) == 0 && !wait_gone(pid, timeout_ms)) {
        by_itself = false;
        kill(pid, SIGKILL);
        wait_gone(pid, timeout_ms);
    }
    unlink(pid_path(service));
    return by_itself;
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
