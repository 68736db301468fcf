// SPDX-License-Identifier: GPL-2.0-only
//
// conn.bpf.h - the settings and maps of sockredir's programs, the names of connections, and
// counting.
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "bpf/sockredir/sockredir.h"

#define AF_INET  2
#define AF_INET6 10

const volatile __u64 port_wanted[1024]; // bit per listening port
const volatile __u8 shadow;
const volatile __u8 walk_removes; // 0 with the sk_skb verdict: see leave()
const volatile __u8 per_connection;
const volatile __u64 bound_bytes; // redirected and unread, per direction
const volatile __u64 small_bytes; // mean write size up to which a stream is one of small writes

struct control control;
struct totals totals;
struct walk walk;
__u32 sockets_of_port[PORT_SLOTS]; // by port slot, of the last walk
__u32 next_port_slot = 1;
__u64 next_id = 1;

struct {
    __uint(type, BPF_MAP_TYPE_SOCKHASH);
    __uint(max_entries, CONNECTIONS_MAX * 2);
    __type(key, __u64); // id of the connection * 2 + end
    __type(value, __u64);
} sockets SEC(".maps");

// An array, since looking into one costs no call.
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, CONNECTIONS_MAX);
    __type(key, __u32);
    __type(value, struct conn);
} connections SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, CONNECTIONS_MAX);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct conn_key);
    __type(value, __u64); // id
} ids SEC(".maps");

// By cookie and not with the socket: its storage costs more to make than a row of a hash.
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, CONNECTIONS_MAX * 2);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, __u64); // cookie of the socket
    __type(value, struct place);
} places SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, PORT_SLOTS);
    __type(key, __u16);
    __type(value, __u16);
} port_slots SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, PORT_SLOTS);
    __type(key, __u32);
    __type(value, struct port_counts);
} ports SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, NOTES_BYTES);
} notes SEC(".maps");

static __always_inline void count(__u64 *counter, __u64 n)
{
    __sync_fetch_and_add(counter, n);
}

// ---- keys

struct endpoint {
    __u32 addr[4];
    __u32 port;
};

static __always_inline void set_v4(struct endpoint *e, __u32 addr, __u32 port)
{
    e->addr[0] = 0;
    e->addr[1] = 0;
    e->addr[2] = bpf_htonl(0xffff);
    e->addr[3] = addr;
    e->port = port;
}

// Which end of the connection is local: 0 or 1, or -1 for a socket connected to itself.
static __always_inline int local_end(const struct endpoint *local, const struct endpoint *remote)
{
#pragma unroll
    for (int i = 0; i < 4; i++)
        if (local->addr[i] != remote->addr[i])
            return local->addr[i] > remote->addr[i];
    return local->port == remote->port ? -1 : local->port > remote->port;
}

static __always_inline void set_key(struct conn_key *key, __u64 netns, const struct endpoint *first,
                                    const struct endpoint *second)
{
    key->netns = netns;
    __builtin_memcpy(key->addr[0], first->addr, sizeof(first->addr));
    __builtin_memcpy(key->addr[1], second->addr, sizeof(second->addr));
    key->port[0] = first->port;
    key->port[1] = second->port;
    key->pad = 0;
}

// Fills key and returns the local end, or -1. CTX is struct sk_msg_md or struct bpf_sock_ops, whose
// members have the same names; remote_port is a network-order word whose low half is the port. The
// volatile reads keep clang from joining two 32-bit loads (iovisor/bcc issue 5169).
#define CONN_KEY(ctx, key)                                                                         \
    ({                                                                                             \
        struct endpoint l, r;                                                                      \
        __u32 lport = (ctx)->local_port, rport = bpf_ntohl((ctx)->remote_port);                    \
        if ((ctx)->family == AF_INET) {                                                            \
            set_v4(&l, *(volatile __u32 *)&(ctx)->local_ip4, lport);                               \
            set_v4(&r, *(volatile __u32 *)&(ctx)->remote_ip4, rport);                              \
        } else {                                                                                   \
            l.addr[0] = *(volatile __u32 *)&(ctx)->local_ip6[0];                                   \
            l.addr[1] = *(volatile __u32 *)&(ctx)->local_ip6[1];                                   \
            l.addr[2] = *(volatile __u32 *)&(ctx)->local_ip6[2];                                   \
            l.addr[3] = *(volatile __u32 *)&(ctx)->local_ip6[3];                                   \
            l.port = lport;                                                                        \
            r.addr[0] = *(volatile __u32 *)&(ctx)->remote_ip6[0];                                  \
            r.addr[1] = *(volatile __u32 *)&(ctx)->remote_ip6[1];                                  \
            r.addr[2] = *(volatile __u32 *)&(ctx)->remote_ip6[2];                                  \
            r.addr[3] = *(volatile __u32 *)&(ctx)->remote_ip6[3];                                  \
            r.port = rport;                                                                        \
        }                                                                                          \
        int local = local_end(&l, &r);                                                             \
        if (local == 0)                                                                            \
            set_key((key), bpf_get_netns_cookie(ctx), &l, &r);                                     \
        else                                                                                       \
            set_key((key), bpf_get_netns_cookie(ctx), &r, &l);                                     \
        local;                                                                                     \
    })

// ---- counting

static __always_inline void count_sent(__u32 slot, __u32 reason, __u64 msgs, __u64 bytes)
{
    struct port_counts *c = bpf_map_lookup_elem(&ports, &slot);
    if (!c || reason >= PASS_REASONS)
        return;
    // Per CPU, but a send on this CPU may be interrupted by a softirq that counts too.
    if (reason == PASS_NONE) {
        count(&c->msgs_redirected, msgs);
        count(&c->bytes_redirected, bytes);
    } else {
        count(&c->msgs_passed[reason], msgs);
        count(&c->bytes_passed[reason], bytes);
    }
}

static __always_inline __u16 slot_of_port(__u16 port)
{
    __u16 *known = bpf_map_lookup_elem(&port_slots, &port);
    if (known)
        return *known;
    __u32 next = __sync_fetch_and_add(&next_port_slot, 1);
    if (next >= PORT_SLOTS) {
        __sync_fetch_and_add(&next_port_slot, -1);
        return 0;
    }
    __u16 slot = next;
    if (bpf_map_update_elem(&port_slots, &port, &slot, BPF_NOEXIST) == 0)
        return slot;
    // another CPU was faster; the slot taken stays empty
    known = bpf_map_lookup_elem(&port_slots, &port);
    return known ? *known : 0;
}
