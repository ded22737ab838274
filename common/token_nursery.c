/* The nursery: forked first thing in main, single-threaded, without secrets; forks a worker for
 * every byte it is sent and hands its socket and pidfd back. Dies with the signer, and the workers
 * die with it. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/token_wire.h"

static bool hand_over(int socket, pid_t pid, int worker, int pidfd)
{
    struct token_birth birth = {pid};
    struct iovec iov = {&birth, sizeof(birth)};
    union {
        char room[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    int fds[2] = {worker, pidfd};

    if (pid > 0) {
        struct cmsghdr *header = &control.align;

        message.msg_control = control.room;
        message.msg_controllen = sizeof(control.room);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(fds));
        memcpy(CMSG_DATA(header), fds, sizeof(fds));
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL) == (ssize_t)sizeof(birth);
}

static bool bear(const struct token_config *config, int socket)
{
    int pair[2], pidfd;
    pid_t pid;
    bool ok;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return hand_over(socket, -errno, -1, -1);
    pid = fork();
    if (pid == 0) {
        close(pair[0]);
        close(socket);
        token_worker(config, pair[1]);
    }
    close(pair[1]);
    pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (pidfd < 0) {
        if (pid > 0)
            kill(pid, SIGKILL);
        pid = -errno;
    }
    ok = hand_over(socket, pid, pair[0], pidfd);
    close(pair[0]);
    if (pidfd >= 0)
        close(pidfd);
    return ok;
}

_Noreturn void token_nursery(const struct token_config *config, int socket)
{
    struct sigaction reap = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
    sigset_t none;
    char byte;

    prctl(PR_SET_NAME, "trien-nursery");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigaction(SIGCHLD, &reap, NULL);
    signal(SIGINT, SIG_IGN);  /* a terminal's Ctrl-C is the signer's business */
    signal(SIGTERM, SIG_IGN); /* likewise: it drains first, and they die with it */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (;;) {
        ssize_t n = recv(socket, &byte, 1, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n != 1 || !bear(config, socket))
            _exit(0);
    }
}
