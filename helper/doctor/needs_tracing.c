// SPDX-License-Identifier: Apache-2.0
//
// needs_tracing.c - what the bpftrace scripts need.

#include "helper/doctor/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// "bpftrace v0.17.0" on the first line of its --version.
static bool bpftrace_version(char *out, unsigned size, unsigned *major, unsigned *minor)
{
    FILE *pipe = popen("bpftrace --version 2>/dev/null", "re");
    bool any = pipe && fgets(out, (int)size, pipe);
    if (pipe)
        pclose(pipe);
    if (!any)
        return false;
    out[strcspn(out, "\n")] = '\0';
    const char *number = strpbrk(out, "0123456789");
    return number && sscanf(number, "%u.%u", major, minor) == 2;
}

void examine_bpftrace(const struct host *host, struct finding *out)
{
    char line[128] = "";
    unsigned major = 0, minor = 0;
    if (!host_is_here(host)) {
        finding_set(out, FOUND_UNKNOWN, "a copy does not tell");
    } else if (!bpftrace_version(line, sizeof(line), &major, &minor)) {
        finding_set(out, FOUND_NO, "no bpftrace in PATH");
        finding_cure(out, "sudo apt-get install bpftrace (or: dnf install bpftrace)");
    } else if (major == 0 && minor < 17) {
        finding_set(out, FOUND_NO, "%s", line);
        finding_cure(out, "install bpftrace 0.17 or newer: github.com/bpftrace/bpftrace/releases");
    } else {
        finding_set(out, FOUND_YES, "%s", line);
    }
}

void examine_tracefs(const struct host *host, struct finding *out)
{
    if (host_has(host, "/sys/kernel/tracing/available_events") ||
        host_has(host, "/sys/kernel/debug/tracing/available_events")) {
        finding_set(out, FOUND_YES, "/sys/kernel/tracing");
        return;
    }
    if (host_is_here(host) && geteuid() != 0) {
        finding_set(out, FOUND_UNKNOWN, "only root may look into /sys/kernel/tracing");
        return;
    }
    finding_set(out, FOUND_NO, "tracefs is not mounted");
    finding_cure(out, "sudo mount -t tracefs tracefs /sys/kernel/tracing");
}

void examine_kprobes(const struct host *host, struct finding *out)
{
    char text[16];
    if (host_read(host, "/sys/kernel/debug/kprobes/enabled", text, sizeof(text)) &&
        text[0] == '0') {
        finding_set(out, FOUND_NO, "kprobes are switched off");
        finding_cure(out, "echo 1 | sudo tee /sys/kernel/debug/kprobes/enabled");
    } else if (host_has(host, "/sys/bus/event_source/devices/kprobe") ||
               host_has(host, "/sys/kernel/tracing/kprobe_events")) {
        finding_set(out, FOUND_YES, "the kernel has them");
    } else if (!host_has(host, "/sys/bus/event_source/devices")) {
        finding_set(out, FOUND_UNKNOWN, "no /sys/bus/event_source/devices");
    } else {
        finding_set(out, FOUND_NO, "not in this kernel");
        finding_cure(
            out, "boot a kernel with CONFIG_KPROBES=y and CONFIG_KPROBE_EVENTS=y, as distributions "
                 "build them");
    }
}

// Whether the modules of the running kernel, built in or loadable, have sctp.
static bool has_sctp_module(const struct host *host)
{
    static const char *const lists[] = {"modules.dep", "modules.builtin"};
    char release[128], path[256], line[512];
    bool found = false;
    if (!host_release(host, release, sizeof(release)))
        return false;
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists) && !found; i++) {
        snprintf(path, sizeof(path), "%s/lib/modules/%s/%s", host->root, release, lists[i]);
        FILE *file = fopen(path, "re");
        while (file && !found && fgets(line, sizeof(line), file))
            found = strstr(line, "/sctp/sctp.ko") != NULL;
        if (file)
            fclose(file);
    }
    return found;
}

void examine_sctp(const struct host *host, struct finding *out)
{
    if (host_has(host, "/proc/net/sctp")) {
        finding_set(out, FOUND_YES, "loaded");
    } else if (has_sctp_module(host)) {
        finding_set(out, FOUND_NO, "the module is there, but not loaded");
        finding_cure(out, "sudo modprobe sctp (refused? see /etc/modprobe.d/ for a blacklist)");
    } else {
        finding_set(out, FOUND_NO, "no module for this kernel");
        finding_cure(
            out,
            "install the kernel's extra modules (dnf install kernel-modules-extra, apt-get install "
            "linux-modules-extra-$(uname -r)), or boot a kernel with CONFIG_IP_SCTP");
    }
}

void examine_sctp_btf(const struct host *host, struct finding *out)
{
    if (host_has(host, "/sys/kernel/btf/sctp")) {
        finding_set(out, FOUND_YES, "/sys/kernel/btf/sctp");
    } else if (!host_has(host, "/proc/net/sctp")) {
        finding_set(out, FOUND_UNKNOWN, "it is seen once SCTP is loaded");
    } else if (!host_has(host, "/sys/module/sctp/sections")) { // built in: part of vmlinux
        bool btf = host_has(host, "/sys/kernel/btf/vmlinux");
        finding_set(out, btf ? FOUND_YES : FOUND_NO, "SCTP is built into the kernel");
        if (!btf)
            finding_cure(out, "boot a kernel with CONFIG_DEBUG_INFO_BTF=y");
    } else {
        finding_set(out, FOUND_NO, "the module has none");
        finding_cure(out,
                     "boot a kernel with CONFIG_DEBUG_INFO_BTF_MODULES=y (Debian: 6.1 or newer)");
    }
}
