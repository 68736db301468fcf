// SPDX-License-Identifier: Apache-2.0
//
// causes.c - the table of causes. The first row that fits is the answer, so that special ones stand
// first.
//
// The kernel's messages are those of drivers/net/* and net/core/dev.c; where a driver refuses
// without words (ixgbe), or older kernels drop them (bpf_link before 6.6), driver and number
// decide. In COMMAND, %s is the interface.

#include "bpf/xdpacct/causes.h"

#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>

enum {
    ENA_MTU_MAX = 3498,  // 4096 - 14 - 4 - 4 - 256 - 320, linux 6.1 ena_netdev.h
    PAGE_MTU_MAX = 3498, // of drivers that want a frame in one page, about
    XEN_MTU_MAX = 3840,
};

static bool ena_mtu(const struct device *d)
{
    return d->mtu > ENA_MTU_MAX;
}

static bool ena_queues(const struct device *d)
{
    return d->channels_max && d->channels * 2 > d->channels_max;
}

static bool big_mtu(const struct device *d)
{
    return d->mtu > PAGE_MTU_MAX;
}

static bool xen_mtu(const struct device *d)
{
    return d->mtu > XEN_MTU_MAX;
}

static bool lro_on(const struct device *d)
{
    return d->lro;
}

static bool gro_hw_on(const struct device *d)
{
    return d->gro_hw;
}

static bool by_link(const struct device *d)
{
    return d->owner.link_id != 0;
}

static bool by_dispatcher(const struct device *d)
{
    return strcmp(d->owner.prog_name, "xdp_dispatcher") == 0;
}

static bool by_netlink(const struct device *d)
{
    return d->owner.prog_id != 0 && d->owner.link_id == 0;
}

static bool upper(const struct device *d)
{
    return d->has_upper;
}

enum evidence { SHOW_NOTHING, SHOW_MTU, SHOW_CHANNELS, SHOW_FEATURES, SHOW_OWNER, SHOW_DRIVER };

struct cause {
    int err;            // 0: any
    const char *text;   // part of the kernel's message, or NULL
    const char *driver; // or NULL: any
    bool (*fits)(const struct device *d);
    bool foreseen; // known before an attach is tried
    enum evidence evidence;
    const char *cause;
    const char *command;
};

