/* The service's half of the sandbox: starts the program, hands it work, collects the answer. It
 * believes nothing a child writes beyond the frame of the answer, and waits no longer than the
 * deadline. */
#include "common/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/sandbox_zygote.h"

#define GRACE_MS                                                                                   \
    1000u /* the kernel's own alarm comes first; this is for a machine that stands still */

#define ANSWERS_SOON_MS 20 /* and what is larger than a pipe is read no sooner */

struct sandbox {
    struct sandbox_profile profile;
    int control; /* SOCK_SEQPACKET: each send is one whole job, so threads need no lock */
    pid_t keeper;
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define autoclose __attribute__((cleanup(close_fd))) int

static bool wait_for(int fd, int timeout_ms)
{
    struct pollfd wanted = {fd, POLLIN, 0};
    int n;

    do
        n = poll(&wanted, 1, timeout_ms);
    while (n < 0 && errno == EINTR);
    return n > 0;
}

static bool zygote_is_ready(int control)
{
    char byte;

    return wait_for(control, 30000) && recv(control, &byte, 1, 0) == 1;
}

/* In the forked child: nothing but the control socket and standard error goes along. */
static _Noreturn void become_keeper(const struct sandbox_profile *profile, int control)
{
    char cpu[16], deadline[16], memory[16], answer[16];
    char *const arguments[] = {
        (char *)(uintptr_t)profile->program, cpu, deadline, memory, answer, NULL};

    snprintf(cpu, sizeof(cpu), "%u", profile->cpu_ms);
    snprintf(deadline, sizeof(deadline), "%u", profile->deadline_ms);
    snprintf(memory, sizeof(memory), "%u", profile->memory_mib);
    snprintf(answer, sizeof(answer), "%u", profile->answer_limit_bytes);
    if (control == SANDBOX_CONTROL_FD ? fcntl(control, F_SETFD, 0) == 0
                                      : dup2(control, SANDBOX_CONTROL_FD) == SANDBOX_CONTROL_FD)
        execve(profile->program, arguments, (char *[]){NULL});
    dprintf(STDERR_FILENO, "%s: errno %d\n", profile->program, errno);
    _exit(70);
}

enum rc sandbox_new(const struct sandbox_profile *profile, struct err *err,
                    struct sandbox **ret_sandbox)
{
    struct sandbox *sandbox = calloc(1, sizeof(*sandbox));
    int pair[2];

    CHECK(sandbox, err, TRIEN__ERROR__INTERNAL, "out of memory");
    sandbox->profile = *profile;
    sandbox->control = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        free(sandbox);
        FAIL(err, TRIEN__ERROR__INTERNAL, "socketpair: errno %d", errno);
    }
    sandbox->keeper = fork();
    if (sandbox->keeper == 0)
        become_keeper(profile, pair[1]);
    close(pair[1]);
    sandbox->control = pair[0];
    if (sandbox->keeper < 0 || !zygote_is_ready(sandbox->control)) {
        sandbox_free(&sandbox);
        FAIL(err, TRIEN__ERROR__INTERNAL, "%s did not start", profile->program);
    }
    *ret_sandbox = sandbox;
    return RC_OK;
}

void sandbox_free(struct sandbox **sandbox)
{
    if (!*sandbox)
        return;
    close((*sandbox)->control);
    if ((*sandbox)->keeper > 0)
        while (waitpid((*sandbox)->keeper, NULL, 0) < 0 && errno == EINTR)
            ;
    free(*sandbox);
    *sandbox = NULL;
}

bool sandbox_alive(const struct sandbox *sandbox)
{
    struct pollfd end = {sandbox->control, 0, 0};

    return poll(&end, 1, 0) >= 0 && !(end.revents & (POLLHUP | POLLERR | POLLNVAL));
}

/* A memory file that holds the input; -1 when there is no room for it. */
static int put_input(struct bytes input)
{
    int fd = memfd_create("input", MFD_CLOEXEC);

    for (size_t done = 0; fd >= 0 && done < input.n;) {
        ssize_t n = write(fd, input.p + done, input.n - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            close(fd);
            return -1;
        }
        done += (size_t)n;
    }
    return fd;
}

