// SPDX-License-Identifier: Apache-2.0
//
// device.h - what is to be known of an interface before a program is attached to it.
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A program on an interface, and whose it is.
struct xdp_owner {
    uint32_t prog_id; // 0: none
    uint32_t link_id; // 0: attached by netlink, outlives its loader
    char prog_name[32];
    int pid; // 0: nobody holds it open
    char comm[32];
};

struct device {
    char name[IF_NAMESIZE];
    unsigned ifindex;
    char driver[32];
    char driver_version[32];
    unsigned mtu;
    bool up;
    unsigned channels, channels_max; // combined, or rx where there are none combined; 0: not known
    bool lro, gro_hw, gro_hw_fixed, gro;
    bool has_upper; // a bond, bridge, VLAN or the like stands on it
    bool default_route;
    unsigned xdp_mode; // XDP_ATTACHED_*
    struct xdp_owner owner;
};

// Fills d for the interface of that name. Returns 0, or -errno (-ENODEV: there is none).
int device__read(struct device *d, const char *name);
