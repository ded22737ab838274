/* The sandbox: what a child may not do, what ends it, and what its caller then hears. The program
 * in the sandbox is this one once more: sandbox_new() starts it with arguments. */
#include "common/sandbox.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/sandbox_zygote.h"

#define ANSWER_LIMIT 4096u

/* --- the jobs, chosen by the input's first byte --- */

static struct bytes echo(struct bytes input)
{
    return bytes_of(input.p + 1, input.n - 1);
}

static struct bytes crash(struct bytes input)
{
    (void)input;
    raise(SIGSEGV);
    __builtin_trap();
}

static struct bytes spin(struct bytes input)
{
    for (volatile uint64_t i = 0;; i++)
        ;
    return input;
}

static struct bytes too_much(struct bytes input)
{
    static uint8_t answer[ANSWER_LIMIT + 1];

    (void)input;
    return bytes_of(answer, sizeof(answer));
}

/* Breaks the frame: half an answer, then the end. */
static struct bytes lie(struct bytes input)
{
    static const uint8_t half[] = {'A', 200, 0, 0, 0, 'x'};

    for (;;)
        syscall(SYS_exit, write(SANDBOX_ANSWER_FD, half, sizeof(half)) > 0 ? 0 : 1);
    return input;
}

/* Every way out. In the release build the first one ends the child; in the sanitizer build each is
 * denied. */
static long attempt(uint8_t which)
{
    switch (which) {
    case 0:
        return syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
    case 1:
        return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
    case 2:
        return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    case 3:
        return syscall(SYS_execve, "/bin/true", NULL, NULL);
    case 4:
        return syscall(SYS_kill, getppid(), 0);
    case 5:
        return syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0);
    case 6:
        return (long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    case 7:
        return write(0, "x", 1);
    case 8:
        return syscall(SYS_setitimer, 0, NULL, NULL);
    case 9:
        return syscall(SYS_recvmsg, 4, NULL, 0);
    case 10:
        return syscall(SYS_prctl, PR_GET_SECCOMP, 0, 0, 0, 0);
    case 11: /* from here on what only the sanitizers' build may do */
        return (long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    default:
        return syscall(SYS_brk, 0);
    }
}

static struct bytes escape(struct bytes input)
{
    return attempt(input.p[1]) < 0 ? bytes_of("denied", 6) : bytes_of("escaped", 7);
}

static struct bytes job(struct bytes input)
{
    static struct bytes (*const jobs[])(struct bytes) = {echo, crash, spin, too_much, lie, escape};

    return jobs[input.p[0]](input);
}

/* --- the tests --- */

static const struct sandbox_profile usual = {.program = "/proc/self/exe",
                                             .cpu_ms = 200,
                                             .deadline_ms = 600,
                                             .memory_mib = 64,
                                             .answer_limit_bytes = ANSWER_LIMIT};

struct fixture {
    struct sandbox *sandbox;
    struct arena *arena;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err err = {0};

    f->arena = arena_new(16 * 1024 * 1024);
    *state = f;
    return sandbox_new(&usual, &err, &f->sandbox) == RC_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    sandbox_free(&f->sandbox);
    assert_null(f->sandbox);
    arena_free(&f->arena);
    free(f);
    return 0;
}

static enum sandbox_end run(struct fixture *f, const void *input, size_t size,
                            struct bytes *ret_answer)
{
    struct err err = {0};
    enum sandbox_end end = SANDBOX_CRASHED;

    assert_int_equal(
        sandbox_run(f->sandbox, bytes_of(input, size), f->arena, &err, &end, ret_answer), RC_OK);
    return end;
}

static void test_answer_comes_back(void **state)
{
    struct bytes answer;

    assert_int_equal(run(*state, "\0hello", 6, &answer), SANDBOX_ANSWERED);
    assert_int_equal(answer.n, 5);
    assert_memory_equal(answer.p, "hello", 5);
    assert_int_equal(run(*state, "\0", 1, &answer), SANDBOX_ANSWERED);
    assert_int_equal(answer.n, 0);
}

static void test_crash_is_one_job(void **state)
{
    struct bytes answer;

    assert_int_equal(run(*state, "\1", 1, &answer), SANDBOX_CRASHED);
    assert_int_equal(run(*state, "\4", 1, &answer), SANDBOX_CRASHED);
    assert_true(sandbox_alive(((struct fixture *)*state)->sandbox));
    assert_int_equal(run(*state, "\0x", 2, &answer), SANDBOX_ANSWERED);
}

static void test_limits(void **state)
{
    struct bytes answer;

    assert_int_equal(run(*state, "\2", 1, &answer), SANDBOX_LIMIT);
    assert_int_equal(run(*state, "\3", 1, &answer), SANDBOX_LIMIT);
}

static void test_the_clock_is_a_limit(void **state)
{
    struct sandbox_profile patient = usual;
    struct fixture f = *(struct fixture *)*state;
    struct bytes answer;
    struct err err = {0};

    patient.cpu_ms = 60000;
    patient.deadline_ms = 100;
    assert_int_equal(sandbox_new(&patient, &err, &f.sandbox), RC_OK);
    assert_int_equal(run(&f, "\2", 1, &answer), SANDBOX_LIMIT);
    sandbox_free(&f.sandbox);
}

static void test_program_that_does_not_start(void **state)
{
    static const char *const programs[] = {"/nowhere/trien-inspect", "/bin/true"};
    struct sandbox_profile other = usual;
    struct sandbox *none = NULL;
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(programs); i++) {
        other.program = programs[i];
        assert_int_equal(sandbox_new(&other, &err, &none), RC_FATAL);
        assert_null(none);
    }
}

