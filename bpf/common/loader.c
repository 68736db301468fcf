// SPDX-License-Identifier: Apache-2.0

#include "bpf/common/loader.h"
#include "bpf/common/libbpf_log.h"
#include "helper/exit_codes.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

int loader_start(struct loader *l, const struct program *program)
{
    *l = (struct loader){.program = program, .signal_fd = -1};
    libbpf_log_capture();
    // A reader that went away is noticed by EPIPE (writer.h).
    signal(SIGPIPE, SIG_IGN);

    // A shell starts background jobs with SIGINT ignored, and what is ignored never arrives.
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &stop, NULL) == 0)
        l->signal_fd = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
    if (l->signal_fd >= 0)
        return 0;
    int err = errno;
    cli_error(program, "cannot receive signals through a file: %s", strerror(err));
    return -err;
}

void loader_finish(struct loader *l)
{
    if (l->signal_fd >= 0)
        close(l->signal_fd);
    l->signal_fd = -1;
}

int loader_signal(const struct loader *l)
{
    struct signalfd_siginfo info;
    return read(l->signal_fd, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : 0;
}

const char *loader_signal_name(int signal)
{
    return signal == SIGINT ? "SIGINT" : signal == SIGTERM ? "SIGTERM" : "signal";
}

static bool has_capability(cap_t have, cap_value_t cap)
{
    cap_flag_value_t set = CAP_CLEAR;
    if (cap_get_flag(have, cap, CAP_EFFECTIVE, &set) == 0 && set == CAP_SET)
        return true;
    // CAP_BPF and CAP_PERFMON (5.8) were split off CAP_SYS_ADMIN, which still implies both.
    if (cap != CAP_BPF && cap != CAP_PERFMON)
        return false;
    return cap_get_flag(have, CAP_SYS_ADMIN, CAP_EFFECTIVE, &set) == 0 && set == CAP_SET;
}

// Appends the names of missing capabilities to text, as "CAP_BPF, CAP_NET_ADMIN".
static void list_missing(const struct loader_needs *needs, cap_t have, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < needs->cap_count && used < size; i++) {
        if (has_capability(have, needs->caps[i]))
            continue;
        char *name = cap_to_name(needs->caps[i]);
        for (char *c = name; c && *c; c++)
            if (*c >= 'a' && *c <= 'z')
                *c = (char)(*c - 'a' + 'A');
        int n = snprintf(text + used, size - used, "%s%s", used ? ", " : "", name ? name : "?");
        used += n > 0 ? (size_t)n : 0;
        cap_free(name);
    }
}

int loader_require(const struct loader *l, const struct loader_needs *needs)
{
    // An impossible command number tells "no bpf() at all" from every refusal of a command.
    if (syscall(SYS_bpf, -1, NULL, 0) < 0 && errno == ENOSYS) {
        cli_error(l->program, "this kernel has no bpf(): it needs CONFIG_BPF_SYSCALL");
        return EXIT_CANNOT;
    }
    char missing[256] = "";
    cap_t have = cap_get_proc();
    if (have) {
        list_missing(needs, have, missing, sizeof(missing));
        cap_free(have);
    }
    if (missing[0]) {
        cli_error(l->program,
                  "lacks %s; run it with sudo, or in a container add these capabilities", missing);
        return EXIT_CANNOT;
    }
    if (needs->btf && access("/sys/kernel/btf/vmlinux", R_OK) != 0) {
        cli_error(l->program,
                  "cannot read the kernel's type information, /sys/kernel/btf/vmlinux: %s; mount "
                  "/sys, or "
                  "use a kernel with CONFIG_DEBUG_INFO_BTF",
                  strerror(errno));
        return EXIT_CANNOT;
    }
    return EXIT_OK;
}

static bool kernel_cannot(int err)
{
    // 524 is the kernel's internal ENOTSUPP, which some attach paths let out.
    return err == EPERM || err == EACCES || err == EINVAL || err == EOPNOTSUPP || err == ENOSYS ||
           err == E2BIG || err == 524;
}

int loader_fail(const struct loader *l, int err, const char *what, ...)
{
    if (err < 0)
        err = -err;
    char text[512];
    va_list args;
    va_start(args, what);
    vsnprintf(text, sizeof(text), what, args);
    va_end(args);

    const char *reason = libbpf_log_reason();
    const char *words = err == 524 ? "not supported by this kernel" : strerror(err);
    const char *cure = err == EPERM
                           ? "; a memory lock limit, a lockdown mode or a missing capability "
                             "can be the cause"
                           : "";
    if (reason[0] && err)
        cli_error(l->program, "cannot %s: %s (%s)%s", text, reason, words, cure);
    else
        cli_error(l->program, "cannot %s: %s%s", text, words, cure);
    return kernel_cannot(err) ? EXIT_CANNOT : EXIT_FAILED;
}
