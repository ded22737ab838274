/* What a token worker gives up before it loads the module. A list of what is refused, not of what
 * is allowed: modules are other people's programs and differ too much; what they never need is the
 * same for all. SoftHSM needs its files only. */
#include <linux/capability.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/guard.h"
#include "common/token_wire.h"

static const int never[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(kcmp),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(setuid),
    SCMP_SYS(setgid),
    SCMP_SYS(setresuid),
    SCMP_SYS(setresgid),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(symlink),
    SCMP_SYS(symlinkat),
    SCMP_SYS(link),
    SCMP_SYS(linkat),
    SCMP_SYS(mknod),
    SCMP_SYS(mknodat),
};
static const int network_only[] = {
    SCMP_SYS(socket), SCMP_SYS(connect), SCMP_SYS(bind),       SCMP_SYS(listen),
    SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(socketpair),
};

static bool refuse(scmp_filter_ctx filter, const int *calls, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(1 /* EPERM */), calls[i], 0) != 0)
            return false;
    return true;
}

/* Root without capabilities cannot write what is read-only either: see p11.h. */
static bool drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

    return syscall(SYS_capset, &header, none) == 0;
}

bool token_confine(bool network)
{
    struct rlimit none = {0, 0};
    scmp_filter_ctx filter;
    bool ok;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
        setrlimit(RLIMIT_CORE, &none) != 0 || !drop_capabilities())
        return false;
    filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter)
        return false;
    ok = refuse(filter, never, COUNT_OF(never)) &&
         (network || refuse(filter, network_only, COUNT_OF(network_only))) &&
         seccomp_load(filter) == 0;
    seccomp_release(filter);
#ifndef TRIEN_ASAN
    /* Keys and the PIN stay out of swap where the limit on locked memory allows it. */
    if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
        munlockall();
#endif
    return ok;
}
