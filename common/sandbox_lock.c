/* The lock of a child. Strict mode needs no filter: the kernel knows read, write, exit and
 * sigreturn, and kills for anything else. A filter says no more and costs more than the rest of the
 * child, because the kernel compiles it for each (decision 14). Sanitizers call more than that
 * before and while they report: their build has an allow-list that denies instead of killing. */
#include <sys/prctl.h>

#include "common/sandbox_zygote.h"

#ifndef TRIEN_ASAN

#include <linux/seccomp.h>

bool sandbox_lock_prepare(void)
{
    return prctl(PR_GET_SECCOMP) == 0;
}

bool sandbox_lock(void)
{
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0;
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