static const struct cause causes[] = {
    {EBUSY, NULL, NULL, by_dispatcher, false, SHOW_OWNER,
     "libxdp's dispatcher holds the interface, and it takes programs only from libxdp",
     "xdp-loader status %s  # and stop what it lists, or count on another interface"},
    {EBUSY, NULL, NULL, by_link, false, SHOW_OWNER,
     "another program is attached by a link, which cannot be replaced",
     "stop its owner; it leaves %s with it"},
    {EBUSY, NULL, NULL, by_netlink, false, SHOW_OWNER,
     "another program was attached by netlink and stays until removed",
     "ip link set dev %s xdp off  # if nobody needs it any more"},
    {EBUSY, NULL, NULL, NULL, false, SHOW_OWNER, "another program holds the interface",
     "bpftool net show dev %s"},
    {EEXIST, "Native and generic", NULL, NULL, false, SHOW_OWNER,
     "a program is attached in the other mode, and both at once cannot be",
     "stop its owner, or: ip link set dev %s xdp off"},
    {EEXIST, NULL, NULL, upper, false, SHOW_OWNER,
     "a device above this one (bond, bridge) has a program already",
     "attach to the upper device; see: ip -d link show dev %s"},
    {EEXIST, NULL, NULL, NULL, false, SHOW_OWNER,
     "a program is attached in the other mode, and both at once cannot be",
     "stop its owner, or: ip link set dev %s xdp off"},
    {EINVAL, NULL, "ena", ena_mtu, true, SHOW_MTU,
     "ENA takes native XDP only with frames in one page",
     "ip link set dev %s mtu 3498  # or --frags on with driver 2.14 and later"},
    {EINVAL, NULL, "ena", ena_queues, true, SHOW_CHANNELS,
     "ENA needs half of its channels for XDP (until driver 2.17)",
     "ethtool -L %s combined $(( MAX / 2 ))"},
    {EOPNOTSUPP, "GRO_HW/CSUM", "virtio_net", NULL, false, SHOW_FEATURES,
     "the hypervisor merges packets for this virtio device and does not let the guest turn that "
     "off",
     "on the host: guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off,guest_csum=off; or "
     "here: xdpacct -i %s --mode generic"},
    {EINVAL, "any_header_sg", "virtio_net", NULL, false, SHOW_DRIVER, "old virtio header layout",
     "use a newer machine type on the host; or: xdpacct -i %s --mode generic"},
    {EINVAL, "MTU too large", "virtio_net", NULL, false, SHOW_MTU,
     "virtio wants a frame in one page",
     "ip link set dev %s mtu 1500  # or --frags on with Linux 6.3 and later"},
    {ENOMEM, "Too few free TX rings", "virtio_net", NULL, false, SHOW_CHANNELS,
     "fewer queue pairs than CPUs", "give %s more queues on the host, or fewer in use: ethtool -L"},
    {ERANGE, NULL, "veth", NULL, false, SHOW_MTU,
     "the veth peer's MTU is larger than a page (it sends what we must read)",
     "on the peer of %s: ip link set dev PEER mtu 1500; or here: --frags on"},
    {ENOSPC, NULL, "veth", NULL, false, SHOW_CHANNELS,
     "the veth peer sends on more queues than this side receives on",
     "ethtool -L %s rx N  # N: tx queues of the peer"},
    {ENOTCONN, NULL, "veth", NULL, false, SHOW_DRIVER, "the veth has no peer any more",
     "ip link del dev %s, and make the pair again"},
    {EINVAL, "HW-GRO/LRO", NULL, NULL, false, SHOW_FEATURES, "hardware merges received packets",
     "ethtool -K %s lro off rx-gro-hw off"},
    {EINVAL, "LRO", NULL, NULL, false, SHOW_FEATURES, "hardware merges received packets",
     "ethtool -K %s lro off"},
    {EOPNOTSUPP, "LRO", NULL, NULL, false, SHOW_FEATURES, "hardware merges received packets",
     "ethtool -K %s lro off"},
    {EINVAL, NULL, "ixgbe", lro_on, true, SHOW_FEATURES,
     "ixgbe takes no XDP while it merges received packets", "ethtool -K %s lro off"},
    {EINVAL, NULL, "ixgbe", big_mtu, true, SHOW_MTU,
     "ixgbe takes no XDP with frames larger than its buffers", "ip link set dev %s mtu 1500"},
    {EINVAL, NULL, "ixgbe", NULL, false, SHOW_DRIVER,
     "ixgbe takes no XDP with SR-IOV or DCB, and does not say which",
     "echo 0 >/sys/class/net/%s/device/sriov_numvfs"},
    {ENOMEM, NULL, "ixgbe", NULL, false, SHOW_CHANNELS, "more CPUs than ixgbe has queues for",
     "xdpacct -i %s --mode generic"},
    {EINVAL, NULL, "mlx5_core", gro_hw_on, true, SHOW_FEATURES,
     "mlx5 takes no XDP while it merges received packets", "ethtool -K %s rx-gro-hw off lro off"},
    {EINVAL, NULL, "mlx5_core", lro_on, true, SHOW_FEATURES,
     "mlx5 takes no XDP while it merges received packets", "ethtool -K %s lro off"},
    {EINVAL, NULL, "vif", xen_mtu, true, SHOW_MTU, "xen-netfront takes XDP up to MTU 3840 only",
     "ip link set dev %s mtu 1500"},
    {EINVAL, "mtu", NULL, NULL, false, SHOW_MTU, "the MTU is too large for native XDP",
     "ip link set dev %s mtu 1500  # or --frags on"},
    {EINVAL, "MTU", NULL, NULL, false, SHOW_MTU, "the MTU is too large for native XDP",
     "ip link set dev %s mtu 1500  # or --frags on"},
    {EOPNOTSUPP, "frags", NULL, NULL, false, SHOW_MTU,
     "the driver cannot do frames in several buffers",
     "ip link set dev %s mtu 1500, and --frags off"},
    {EINVAL, "queues", NULL, NULL, false, SHOW_CHANNELS, "too few queues are left for XDP",
     "ethtool -L %s combined $(( MAX / 2 ))"},
    {EOPNOTSUPP, NULL, NULL, NULL, false, SHOW_DRIVER, "the driver has no XDP in this mode",
     "xdpacct -i %s --mode generic"},
    {ENODEV, NULL, NULL, NULL, false, SHOW_NOTHING,
     "there is no such interface in this network namespace", "ip -br link  # does it list %s?"},
    {EPERM, NULL, NULL, NULL, false, SHOW_NOTHING,
     "the kernel does not allow it: CAP_BPF and CAP_NET_ADMIN are needed", "sudo xdpacct -i %s"},
};