static void test_no_way_out(void **state)
{
#ifdef TRIEN_ASAN
    const uint8_t last = 10;
#else
    const uint8_t last = 12;
#endif

    for (uint8_t i = 0; i <= last; i++) {
        uint8_t input[] = {5, i};
        struct bytes answer;
        enum sandbox_end end = run(*state, input, sizeof(input), &answer);

#ifdef TRIEN_ASAN
        assert_int_equal(end, SANDBOX_ANSWERED);
        assert_memory_equal(answer.p, "denied", 6);
#else
        /* Strict mode leaves write() to the files that are open: there is one. */
        assert_int_equal(end, i == 7 ? SANDBOX_ANSWERED : SANDBOX_CRASHED);
        if (end == SANDBOX_ANSWERED)
            assert_memory_equal(answer.p, "denied", 6);
#endif
    }
}

static void *ask_often(void *fixture)
{
    struct fixture *f = fixture;
    struct arena *arena = arena_new(1024 * 1024);
    size_t wrong = 0;

    for (unsigned i = 0; i < 50; i++) {
        char text[32];
        int n = snprintf(text, sizeof(text), "%c%p %u", 0, (void *)arena, i);
        enum sandbox_end end;
        struct bytes answer;
        struct err err = {0};

        if (sandbox_run(f->sandbox, bytes_of(text, (size_t)n), arena, &err, &end, &answer) !=
                RC_OK ||
            end != SANDBOX_ANSWERED || answer.n != (size_t)n - 1 ||
            memcmp(answer.p, text + 1, answer.n) != 0)
            wrong++;
    }
    arena_free(&arena);
    return (void *)wrong;
}

static void test_many_threads_get_their_own_answers(void **state)
{
    pthread_t threads[4];
    void *wrong;

    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, *state), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
}

/* Asked of the kernel, so that the test need not peek: this process has a keeper, it has a zygote.
 */
static pid_t only_child_of(pid_t pid)
{
    char path[64], text[64] = "";
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    fclose(file);
    return (pid_t)strtol(text, NULL, 10);
}

static void test_killed_zygote_is_replaced(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    enum sandbox_end end;
    struct bytes answer;

    for (int i = 0; i < 3; i++) {
        enum rc rc = RC_RETRY;
        assert_int_equal(kill(only_child_of(only_child_of(getpid())), SIGKILL), 0);
        /* What the dead one had already taken is lost and asked for again. */
        for (int asked = 0; rc == RC_RETRY && asked < 3; asked++)
            rc = sandbox_run(f->sandbox, bytes_of("\0x", 2), f->arena, &err, &end, &answer);
        assert_int_equal(rc, RC_OK);
        assert_int_equal(end, SANDBOX_ANSWERED);
        assert_true(sandbox_alive(f->sandbox));
    }
}

static void test_dead_keeper_is_noticed(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    enum sandbox_end end;
    struct bytes answer;
    siginfo_t ended;
    pid_t keeper = only_child_of(getpid());

    assert_int_equal(kill(keeper, SIGKILL), 0);
    assert_int_equal(waitid(P_PID, (id_t)keeper, &ended, WEXITED | WNOWAIT), 0);
    /* The kernel takes the zygote along a moment later. */
    for (int waited = 0; sandbox_alive(f->sandbox) && waited < 5000; waited++)
        poll(NULL, 0, 1);
    assert_false(sandbox_alive(f->sandbox));
    assert_int_equal(sandbox_run(f->sandbox, bytes_of("\0x", 2), f->arena, &err, &end, &answer),
                     RC_RETRY);
    assert_int_equal(err.code, TRIEN__ERROR__INSPECTOR_UNAVAILABLE);
}

int main(int argc, char **argv)
{
    static const struct sandbox_work work = {.name = "test", .job = job};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answer_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_crash_is_one_job, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_limits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_clock_is_a_limit, set_up, tear_down),
        cmocka_unit_test(test_program_that_does_not_start),
        cmocka_unit_test_setup_teardown(test_no_way_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_threads_get_their_own_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_killed_zygote_is_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dead_keeper_is_noticed, set_up, tear_down),
    };

    if (argc > 1)
        sandbox_serve(&work, argc, argv);
    return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
