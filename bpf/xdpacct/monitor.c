// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/monitor.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MESSAGE_MAX = 32768 };

const char *monitor_change_name(enum monitor_change change)
{
    static const char *const names[] = {
        [CHANGE_NONE] = "",           [CHANGE_DOWN] = "down", [CHANGE_UP] = "up",
        [CHANGE_RENAMED] = "renamed", [CHANGE_MTU] = "mtu",   [CHANGE_DELETED] = "deleted",
    };
    return names[change];
}

int monitor__open(struct monitor *m, const struct device *d)
{
    *m = (struct monitor){.ifindex = d->ifindex, .mtu = d->mtu, .up = d->up};
    memcpy(m->name, d->name, sizeof(m->name));
    m->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (m->fd < 0)
        return -errno;
    struct sockaddr_nl groups = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
    if (bind(m->fd, (struct sockaddr *)&groups, sizeof(groups)) == 0)
        return 0;
    int err = errno;
    monitor__close(m);
    return -err;
}

void monitor__close(struct monitor *m)
{
    if (m->fd >= 0)
        close(m->fd);
    m->fd = -1;
}

struct link_message {
    const char *name;
    unsigned mtu;
    bool up;
};

static void read_attributes(const struct nlmsghdr *h, struct link_message *out)
{
    const struct ifinfomsg *info = NLMSG_DATA(h);
    int left = (int)IFLA_PAYLOAD(h);
    out->up = info->ifi_flags & IFF_UP;
    for (const struct rtattr *a = IFLA_RTA(info); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        if (a->rta_type == IFLA_IFNAME)
            out->name = RTA_DATA(a);
        else if (a->rta_type == IFLA_MTU)
            memcpy(&out->mtu, RTA_DATA(a), sizeof(out->mtu));
    }
}

// One change at a time: a message that brings two is followed by others that repeat the second.
static enum monitor_change compare(struct monitor *m, const struct link_message *now,
                                   char was[IF_NAMESIZE])
{
    if (now->name && strncmp(now->name, m->name, sizeof(m->name)) != 0) {
        snprintf(was, IF_NAMESIZE, "%s", m->name);
        snprintf(m->name, sizeof(m->name), "%s", now->name);
        return CHANGE_RENAMED;
    }
    if (now->mtu && now->mtu != m->mtu) {
        snprintf(was, IF_NAMESIZE, "%u", m->mtu);
        m->mtu = now->mtu;
        return CHANGE_MTU;
    }
    if (now->up != m->up) {
        m->up = now->up;
        return now->up ? CHANGE_UP : CHANGE_DOWN;
    }
    return CHANGE_NONE;
}

static enum monitor_change read_message(struct monitor *m, const struct nlmsghdr *h,
                                        char was[IF_NAMESIZE])
{
    if (h->nlmsg_type != RTM_NEWLINK && h->nlmsg_type != RTM_DELLINK)
        return CHANGE_NONE;
    const struct ifinfomsg *info = NLMSG_DATA(h);
    if ((unsigned)info->ifi_index != m->ifindex || info->ifi_family != AF_UNSPEC)
        return CHANGE_NONE;
    if (h->nlmsg_type == RTM_DELLINK)
        return CHANGE_DELETED;
    struct link_message now = {0};
    read_attributes(h, &now);
    return compare(m, &now, was);
}

enum monitor_change monitor__next(struct monitor *m, char was[IF_NAMESIZE])
{
    char buf[MESSAGE_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
    was[0] = '\0';
    for (;;) {
        ssize_t n = recv(m->fd, buf, sizeof(buf), 0);
        if (n < 0 && errno == ENOBUFS)
            continue; // messages were lost; the next one has the state
        if (n <= 0)
            return CHANGE_NONE;
        int left = (int)n;
        // the kernel sends one link message in a datagram to group listeners
        const struct nlmsghdr *h = (const struct nlmsghdr *)buf;
        enum monitor_change change = NLMSG_OK(h, left) ? read_message(m, h, was) : CHANGE_NONE;
        if (change != CHANGE_NONE)
            return change;
    }
}
