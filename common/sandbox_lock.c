/* The lock of a child. Strict mode needs no filter: the kernel knows read, write, exit and
 * sigreturn, and kills for anything else. A filter says no more and costs more than the rest of the
 * child, because the kernel compiles it for each (decision 14). Inside a container a filter is in
 * force already and the kernel takes no strict mode beside it: the same four calls as a filter.
 * Sanitizers call more than that before and while they report: their build has an allow-list that
 * denies instead of killing. */
#include <sys/prctl.h>

#include "common/sandbox_zygote.h"

#ifndef TRIEN_ASAN

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "which architecture's system calls are these?"
#endif

#define LOAD(member)                                                                               \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, member))
#define SKIP_IF(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)

static struct sock_filter four_calls[] = {
    LOAD(arch),
    SKIP_IF(ARCHITECTURE, 0, 5),
    LOAD(nr),
    SKIP_IF(SYS_read, 4, 0),
    SKIP_IF(SYS_write, 3, 0),
    SKIP_IF(SYS_exit, 2, 0),
    SKIP_IF(SYS_rt_sigreturn, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};
static struct sock_fprog filter = {sizeof(four_calls) / sizeof(four_calls[0]), four_calls};
static int mode = SECCOMP_MODE_STRICT;

bool sandbox_lock_prepare(void)
{
    int outer = prctl(PR_GET_SECCOMP);

    mode = outer == 0 ? SECCOMP_MODE_STRICT : SECCOMP_MODE_FILTER;
    return outer == 0 || outer == SECCOMP_MODE_FILTER;
}

bool sandbox_lock(void)
{
    return prctl(PR_SET_SECCOMP, mode, &filter) == 0; /* strict mode looks at no filter */
}

#else

#include <errno.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FILTER_MAX = 512 };

static struct sock_filter filter_code[FILTER_MAX];
static struct sock_fprog filter = {0, filter_code};

static bool allow_plain(scmp_filter_ctx rules)
{
    static const int calls[] = {
        SCMP_SYS(brk),           SCMP_SYS(munmap),     SCMP_SYS(mremap),       SCMP_SYS(madvise),
        SCMP_SYS(futex),         SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn), SCMP_SYS(exit),
        SCMP_SYS(clock_gettime), SCMP_SYS(sysinfo),    SCMP_SYS(sigaltstack),
    };
    bool ok = true;

    for (size_t i = 0; i < COUNT_OF(calls); i++)
        ok = ok && seccomp_rule_add(rules, SCMP_ACT_ALLOW, calls[i], 0) == 0;
    return ok;
}

/* Memory without a file behind it and never executable; writing to the one pipe and the report. */
static bool allow_limited(scmp_filter_ctx rules)
{
    return seccomp_rule_add(rules, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
                            SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                            SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS)) == 0 &&
           seccomp_rule_add(rules, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                            SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0 &&
           seccomp_rule_add(rules, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
                            SCMP_A0(SCMP_CMP_EQ, SANDBOX_ANSWER_FD, 0)) == 0 &&
           seccomp_rule_add(rules, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
                            SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO, 0)) == 0;
}

bool sandbox_lock_prepare(void)
{
    scmp_filter_ctx rules = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int code = memfd_create("filter", MFD_CLOEXEC);
    ssize_t size = 0;

    if (rules && code >= 0 && allow_plain(rules) && allow_limited(rules) &&
        seccomp_export_bpf(rules, code) == 0 && lseek(code, 0, SEEK_SET) == 0)
        size = read(code, filter_code, sizeof(filter_code));
    filter.len = (unsigned short)((size_t)size / sizeof(filter_code[0]));
    seccomp_release(rules);
    close(code);
    return size > 0 && (size_t)size < sizeof(filter_code);
}

bool sandbox_lock(void)
{
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

#endif
