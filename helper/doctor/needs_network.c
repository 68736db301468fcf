// SPDX-License-Identifier: Apache-2.0
//
// needs_network.c - what the loaders and the cgroup scripts need.

#include "helper/doctor/doctor.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

static void examine_mount(const struct host *host, struct finding *out, const char *type,
                          const char *cure)
{
    char where[256];
    if (host_mount(host, type, where, sizeof(where))) {
        finding_set(out, FOUND_YES, "%s", where);
        return;
    }
    finding_set(out, host_has(host, "/proc/self/mounts") ? FOUND_NO : FOUND_UNKNOWN, "not mounted");
    finding_cure(out, "%s", cure);
}

void examine_cgroup_v2(const struct host *host, struct finding *out)
{
    examine_mount(host, out, "cgroup2",
                  "sudo mkdir -p /sys/fs/cgroup/unified && "
                  "sudo mount -t cgroup2 none /sys/fs/cgroup/unified");
}

void examine_cgroups(const struct host *host, struct finding *out)
{
    char where[256];
    if (host_mount(host, "cgroup", where, sizeof(where)))
        finding_set(out, FOUND_YES, "v1 at %s", where);
    else
        examine_cgroup_v2(host, out);
}

// What trying says. EPERM is the business of the need `privileges`.
static void say_tried(struct finding *out, int err, const char *option)
{
    if (err == 0) {
        finding_set(out, FOUND_YES, "the kernel takes it");
    } else if (err == EPERM) {
        finding_set(out, FOUND_UNKNOWN, "not allowed to try");
    } else {
        finding_set(out, FOUND_NO, "%s", strerror(err));
        finding_cure(out, "boot a kernel with %s", option);
    }
}

void examine_sockmap(const struct host *host, struct finding *out)
{
    if (!host_is_here(host)) {
        finding_set(out, FOUND_UNKNOWN, "a copy does not tell");
        return;
    }
    int err = bpf_try_map(BPF_MAP_TYPE_SOCKHASH, 4, 8, 0);
    if (err == 0)
        err = bpf_try_program(BPF_PROG_TYPE_SK_MSG, BPF_SK_MSG_VERDICT);
    say_tried(out, err, "CONFIG_BPF_STREAM_PARSER=y and CONFIG_NET_SOCK_MSG=y");
}

void examine_xdp(const struct host *host, struct finding *out)
{
    if (!host_is_here(host)) {
        finding_set(out, FOUND_UNKNOWN, "a copy does not tell");
        return;
    }
    int err = bpf_try_program(BPF_PROG_TYPE_XDP, BPF_XDP);
    if (err == 0)
        err = bpf_try_map(BPF_MAP_TYPE_LPM_TRIE, 8, 4, BPF_F_NO_PREALLOC);
    say_tried(out, err, "CONFIG_NET=y and CONFIG_BPF_SYSCALL=y");
}
