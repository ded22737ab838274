/* Keeper, zygote and children. The keeper only replaces a killed zygote. The zygote reads
 * descriptors and forks; the child locks itself in and works. Nothing here trusts the child: every
 * limit is the kernel's, none is the child's own good will. */
#include "common/sandbox_zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef TRIEN_ASAN
#define FORBIDDEN SCMP_ACT_ERRNO(EPERM) /* the sanitizer looks around before it reports */
#else
#define FORBIDDEN SCMP_ACT_KILL_PROCESS
#endif

enum { ANSWER_FD = 3, CONTROL_FD = 4, FIRST_OTHER_FD = 5 };
enum { FILTER_MAX = 512 };

static struct sock_filter filter_code[FILTER_MAX];
static struct sock_fprog filter = {0, filter_code};

static void die(const char *what)
{
    /* Goes to the service's standard error at start, to /dev/null later. */
    dprintf(STDERR_FILENO, "sandbox: %s: errno %d\n", what, errno);
    _exit(70);
}

/* --- the filter, made once --- */

static void allow_plain(scmp_filter_ctx rules)
{
    static const int calls[] = {
        SCMP_SYS(brk),           SCMP_SYS(munmap),     SCMP_SYS(mremap),       SCMP_SYS(madvise),
        SCMP_SYS(futex),         SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn), SCMP_SYS(exit),
        SCMP_SYS(clock_gettime), SCMP_SYS(sysinfo), /* qsort asks how much memory there is */
    };

    for (size_t i = 0; i < COUNT_OF(calls); i++)
        if (seccomp_rule_add(rules, SCMP_ACT_ALLOW, calls[i], 0) != 0)
            die("rule");
}

static void allow_limited(scmp_filter_ctx rules)
{
    int failed = 0;

    /* Memory without a file behind it and never executable; writing to the one pipe. */
    failed |= seccomp_rule_add(rules, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                               SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
    failed |= seccomp_rule_add(rules, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    failed |= seccomp_rule_add(rules, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
                               SCMP_A0(SCMP_CMP_EQ, ANSWER_FD, 0));
#ifdef TRIEN_ASAN
    failed |= seccomp_rule_add(rules, SCMP_ACT_ALLOW, SCMP_SYS(sigaltstack), 0);
    failed |= seccomp_rule_add(rules, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
                               SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO, 0));
#endif
    if (failed)
        die("rule");
}

/* Compiles the rules to BPF here, so that a child needs one system call to be locked in. */
static void make_filter(void)
{
    scmp_filter_ctx rules = seccomp_init(FORBIDDEN);
    int code = memfd_create("filter", MFD_CLOEXEC);
    ssize_t size;

    if (!rules || code < 0)
        die("filter");
    allow_plain(rules);
    allow_limited(rules);
    if (seccomp_export_bpf(rules, code) != 0 || lseek(code, 0, SEEK_SET) != 0)
        die("filter export");
    size = read(code, filter_code, sizeof(filter_code));
    if (size <= 0 || (size_t)size >= sizeof(filter_code))
        die("filter size");
    filter.len = (unsigned short)((size_t)size / sizeof(filter_code[0]));
    seccomp_release(rules);
    close(code);
}

/* --- the child --- */

static void on_limit(int signal_number)
{
    static const char says = SANDBOX_SAYS_LIMIT;

    (void)signal_number;
    _exit(write(ANSWER_FD, &says, 1) == 1 ? 0 : 1);
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
    p = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, input, 0);
    if (p == MAP_FAILED)
        _exit(70);
    return bytes_of(p, (size_t)status.st_size);
}

/* Order matters: limits, then files, then the filter that forbids all of this. */
static void lock_in(const struct sandbox_profile *profile, int answer)
{
    rlim_t seconds = profile->cpu_ms / 1000 + 1;
    struct rlimit cpu = {seconds, seconds};

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || setrlimit(RLIMIT_CPU, &cpu) != 0)
        _exit(70);
    set_timer(ITIMER_REAL, profile->deadline_ms);
    set_timer(ITIMER_PROF, profile->cpu_ms);
    if (dup2(answer, ANSWER_FD) != ANSWER_FD || close_range(ANSWER_FD + 1, ~0U, 0) != 0)
        _exit(70);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        _exit(70);
}

