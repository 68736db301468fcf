// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/device.h"
#include "bpf/xdpacct/owner.h"

#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int ethtool(int fd, const struct device *d, void *command)
{
    struct ifreq request = {.ifr_data = command};
    memcpy(request.ifr_name, d->name, sizeof(request.ifr_name));
    return ioctl(fd, SIOCETHTOOL, &request) == 0 ? 0 : -errno;
}

static void read_driver(int fd, struct device *d)
{
    struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
    if (ethtool(fd, d, &info) == 0) {
        memcpy(d->driver, info.driver, sizeof(d->driver));
        memcpy(d->driver_version, info.version, sizeof(d->driver_version));
    }
    // lo and some others do not answer
    if (!d->driver[0])
        snprintf(d->driver, sizeof(d->driver), "%s",
                 strcmp(d->name, "lo") == 0 ? "loopback" : "unknown");
}

static void read_channels(int fd, struct device *d)
{
    struct ethtool_channels c = {.cmd = ETHTOOL_GCHANNELS};
    if (ethtool(fd, d, &c) != 0)
        return;
    d->channels = c.max_combined ? c.combined_count : c.rx_count;
    d->channels_max = c.max_combined ? c.max_combined : c.max_rx;
}

static unsigned feature_count(int fd, const struct device *d)
{
    struct {
        struct ethtool_sset_info info;
        uint32_t count;
    } request = {.info = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ull << ETH_SS_FEATURES}};
    return ethtool(fd, d, &request) == 0 ? request.count : 0;
}

static void set_feature(struct device *d, const char *name, bool active, bool fixed)
{
    if (strcmp(name, "rx-lro") == 0)
        d->lro = active;
    else if (strcmp(name, "rx-gro") == 0)
        d->gro = active;
    else if (strcmp(name, "rx-gro-hw") == 0)
        d->gro_hw = active, d->gro_hw_fixed = fixed;
}

static void read_features(int fd, struct device *d)
{
    unsigned count = feature_count(fd, d), blocks = (count + 31) / 32;
    struct ethtool_gstrings *names = calloc(1, sizeof(*names) + (size_t)count * ETH_GSTRING_LEN);
    struct ethtool_gfeatures *values =
        calloc(1, sizeof(*values) + blocks * sizeof(values->features[0]));
    if (count && names && values) {
        *names = (struct ethtool_gstrings){
            .cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_FEATURES, .len = count};
        *values = (struct ethtool_gfeatures){.cmd = ETHTOOL_GFEATURES, .size = blocks};
        if (ethtool(fd, d, names) == 0 && ethtool(fd, d, values) == 0)
            for (unsigned i = 0; i < count; i++) {
                const struct ethtool_get_features_block *block = &values->features[i / 32];
                uint32_t bit = 1u << i % 32;
                char name[ETH_GSTRING_LEN + 1] = "";
                memcpy(name, names->data + (size_t)i * ETH_GSTRING_LEN, ETH_GSTRING_LEN);
                set_feature(d, name, block->active & bit,
                            block->never_changed & bit || !(block->available & bit));
            }
    }
    free(names);
    free(values);
}

static bool has_upper(const char *name)
{
    char path[64 + IF_NAMESIZE];
    snprintf(path, sizeof(path), "/sys/class/net/%s", name);
    DIR *dir = opendir(path);
    bool found = false;
    for (struct dirent *e; dir && !found && (e = readdir(dir));)
        found = strncmp(e->d_name, "upper_", 6) == 0;
    if (dir)
        closedir(dir);
    return found;
}

// Whether the host's own traffic leaves by this interface: a default route of IPv4 or IPv6.
static bool has_default_route(const char *name)
{
    char line[512], iface[64], net[64], bits[16];
    unsigned dest, mask;
    bool found = false;
    FILE *f = fopen("/proc/net/route", "re");
    while (f && !found && fgets(line, sizeof(line), f))
        found = sscanf(line, "%63s %x %*s %*s %*s %*s %*s %x", iface, &dest, &mask) == 3 &&
                dest == 0 && mask == 0 && strcmp(iface, name) == 0;
    if (f)
        fclose(f);
    f = fopen("/proc/net/ipv6_route", "re");
    while (f && !found && fgets(line, sizeof(line), f))
        found = sscanf(line, "%63s %15s %*s %*s %*s %*s %*s %*s %*s %63s", net, bits, iface) == 3 &&
                strcmp(bits, "00") == 0 && strspn(net, "0") == strlen(net) &&
                strcmp(iface, name) == 0;
    if (f)
        fclose(f);
    return found;
}

static void read_xdp(struct device *d)
{
    LIBBPF_OPTS(bpf_xdp_query_opts, query);
    if (bpf_xdp_query((int)d->ifindex, 0, &query) != 0)
        return;
    d->xdp_mode = query.attach_mode;
    uint32_t id = query.prog_id       ? query.prog_id
                  : query.drv_prog_id ? query.drv_prog_id
                  : query.skb_prog_id ? query.skb_prog_id
                                      : query.hw_prog_id;
    if (id)
        owner__find(&d->owner, d->ifindex, id);
}

int device__read(struct device *d, const char *name)
{
    *d = (struct device){0};
    snprintf(d->name, sizeof(d->name), "%s", name);
    d->ifindex = if_nametoindex(name);
    if (!d->ifindex || strlen(name) >= sizeof(d->name))
        return -ENODEV;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    struct ifreq request = {0};
    memcpy(request.ifr_name, d->name, sizeof(request.ifr_name));
    if (ioctl(fd, SIOCGIFMTU, &request) == 0)
        d->mtu = (unsigned)request.ifr_mtu;
    if (ioctl(fd, SIOCGIFFLAGS, &request) == 0)
        d->up = request.ifr_flags & IFF_UP;
    read_driver(fd, d);
    read_channels(fd, d);
    read_features(fd, d);
    close(fd);
    d->has_upper = has_upper(name);
    d->default_route = has_default_route(name);
    read_xdp(d);
    return 0;
}
