// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/diag.h"
#include "bpf/xdpacct/live.h"
#include "helper/exit_codes.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { TRIAL_FLOWS = 64 };

struct diag_config {
    const char *iface;
    bool no_trial;
};

static const char *yes_no(bool yes)
{
    return yes ? "yes" : "no";
}

static bool has_cap(cap_value_t cap)
{
    cap_flag_value_t set = CAP_CLEAR;
    cap_t have = cap_get_proc();
    bool ok = have && cap_get_flag(have, cap, CAP_EFFECTIVE, &set) == 0 && set == CAP_SET;
    cap_free(have);
    return ok;
}

// "[none] integrity confidentiality" has the mode in force in brackets.
static void print_lockdown(void)
{
    char line[128] = "";
    FILE *f = fopen("/sys/kernel/security/lockdown", "re");
    if (f && fgets(line, sizeof(line), f)) {
        char *open = strchr(line, '['), *close = open ? strchr(open, ']') : NULL;
        if (close)
            *close = '\0', memmove(line, open + 1, strlen(open + 1) + 1);
    }
    if (f)
        fclose(f);
    printf("lockdown: %s\n", line[0] ? line : "not known (no securityfs)");
}

static void print_host(void)
{
    struct utsname host;
    struct rlimit memlock = {0};
    uname(&host);
    getrlimit(RLIMIT_MEMLOCK, &memlock);
    printf("kernel: %s\n", host.release);
    printf("capabilities: CAP_NET_ADMIN %s, CAP_BPF %s, CAP_PERFMON %s\n",
           yes_no(has_cap(CAP_NET_ADMIN)), yes_no(has_cap(CAP_BPF)), yes_no(has_cap(CAP_PERFMON)));
    if (memlock.rlim_cur == RLIM_INFINITY)
        printf("memlock: unlimited\n");
    else
        printf("memlock: %llu KiB (Linux 5.11 and later do not count BPF memory by it)\n",
               (unsigned long long)memlock.rlim_cur >> 10);
    printf("BTF: %s\n", yes_no(access("/sys/kernel/btf/vmlinux", R_OK) == 0));
    print_lockdown();
}

static void print_device(const struct device *d)
{
    printf("interface: %s (%u), %s\n", d->name, d->ifindex,
           d->up ? "up" : "down: nothing would be counted");
    printf("driver: %s%s%s\n", d->driver, d->driver_version[0] ? " " : "", d->driver_version);
    printf("MTU: %u\n", d->mtu);
    if (d->channels_max)
        printf("channels: %u of %u\n", d->channels, d->channels_max);
    printf("merging: lro %s, rx-gro-hw %s%s, rx-gro %s\n", d->lro ? "on" : "off",
           d->gro_hw ? "on" : "off", d->gro_hw_fixed ? " (fixed)" : "", d->gro ? "on" : "off");
    printf("default route: %s\n",
           d->default_route ? "leaves by it; --drop would cut the host off"
           : d->has_upper   ? "may leave by what stands on it; --drop could cut the host off"
                            : "elsewhere");
    if (d->owner.pid)
        printf("program: %u %s, held by %s (pid %d)\n", d->owner.prog_id, d->owner.prog_name,
               d->owner.comm, d->owner.pid);
    else if (d->owner.prog_id)
        printf("program: %u %s, which no process holds\n", d->owner.prog_id, d->owner.prog_name);
    else
        printf("program: none\n");
}

// Attaching makes these take their link down for a moment, which a look must not do.
static bool trial_disturbs(const struct device *d)
{
    static const char *const drivers[] = {"ena",       "ixgbe",   "ixgbevf", "i40e", "ice",
                                          "mlx5_core", "bnxt_en", "igb",     "igc",  "gve"};
    for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
        if (strcmp(d->driver, drivers[i]) == 0)
            return true;
    return false;
}