static bool write_all(const void *bytes, size_t size)
{
    const uint8_t *p = bytes;

    while (size > 0) {
        ssize_t n = write(ANSWER_FD, p, size);
        if (n <= 0)
            return false;
        p += n;
        size -= (size_t)n;
    }
    return true;
}

static _Noreturn void child(const struct sandbox_profile *profile, int input_fd, int answer)
{
    static const uint8_t ready = SANDBOX_SAYS_READY;
    struct bytes input = map_input(input_fd), output;
    uint8_t head[1 + sizeof(uint32_t)] = {SANDBOX_SAYS_ANSWER};
    uint32_t size;

    lock_in(profile, answer);
    if (!write_all(&ready, 1))
        _exit(1);
    output = profile->job(input);
    if (output.n > profile->answer_limit_bytes)
        on_limit(0);
    size = (uint32_t)output.n;
    memcpy(head + 1, &size, sizeof(size));
    _exit(write_all(head, sizeof(head)) && write_all(output.p, output.n) ? 0 : 1);
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

#ifndef TRIEN_ASAN
static rlim_t address_space_now(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (!file || fscanf(file, "%lu", &pages) != 1)
        die("statm");
    fclose(file);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}
#endif

static void set_limits(const struct sandbox_profile *profile)
{
    static const struct rlimit none = {0, 0}, files = {16, 16};

    if (setrlimit(RLIMIT_CORE, &none) != 0 || setrlimit(RLIMIT_NOFILE, &files) != 0)
        die("limits");
#ifndef TRIEN_ASAN
    rlim_t room = address_space_now() + (rlim_t)profile->memory_mib * 1024 * 1024;
    struct rlimit memory = {room, room};
    static const struct rlimit small = {64 * 1024, 64 * 1024};

    /* FSIZE stops even an inherited file from growing; memfds of the filter are made before. */
    if (setrlimit(RLIMIT_AS, &memory) != 0 || setrlimit(RLIMIT_FSIZE, &none) != 0 ||
        setrlimit(RLIMIT_MEMLOCK, &small) != 0)
        die("limits");
#else
    (void)profile;
#endif
}

/* Only the control socket stays open; the standard three become /dev/null, and so does the place of
 * the answer until a child has one. Both are first moved out of the way of what they replace. */
static void set_files(int control)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), high_null, high_control;

    high_null = fcntl(null, F_DUPFD_CLOEXEC, FIRST_OTHER_FD);
    high_control = fcntl(control, F_DUPFD_CLOEXEC, FIRST_OTHER_FD);
    if (null < 0 || high_null < 0 || high_control < 0)
        die("files");
    if (dup2(high_null, STDIN_FILENO) < 0 || dup2(high_null, STDOUT_FILENO) < 0 ||
        dup2(high_null, ANSWER_FD) < 0 || dup2(high_control, CONTROL_FD) < 0)
        die("files");
#ifndef TRIEN_ASAN
    if (dup2(high_null, STDERR_FILENO) < 0)
        die("files");
#endif
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
        n = recvmsg(CONTROL_FD, &message, MSG_CMSG_CLOEXEC);
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
    while ((zygote = fork()) != 0) {
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

_Noreturn void sandbox_zygote(const struct sandbox_profile *profile, int control)
{
    int fds[2];

    set_signals();
    set_files(control);
    if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        die("prctl");
    leave_keeper();
    if (prctl(PR_SET_NAME, profile->name) != 0)
        die("prctl");
    make_filter();
    if (profile->warm_up && !profile->warm_up())
        die("warm-up");
    set_limits(profile);
    /* Only the first of these is read. */
    if (send(CONTROL_FD, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1 && errno != EAGAIN)
        _exit(0);
    while (receive(fds)) {
        if (fork() == 0)
            child(profile, fds[0], fds[1]);
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
