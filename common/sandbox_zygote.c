/* Keeper, zygote and children. The keeper only replaces a killed zygote. The zygote reads
 * descriptors and forks; the child locks itself in and works. Nothing here trusts the child: every
 * limit is the kernel's, none is the child's own good will. */
#include "common/sandbox_zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_OTHER_FD = SANDBOX_CONTROL_FD + 1 };

static void die(const char *what)
{
    /* Goes to the service's standard error at start, to /dev/null later. */
    dprintf(STDERR_FILENO, "sandbox: %s: errno %d\n", what, errno);
    _exit(70);
}

/* A process of one thread needs none of what the library does around a fork, and in a program that
 * is linked statically with a heap of its own the library's fork() cannot stand. */
static pid_t fork_plainly(void)
{
    return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

/* --- the child --- */

/* _exit() ends all threads of a process, which is another system call. */
static _Noreturn void end(int status)
{
    for (;;)
        syscall(SYS_exit, status);
}

static void on_limit(int signal_number)
{
    static const char says = SANDBOX_SAYS_LIMIT;

    (void)signal_number;
    end(write(SANDBOX_ANSWER_FD, &says, 1) == 1 ? 0 : 1);
}

static void set_timer(__itimer_which_t which, unsigned ms)
{
    struct itimerval when = {.it_value = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000) * 1000}};

    if (setitimer(which, &when, NULL) != 0)
        _exit(70);
}

static struct bytes map_input(int input)
{
    struct stat status;
    void *p;

    if (fstat(input, &status) != 0 || status.st_size <= 0)
        _exit(70);
    p = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, input, 0);
    if (p == MAP_FAILED)
        _exit(70);
    return bytes_of(p, (size_t)status.st_size);
}

/* The stack the warm-up needed: asked for at once instead of page by page. An older kernel does not
 * know how, and nothing is lost. */
static void touch_stack(void)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE),
              here = (uintptr_t)__builtin_frame_address(0) & ~(page - 1);

    madvise((void *)(here - 3 * page), 4 * page, MADV_POPULATE_WRITE);
}

/* Order matters: limits, then files, then the lock that forbids all of this. */
static void lock_in(const struct sandbox_profile *profile, int answer)
{
    rlim_t seconds = profile->cpu_ms / 1000 + 1;
    struct rlimit cpu = {seconds, seconds};

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || setrlimit(RLIMIT_CPU, &cpu) != 0)
        _exit(70);
    set_timer(ITIMER_REAL, profile->deadline_ms);
    set_timer(ITIMER_PROF, profile->cpu_ms);
    if (dup2(answer, SANDBOX_ANSWER_FD) != SANDBOX_ANSWER_FD ||
        close_range(SANDBOX_ANSWER_FD + 1, ~0U, 0) != 0)
        _exit(70);
#ifndef TRIEN_ASAN /* whose report goes to standard error */
    if (close_range(0, SANDBOX_ANSWER_FD - 1, 0) != 0)
        _exit(70);
#endif
    if (!sandbox_lock())
        _exit(70);
}

static bool write_all(const void *bytes, size_t size)
{
    const uint8_t *p = bytes;

    while (size > 0) {
        ssize_t n = write(SANDBOX_ANSWER_FD, p, size);
        if (n <= 0)
            return false;
        p += n;
        size -= (size_t)n;
    }
    return true;
}

/* In one piece when it is small, so that the service wakes once. */
static bool say(struct bytes output)
{
    static uint8_t frame[16 * 1024] = {SANDBOX_SAYS_ANSWER};
    const size_t head = 1 + sizeof(uint32_t);
    size_t first = output.n < sizeof(frame) - head ? output.n : sizeof(frame) - head;
    uint32_t size = (uint32_t)output.n;

    memcpy(frame + 1, &size, sizeof(size));
    if (first > 0)
        memcpy(frame + head, output.p, first);
    return write_all(frame, head + first) && write_all(output.p + first, output.n - first);
}

static _Noreturn void child(const struct sandbox_work *work, const struct sandbox_profile *profile,
                            int input_fd, int answer)
{
    static const uint8_t ready = SANDBOX_SAYS_READY;
    struct bytes input = map_input(input_fd), output;

    touch_stack();
    if (work->touch_memory)
        work->touch_memory();
    lock_in(profile, answer);
    if (!write_all(&ready, 1))
        end(1);
    output = work->job(input);
    if (output.n > profile->answer_limit_bytes)
        on_limit(0);
    end(say(output) ? 0 : 1);
}

/* --- the zygote --- */

/* Nothing of the service's own handling is inherited. Who ends the service is not the zygote's
 * business: the socket tells. */
