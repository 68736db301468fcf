// SPDX-License-Identifier: Apache-2.0
//
// needs.c - looks for each need of needs.def: kernel, privileges, BPF. What tracing and networking
// need is in needs_tracing.c and needs_network.c.

#include "helper/doctor/doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

const struct need_info need_table[NEED_COUNT] = {
#define NEED(name, words) [NEED_##name] = {#name, words, examine_##name},
#include "helper/doctor/needs.def"
};

static bool version_of(const struct host *host, unsigned *major, unsigned *minor)
{
    char release[128];
    return host_release(host, release, sizeof(release)) &&
           sscanf(release, "%u.%u", major, minor) == 2;
}

void examine_kernel(const struct host *host, struct finding *out)
{
    char release[128] = "";
    unsigned major = 0, minor = 0;
    if (!host_release(host, release, sizeof(release)) || !version_of(host, &major, &minor)) {
        finding_set(out, FOUND_UNKNOWN, "no /proc/sys/kernel/osrelease");
        return;
    }
    bool new_enough = major > 5 || (major == 5 && minor >= 15);
    finding_set(out, new_enough ? FOUND_YES : FOUND_NO, "%s", release);
    if (!new_enough)
        finding_cure(out, "install a kernel of version 5.15 or newer and boot it");
}

// The effective capabilities of a process, from its status file.
static bool capabilities(const struct host *host, uint64_t *out)
{
    char status[4096];
    if (!host_read(host, "/proc/self/status", status, sizeof(status)))
        return false;
    const char *line = strstr(status, "\nCapEff:");
    return line && sscanf(line, "\nCapEff: %" SCNx64, out) == 1;
}

void examine_privileges(const struct host *host, struct finding *out)
{
    static const struct {
        unsigned number;
        const char *name;
    } wanted[] = {{CAP_BPF, "CAP_BPF"},
                  {CAP_PERFMON, "CAP_PERFMON"},
                  {CAP_NET_ADMIN, "CAP_NET_ADMIN"},
                  {CAP_SYS_ADMIN, "CAP_SYS_ADMIN"}};
    uint64_t have = 0;
    char missing[128] = "";
    if (!host_is_here(host) || !capabilities(host, &have)) {
        finding_set(out, FOUND_UNKNOWN, "a copy does not tell");
        return;
    }
    bool admin = have >> CAP_SYS_ADMIN & 1;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
        if (!(have >> wanted[i].number & 1) && !(admin && wanted[i].number != CAP_NET_ADMIN))
            snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing), " %s",
                     wanted[i].name);
    if (!missing[0]) {
        finding_set(out, FOUND_YES, "uid %u, all capabilities that are needed",
                    (unsigned)geteuid());
        return;
    }
    finding_set(out, FOUND_NO, "uid %u without%s", (unsigned)geteuid(), missing);
    finding_cure(out, geteuid() ? "sudo netvitals doctor (and sudo before the tools)"
                                : "give the container these capabilities, or run on the host");
}

void examine_namespace(const struct host *host, struct finding *out)
{
    char map[256];
    unsigned long inside, outside, length;
    if (!host_is_here(host) || !host_read(host, "/proc/self/uid_map", map, sizeof(map)) ||
        sscanf(map, "%lu %lu %lu", &inside, &outside, &length) != 3) {
        finding_set(out, FOUND_UNKNOWN, "a copy does not tell");
    } else if (inside == 0 && outside == 0 && length == UINT32_MAX) {
        finding_set(out, FOUND_YES, "not in a user namespace");
    } else {
        finding_set(out, FOUND_NO, "in a user namespace: its capabilities do not count for BPF");
        finding_cure(out, "run on the host, not in a rootless container");
    }
}

void examine_bpf(const struct host *host, struct finding *out)
{
    if (!host_is_here(host)) {
        finding_set(out, FOUND_UNKNOWN, "a copy does not tell");
        return;
    }
    int err = bpf_try_map(BPF_MAP_TYPE_HASH, 4, 4, 0);
    if (err == 0) {
        finding_set(out, FOUND_YES, "the kernel makes a map");
        return;
    }
    finding_set(out, FOUND_NO, "bpf(BPF_MAP_CREATE): %s", strerror(err));
    if (err == EPERM)
        finding_cure(
            out, "root privileges (above); if they are there, a seccomp filter of the container or "
                 "an LSM refuses bpf()");
    else if (err == ENOSYS)
        finding_cure(out, "boot a kernel with CONFIG_BPF_SYSCALL=y");
}

void examine_btf(const struct host *host, struct finding *out)
{
    if (host_has(host, "/sys/kernel/btf/vmlinux")) {
        finding_set(out, FOUND_YES, "/sys/kernel/btf/vmlinux");
        return;
    }
    finding_set(out, FOUND_NO, "no /sys/kernel/btf/vmlinux");
    finding_cure(
        out, "boot a kernel with CONFIG_DEBUG_INFO_BTF=y (those of Debian, Ubuntu, Fedora and RHEL "
             "have it)");
}

// Since 5.11 (commit d5299b67dd59) maps are charged to the memory cgroup, not to RLIMIT_MEMLOCK.
void examine_memlock(const struct host *host, struct finding *out)
{
    const rlim_t enough = 64 << 20;
    struct rlimit limit;
    unsigned major = 0, minor = 0;
    if (version_of(host, &major, &minor) && (major > 5 || (major == 5 && minor >= 11))) {
        finding_set(out, FOUND_YES, "charged to the cgroup, not to ulimit -l");
    } else if (!host_is_here(host) || getrlimit(RLIMIT_MEMLOCK, &limit) != 0) {
        finding_set(out, FOUND_UNKNOWN, "a copy does not tell");
    } else if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= enough) {
        finding_set(out, FOUND_YES, "ulimit -l is high enough");
    } else {
        finding_set(out, FOUND_NO, "ulimit -l is %llu KiB",
                    (unsigned long long)limit.rlim_cur / 1024);
        finding_cure(out, "ulimit -l unlimited");
    }
}

void examine_lockdown(const struct host *host, struct finding *out)
{
    char text[128];
    if (!host_read(host, "/sys/kernel/security/lockdown", text, sizeof(text))) {
        finding_set(out, FOUND_YES, "no lockdown in this kernel, or securityfs is not mounted");
        return;
    }
    if (strstr(text, "[confidentiality]")) {
        finding_set(out, FOUND_NO,
                    "lockdown is at confidentiality: bpf_probe_read_kernel() is refused");
        finding_cure(out,
                     "boot without lockdown=confidentiality (integrity is enough for Secure Boot)");
        return;
    }
    finding_set(out, FOUND_YES, "lockdown is %s",
                strstr(text, "[integrity]") ? "at integrity" : "off");
}
