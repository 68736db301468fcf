// SPDX-License-Identifier: Apache-2.0

#include "bpf/common/privileges.h"
#include "helper/exit_codes.h"

#include <errno.h>
#include <linux/bpf.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>

static bool kept(cap_value_t cap, const cap_value_t *keep, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (keep[i] == cap)
            return true;
    return false;
}

static int drop_bounding(const cap_value_t *keep, unsigned count)
{
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
        return -errno;
    // Without CAP_SETPCAP the bounding set cannot shrink; no_new_privs makes it harmless all the
    // same.
    for (cap_value_t cap = 0; CAP_IS_SUPPORTED(cap); cap++)
        if (!kept(cap, keep, count) && cap_drop_bound(cap) != 0 && errno != EPERM)
            return -errno;
    return 0;
}

static int set_capabilities(const cap_value_t *keep, unsigned count)
{
    cap_t have = cap_get_proc();
    cap_t caps = cap_init();
    int err = have && caps ? 0 : -ENOMEM;
    for (unsigned i = 0; !err && i < count; i++) {
        cap_flag_value_t permitted = CAP_CLEAR;
        if (cap_get_flag(have, keep[i], CAP_PERMITTED, &permitted) != 0 || permitted == CAP_CLEAR)
            continue; // what we do not have we cannot keep
        if (cap_set_flag(caps, CAP_PERMITTED, 1, &keep[i], CAP_SET) != 0 ||
            cap_set_flag(caps, CAP_EFFECTIVE, 1, &keep[i], CAP_SET) != 0)
            err = -errno;
    }
    if (!err && cap_set_proc(caps) != 0)
        err = -errno;
    cap_free(caps);
    cap_free(have);
    return err;
}

int privileges_drop(const struct loader *l, const cap_value_t *keep, unsigned count)
{
    int err = drop_bounding(keep, count);
    if (!err)
        err = set_capabilities(keep, count);
    if (!err && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        err = -errno;
    if (!err)
        return EXIT_OK;
    cli_error(l->program, "cannot drop privileges: %s", strerror(-err));
    return EXIT_FAILED;
}

bool privileges_maps_need_cap_bpf(void)
{
    // There is no way to try it that could be undone, so this is one of the few version tests.
    struct utsname host;
    unsigned major = 0, minor = 0;
    if (uname(&host) != 0 || sscanf(host.release, "%u.%u", &major, &minor) != 2)
        return true;
    return major < 5 || (major == 5 && minor < 19);
}

// What glibc and a poll loop need. Memory and bpf() are limited by their arguments below.
static const int base_calls[] = {
    SCMP_SYS(read),           SCMP_SYS(write),
    SCMP_SYS(writev),         SCMP_SYS(close),
    SCMP_SYS(poll),           SCMP_SYS(ppoll),
    SCMP_SYS(epoll_wait),     SCMP_SYS(epoll_pwait),
    SCMP_SYS(clock_gettime),  SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),      SCMP_SYS(gettimeofday),
    SCMP_SYS(munmap),         SCMP_SYS(mremap),
    SCMP_SYS(madvise),        SCMP_SYS(brk),
    SCMP_SYS(futex),          SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(getrandom),
    SCMP_SYS(exit),           SCMP_SYS(exit_group),
    SCMP_SYS(getpid),         SCMP_SYS(gettid),
    SCMP_SYS(tgkill),         SCMP_SYS(restart_syscall),
    SCMP_SYS(sched_yield),    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),     SCMP_SYS(lseek),
};

// Of programs, maps and links that are open already.
static const int bpf_commands[] = {
    BPF_MAP_LOOKUP_ELEM,
    BPF_MAP_UPDATE_ELEM,
    BPF_MAP_DELETE_ELEM,
    BPF_MAP_GET_NEXT_KEY,
    BPF_MAP_LOOKUP_AND_DELETE_ELEM,
    BPF_MAP_LOOKUP_BATCH,
    BPF_MAP_LOOKUP_AND_DELETE_BATCH,
    BPF_MAP_DELETE_BATCH,
    BPF_PROG_TEST_RUN,
    BPF_LINK_DETACH,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int allow(scmp_filter_ctx filter, const int *calls, size_t count)
{
    int err = 0;
    for (size_t i = 0; !err && i < count; i++) {
        err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
        // -EDOM: this machine has no such call (poll on arm64)
        if (err == -EDOM)
            err = 0;
    }
    return err;
}

static int allow_by_argument(scmp_filter_ctx filter)
{
    int err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (!err)
        err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    for (size_t i = 0; !err && i < COUNT(bpf_commands); i++)
        err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(bpf), 1,
                               SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)bpf_commands[i]));
    return err;
}

int privileges_seccomp(const struct loader *l, const int *extra, unsigned count)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int err = filter ? 0 : -ENOMEM;
    if (!err)
        err = allow(filter, base_calls, COUNT(base_calls));
    if (!err)
        err = allow(filter, extra, count);
    if (!err)
        err = allow_by_argument(filter);
    if (!err)
        err = seccomp_load(filter);
    seccomp_release(filter);
    if (!err)
        return EXIT_OK;
    cli_error(l->program,
              "cannot restrict system calls: %s; the kernel needs CONFIG_SECCOMP_FILTER",
              strerror(-err));
    return EXIT_CANNOT;
}