static void show(const struct device *d, enum evidence what, char *out, size_t size)
{
    const struct xdp_owner *o = &d->owner;
    out[0] = '\0';
    switch (what) {
    case SHOW_MTU:
        snprintf(out, size, "driver %s, MTU %u", d->driver, d->mtu);
        break;
    case SHOW_CHANNELS:
        snprintf(out, size, "driver %s, %u of %u channels in use", d->driver, d->channels,
                 d->channels_max);
        break;
    case SHOW_FEATURES:
        snprintf(out, size, "driver %s, lro %s, rx-gro-hw %s%s", d->driver, d->lro ? "on" : "off",
                 d->gro_hw ? "on" : "off", d->gro_hw_fixed ? " (fixed)" : "");
        break;
    case SHOW_OWNER:
        if (o->pid)
            snprintf(out, size, "program %u %s, held by %s (pid %d)", o->prog_id, o->prog_name,
                     o->comm, o->pid);
        else if (o->prog_id)
            snprintf(out, size, "program %u %s, which no process holds", o->prog_id, o->prog_name);
        break;
    case SHOW_DRIVER:
        snprintf(out, size, "driver %s", d->driver);
        break;
    case SHOW_NOTHING:
        break;
    }
}

static void write_cause(const struct cause *c, const struct device *d, const char *text,
                        char out[CAUSE_TEXT_MAX])
{
    char evidence[192], command[320];
    show(d, c->evidence, evidence, sizeof(evidence));
    const char *at = strstr(c->command, "%s");
    snprintf(command, sizeof(command), "%.*s%s%s",
             at ? (int)(at - c->command) : (int)strlen(c->command), c->command, at ? d->name : "",
             at ? at + 2 : "");
    snprintf(out, CAUSE_TEXT_MAX, "%s; %s%s%s%s%s%s", c->cause, evidence,
             evidence[0] && text[0] ? ", " : "", text[0] ? "the kernel says \"" : "", text,
             text[0]       ? "\"; "
             : evidence[0] ? "; "
                           : "",
             command);
}

bool cause_of_refusal(const struct device *d, int err, const char *text, bool native,
                      char out[CAUSE_TEXT_MAX])
{
    for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
        const struct cause *c = &causes[i];
        if ((c->err && c->err != err) || (c->driver && strcmp(c->driver, d->driver) != 0) ||
            (c->text && !strstr(text, c->text)) || (c->fits && !c->fits(d)))
            continue;
        write_cause(c, d, text, out);
        return true;
    }
    snprintf(out, CAUSE_TEXT_MAX, "%s%s%s; driver %s %s, MTU %u; %s", strerror(err),
             text[0] ? ": " : "", text, d->driver, d->driver_version, d->mtu,
             native ? "try --mode generic, and dmesg for the driver's words" : "see dmesg");
    return false;
}

bool cause_foreseen(const struct device *d, char out[CAUSE_TEXT_MAX])
{
    static const int busy = EBUSY;
    out[0] = '\0';
    if (d->owner.prog_id)
        return cause_of_refusal(d, busy, "", true, out);
    for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
        const struct cause *c = &causes[i];
        if (!c->foreseen || strcmp(c->driver, d->driver) != 0 || !c->fits(d))
            continue;
        write_cause(c, d, "", out);
        return true;
    }
    return false;
}
