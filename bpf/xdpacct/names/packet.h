// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// packet.h - a copy of a packet's payload, as the XDP program hands it to user space to find names
// in.
#pragma once

#include <linux/types.h>
#include <stddef.h>
#include "bpf/xdpacct/xdpacct.h"

enum {
    NAME_COPY_MAX = 4096, // bytes of a payload that are copied at most: hellos merged by GRO fit
};

struct name_packet {
    struct flow_key key;
    __u32 seq;      // TCP: of the first byte of the payload
    __u16 len;      // bytes that follow
    __u16 full_len; // bytes that the payload had
    __u32 dir;      // enum direction: up a hello, down a DNS answer
    __u32 unused;
    __u8 bytes[NAME_COPY_MAX];
};

// Bytes of a copy before its payload; it ends behind `len` bytes of payload.
#define NAME_PACKET_HEAD offsetof(struct name_packet, bytes)