static void set_signals(void)
{
    static const int deaf[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
    struct sigaction usual = {.sa_handler = SIG_DFL}, limit = {.sa_handler = on_limit},
                     ignored = {.sa_handler = SIG_IGN};
    sigset_t none;

    for (int i = 1; i < NSIG; i++)
        sigaction(i, &usual, NULL);
    for (size_t i = 0; i < COUNT_OF(deaf); i++)
        sigaction(deaf[i], &ignored, NULL);
    sigaction(SIGALRM, &limit, NULL);
    sigaction(SIGPROF, &limit, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* FSIZE stops even an inherited file from growing. */
static void set_limits(void)
{
    static const struct rlimit none = {0, 0}, files = {16, 16};

    if (setrlimit(RLIMIT_CORE, &none) != 0 || setrlimit(RLIMIT_NOFILE, &files) != 0)
        die("limits");
#ifndef TRIEN_ASAN
    if (setrlimit(RLIMIT_FSIZE, &none) != 0 || setrlimit(RLIMIT_MEMLOCK, &none) != 0)
        die("limits");
#endif
}

/* Only the control socket stays open; the standard three become /dev/null, and so does the place of
 * the answer until a child has one. */
static void set_files(void)
{
    static const int places[] = {STDIN_FILENO, STDOUT_FILENO, SANDBOX_ANSWER_FD,
#ifndef TRIEN_ASAN
                                 STDERR_FILENO
#endif
    };
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null < 0 || fcntl(SANDBOX_CONTROL_FD, F_SETFD, FD_CLOEXEC) != 0)
        die("files");
    for (size_t i = 0; i < COUNT_OF(places); i++)
        if (null != places[i] && dup2(null, places[i]) < 0)
            die("files");
    if (close_range(FIRST_OTHER_FD, ~0U, 0) != 0)
        die("files");
}

/* One {input, answer} pair; false when the service has gone. */
static bool receive(int ret_fds[2])
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } control;
    char byte;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof(control.room)};
    ssize_t n;
    struct cmsghdr *head;

    do
        n = recvmsg(SANDBOX_CONTROL_FD, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    head = n == 1 ? CMSG_FIRSTHDR(&message) : NULL;
    if (!head || head->cmsg_len != CMSG_LEN(2 * sizeof(int)) || head->cmsg_type != SCM_RIGHTS)
        return false;
    memcpy(ret_fds, CMSG_DATA(head), 2 * sizeof(int));
    return true;
}

/* Returns in the zygote; what stays behind makes another one when it was killed, and ends when it
 * ended by itself. The socket stays open meanwhile, and so jobs wait in it. */
static void leave_keeper(void)
{
    static const struct timespec pause = {0, 50 * 1000 * 1000}; /* should it die again and again */
    int status;
    pid_t zygote;

    if (prctl(PR_SET_NAME, "trien-keeper") != 0)
        die("prctl");
    while ((zygote = fork_plainly()) != 0) {
        if (zygote < 0)
            die("fork");
        while (waitpid(zygote, &status, 0) < 0 && errno == EINTR)
            ;
        if (!WIFSIGNALED(status))
            _exit(WEXITSTATUS(status));
        nanosleep(&pause, NULL);
    }
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        die("prctl");
}

static void make_ready(const struct sandbox_work *work, const struct sandbox_profile *profile)
{
    if (prctl(PR_SET_NAME, work->name) != 0)
        die("prctl");
    if (work->give_memory && !work->give_memory((size_t)profile->memory_mib * 1024 * 1024))
        die("memory");
    if (!sandbox_lock_prepare())
        die("lock");
    if (work->warm_up && !work->warm_up())
        die("warm-up");
    set_limits();
    /* Only the first of these is read. */
    if (send(SANDBOX_CONTROL_FD, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1 && errno != EAGAIN)
        _exit(0);
}

static _Noreturn void serve(const struct sandbox_work *work, const struct sandbox_profile *profile)
{
    int fds[2];

    while (receive(fds)) {
        if (fork_plainly() == 0)
            child(work, profile, fds[0], fds[1]);
        close(fds[0]);
        close(fds[1]);
        /* Those that have ended since: their CPU time is counted with ours. */
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
    }
    while (waitpid(-1, NULL, 0) > 0)
        ;
    _exit(0);
}

static bool read_arguments(int argc, char **argv, struct sandbox_profile *ret_profile)
{
    unsigned numbers[4];
    struct stat control;

    if (argc != 1 + (int)COUNT_OF(numbers) || fstat(SANDBOX_CONTROL_FD, &control) != 0 ||
        !S_ISSOCK(control.st_mode))
        return false;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        char *rest;
        unsigned long number = strtoul(argv[1 + i], &rest, 10);

        if (*rest || rest == argv[1 + i] || number == 0 || number > UINT32_MAX)
            return false;
        numbers[i] = (unsigned)number;
    }
    *ret_profile =
        (struct sandbox_profile){argv[0], numbers[0], numbers[1], numbers[2], numbers[3]};
    return true;
}

_Noreturn void sandbox_serve(const struct sandbox_work *work, int argc, char **argv)
{
    struct sandbox_profile profile;

    if (!read_arguments(argc, argv, &profile)) {
        dprintf(STDERR_FILENO, "%s is started by the services, never by hand\n", argv[0]);
        _exit(64);
    }
    set_signals();
    set_files();
    if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        die("prctl");
    leave_keeper();
    make_ready(work, &profile);
    serve(work, &profile);
}