static bool send_job(int control, int input, int answer)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } rights = {0};
    struct iovec part = {(char[]){0}, 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = rights.room,
                             .msg_controllen = sizeof(rights.room)};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    ssize_t n;

    *head = (struct cmsghdr){CMSG_LEN(2 * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(head), (int[]){input, answer}, 2 * sizeof(int));
    do
        n = sendmsg(control, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == 1;
}

/* Sleeps until the child has ended, and not for what it says before: an answer waits in the pipe.
 * One that is too large for it waits for a reader, so this is only for so long. */
static void wait_for_end(int fd)
{
    struct pollfd end = {fd, 0, 0};

    while (poll(&end, 1, ANSWERS_SOON_MS) < 0 && errno == EINTR)
        ;
}

/* Reads until `size` bytes are there, the end, or the deadline. */
static ssize_t read_until(int fd, uint8_t *ret_bytes, size_t size, usec deadline)
{
    size_t done = 0;

    while (done < size) {
        usec left = deadline - clock_monotonic();
        ssize_t n;

        if (left <= 0 || !wait_for(fd, (int)(left / USEC_PER_MS) + 1))
            return -1;
        n = read(fd, ret_bytes + done, size - done);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

/* The frame of sandbox_zygote.h, and nothing behind it. */
static enum sandbox_end read_answer(const struct sandbox *sandbox, int fd, usec deadline,
                                    struct arena *arena, struct bytes *ret_answer)
{
    uint8_t head[1 + sizeof(uint32_t)], beyond;
    uint32_t size;
    uint8_t *answer;
    ssize_t n = read_until(fd, head, sizeof(head), deadline);

    if (n < 0 || (n >= 1 && head[0] == SANDBOX_SAYS_LIMIT))
        return SANDBOX_LIMIT;
    if (n != (ssize_t)sizeof(head) || head[0] != SANDBOX_SAYS_ANSWER)
        return SANDBOX_CRASHED;
    memcpy(&size, head + 1, sizeof(size));
    if (size > sandbox->profile.answer_limit_bytes)
        return SANDBOX_CRASHED;
    answer = arena_alloc(arena, (size_t)size + 1);
    n = read_until(fd, answer, size, deadline);
    if (n < 0)
        return SANDBOX_LIMIT;
    if (n != (ssize_t)size || read_until(fd, &beyond, 1, deadline) != 0)
        return SANDBOX_CRASHED;
    *ret_answer = bytes_of(answer, size);
    return SANDBOX_ANSWERED;
}

static enum rc run_once(struct sandbox *sandbox, struct bytes input, struct arena *arena,
                        struct err *err, enum sandbox_end *ret_end, struct bytes *ret_answer)
{
    usec deadline =
        clock_monotonic() + (usec)(sandbox->profile.deadline_ms + GRACE_MS) * USEC_PER_MS;
    autoclose memory = put_input(input);
    autoclose reader = -1;
    int ends[2];
    bool sent;
    uint8_t ready;

    CHECK(memory >= 0, err, TRIEN__ERROR__INSPECTOR_UNAVAILABLE, "no memory file: errno %d", errno);
    CHECK(pipe2(ends, O_CLOEXEC) == 0, err, TRIEN__ERROR__INSPECTOR_UNAVAILABLE, "pipe: errno %d",
          errno);
    reader = ends[0];
    sent = send_job(sandbox->control, memory, ends[1]);
    close(ends[1]);
    CHECK(sent, err, TRIEN__ERROR__INSPECTOR_UNAVAILABLE, "the zygote has gone");
    wait_for_end(reader);
    CHECK(read_until(reader, &ready, 1, deadline) == 1 && ready == SANDBOX_SAYS_READY, err,
          TRIEN__ERROR__INSPECTOR_UNAVAILABLE, "no child came to life");
    *ret_end = read_answer(sandbox, reader, deadline, arena, ret_answer);
    return RC_OK;
}

enum rc sandbox_run(struct sandbox *sandbox, struct bytes input, struct arena *arena,
                    struct err *err, enum sandbox_end *ret_end, struct bytes *ret_answer)
{
    enum sandbox_end end;
    struct bytes answer = {0};

    TRY(run_once(sandbox, input, arena, err, &end, &answer));
    /* The system may have killed it, out of memory or with the zygote: the input's own fault comes
     * again. */
    if (end == SANDBOX_CRASHED)
        TRY(run_once(sandbox, input, arena, err, &end, &answer));
    *ret_end = end;
    if (end == SANDBOX_ANSWERED)
        *ret_answer = answer;
    return RC_OK;
}
