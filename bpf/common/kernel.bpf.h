// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// kernel.bpf.h - the few kernel structs that our programs look into, with the members that they
// read and no others. libbpf finds the true offsets on the running kernel (CO-RE), so order and
// size here mean nothing. A struct of one subject only belongs beside its program.
#pragma once

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
    __s64 counter;
} atomic64_t;

typedef struct {
    int counter;
} atomic_t;

typedef struct refcount_struct {
    atomic_t refs;
} refcount_t;

struct list_head {
    struct list_head *next, *prev;
};

struct task_struct {
    void *stack; // lowest address
};

struct socket_wq;

struct kernfs_node {
    __u64 id;
};

struct cgroup {
    struct kernfs_node *kn;
};

struct sock_cgroup_data {
    struct cgroup *cgroup; // of the v2 hierarchy
};

struct net_device {
    unsigned int flags; // IFF_*
};

struct dst_entry {
    struct net_device *dev;
};

struct sock_common {
    unsigned short skc_family;
    unsigned char skc_state; // BPF_TCP_*
    refcount_t skc_refcnt;
    atomic64_t skc_cookie;
};

struct sock {
    struct sock_common __sk_common;
    struct dst_entry *sk_dst_cache;
    struct sock_cgroup_data sk_cgrp_data;
    void *sk_user_data;
    struct socket_wq *sk_wq;
};

struct inet_sock {
    struct sock sk;
};

struct inet_connection_sock {
    struct inet_sock icsk_inet;
};

struct tcp_sock {
    struct inet_connection_sock inet_conn;
    __u32 write_seq;      // sequence number after the last byte that was queued
    __u32 snd_nxt;        // sequence number of the next byte to be sent
    __u64 bytes_received; // payload, in order
    __u64 bytes_sent;     // payload, retransmissions included
    __u64 bytes_retrans;  // of these, sent again
    __u64 bytes_acked;    // sequence numbers: payload, and one each for SYN and FIN
};

#pragma clang attribute pop