// Attaches for a moment. Returns 0, or an errno with the kernel's words; -1 if the program did not
// load.
static int try_attach(const struct loader *l, const struct device *d, char words[CAUSE_TEXT_MAX])
{
    struct settings settings = {.verdict = XDP_PASS, .mtu = d->mtu};
    struct prefix_sets nothing = {0};
    struct attachment at = {.link_fd = -1};
    struct acct a;
    if (acct__load(&a, l, &settings, &nothing, TRIAL_FLOWS, false) != EXIT_OK)
        return -1;
    int err = attach_try(&at, d, a.prog_fd, MODE_NATIVE, words);
    attachment__close(&at);
    acct__free(&a);
    return err;
}

static int verdict_by_trial(const struct loader *l, const struct device *d)
{
    char words[CAUSE_TEXT_MAX] = "", cause[CAUSE_TEXT_MAX];
    int err = try_attach(l, d, words);
    if (err == 0) {
        printf("trial: attached in native mode, and detached\n");
        printf("verdict: nothing stands in the way; sudo xdpacct -i %s\n", d->name);
        return EXIT_OK;
    }
    if (err < 0) {
        printf("verdict: the program itself cannot be loaded, see above; driver %s; sudo xdpacct "
               "diag -i %s\n",
               d->driver, d->name);
        return EXIT_CANNOT;
    }
    printf("trial: native mode refused: %s%s%s\n", strerror(err), words[0] ? ": " : "", words);
    cause_of_refusal(d, err, words, true, cause);
    printf("verdict: %s\n", cause);
    return EXIT_CANNOT;
}

static int verdict(const struct loader *l, const struct device *d, bool no_trial)
{
    char cause[CAUSE_TEXT_MAX];
    if (!has_cap(CAP_NET_ADMIN)) {
        cause_of_refusal(d, EPERM, "", true, cause);
        printf("verdict: %s\n", cause);
        return EXIT_CANNOT;
    }
    if (!no_trial && !trial_disturbs(d))
        return verdict_by_trial(l, d);
    printf("trial: not made%s\n", no_trial ? "" : ", as it would take the link down for a moment");
    if (cause_foreseen(d, cause)) {
        printf("verdict: %s\n", cause);
        return EXIT_CANNOT;
    }
    printf("verdict: nothing is known to stand in the way; sudo xdpacct -i %s\n", d->name);
    return EXIT_OK;
}

static int run(const struct program *program, const void *config_, int argc, char **argv)
{
    const struct diag_config *config = config_;
    struct loader l;
    struct device d;
    (void)argc, (void)argv;
    if (!config->iface) {
        cli_error(program, "diag: which interface? give -i IFACE");
        return EXIT_USAGE;
    }
    if (loader_start(&l, program) != 0)
        return EXIT_FAILED;
    print_host();
    int rc = EXIT_CANNOT; // the verdict is what was asked for, also that there is no interface
    if (device__read(&d, config->iface) == 0) {
        print_device(&d);
        rc = verdict(&l, &d, config->no_trial);
    } else {
        char cause[CAUSE_TEXT_MAX];
        cause_of_refusal(&d, ENODEV, "", true, cause);
        printf("verdict: %s\n", cause);
    }
    loader_finish(&l);
    return rc;
}

static const struct opt rows[] = {
    OPT(struct diag_config, iface, 'i', "interface", OPT_TEXT, "IFACE", "the interface to look at"),
    OPT(struct diag_config, no_trial, 0, "no-trial", OPT_FLAG, NULL,
        "judge by what is known of the driver, without attaching for a moment"),
    {0},
};

static const struct opt *const tables[] = {rows, NULL};

const struct command diag_command = {
    .name = "diag",
    .summary = "Tell what would stop an attach here, and the command that cures it",
    .details = "The last line is the verdict: cause; evidence; command.",
    .exit_codes = "0 nothing is known to stand in the way, 1 failed, 2 usage, 4 something does, as "
                  "a missing interface",
    .options = tables,
    .config_size = sizeof(struct diag_config),
    .run = run,
};
