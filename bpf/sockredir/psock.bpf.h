// SPDX-License-Identifier: GPL-2.0-only
//
// psock.bpf.h - looks at the queue of redirected messages of a socket, by its kernel address. A
// socket may be freed at any time: reads are the kind that cannot fault, and count only if the
// socket at that address has the cookie that we know (cookies are never used again).
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "bpf/common/kernel.bpf.h"
#include "bpf/sockredir/conn.bpf.h"
#include "bpf/sockredir/sockredir.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sk_buff_head {
    __u32 qlen;
};

struct bpf_prog;

struct sk_psock_progs {
    struct bpf_prog *msg_parser; // the sk_msg program
};

struct sk_psock {
    struct sk_psock_progs progs;
    struct list_head ingress_msg;    // struct sk_msg, by list
    struct sk_buff_head ingress_skb; // of the sk_skb verdict, waiting for its worker
    refcount_t refcnt;
};

struct wait_queue_head {
    struct list_head head;
};

struct socket_wq {
    struct wait_queue_head wait;
};

struct sk_msg_sg {
    __u32 size;
};

struct sk_msg {
    struct sk_msg_sg sg;
    struct list_head list;
};

#pragma clang attribute pop

#define STACK_BYTES_MIN 16384 // of a task, on every machine with 64 bits

#define SK_USER_DATA_FLAGS 7UL // low bits of sk_user_data: include/net/sock.h

struct queue {
    __u64 bytes;
    __u32 msgs; // UNREAD_MSGS_MAX: that many or more
};

#define WINDOW_MAX (1ULL << 30) // bytes under way at most: RFC 7323 section 2.3

static __always_inline bool has_cookie(__u64 address, __u64 cookie)
{
    struct sock *sk = (struct sock *)address;
    return sk && (__u64)BPF_CORE_READ(sk, __sk_common.skc_cookie.counter) == cookie;
}

// The memory of a freed socket can keep the cookie for good while its next owner, which may be
// anything, writes over the rest. So what no living socket is without is looked at, too.
static __always_inline bool is_socket(__u64 address, __u64 cookie)
{
    struct sock *sk = (struct sock *)address;
    if (!has_cookie(address, cookie))
        return false;
    __u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
    return (family == AF_INET || family == AF_INET6) &&
           BPF_CORE_READ(sk, __sk_common.skc_refcnt.refs.counter) > 0;
}

static __always_inline bool is_closed(__u64 address, __u64 cookie)
{
    struct sock *sk = (struct sock *)address;
    return !is_socket(address, cookie) || BPF_CORE_READ(sk, __sk_common.skc_state) == BPF_TCP_CLOSE;
}

// Payload that TCP sent of a socket which has closed, or 0 if its memory is somebody else's by now:
// then the numbers do not fit each other.
static __always_inline __u64 sent_until_closed(__u64 address, __u64 cookie)
{
    struct tcp_sock *tp = (struct tcp_sock *)address;
    if (!has_cookie(address, cookie))
        return 0;
    __u64 bytes = BPF_CORE_READ(tp, bytes_sent) - BPF_CORE_READ(tp, bytes_retrans);
    __u64 not_acked = bytes + 2 - BPF_CORE_READ(tp, bytes_acked); // with SYN and FIN
    return not_acked <= WINDOW_MAX + 2 ? bytes : 0;
}

static __always_inline struct sk_psock *find_psock(__u64 address, __u64 cookie)
{
    struct sock *sk = (struct sock *)address;
    if (!is_socket(address, cookie))
        return NULL;
    return (struct sk_psock *)((__u64)BPF_CORE_READ(sk, sk_user_data) & ~SK_USER_DATA_FLAGS);
}

// Walks the list, which its owner may change meanwhile: the answer is good to within what is added
// or read during the walk. 0 if the socket is gone or has left the map. Not static, so that the
// verifier looks at it once and not once for each way to get here.
__noinline int measure_queue(__u64 address, __u64 cookie, struct queue *queue)
{
    struct sk_psock *psock = find_psock(address, cookie);
    if (!psock || !queue)
        return 0;
    struct list_head *head =
        (struct list_head *)((__u64)psock + bpf_core_field_offset(psock->ingress_msg));
    struct list_head *at = BPF_CORE_READ(psock, ingress_msg.next);
    __u32 list_at = bpf_core_field_offset(struct sk_msg, list);
    __u64 bytes = 0;
    __u32 msgs = 0;
    for (; msgs < UNREAD_MSGS_MAX && at && at != head; msgs++) {
        struct sk_msg *msg = (struct sk_msg *)((__u64)at - list_at);
        bytes += BPF_CORE_READ(msg, sg.size);
        at = BPF_CORE_READ(at, next);
    }
    msgs += BPF_CORE_READ(psock, ingress_skb.qlen);
    queue->bytes = bytes;
    queue->msgs = msgs;
    // still the same socket with the same psock, so what was read was its queue
    return find_psock(address, cookie) == psock;
}

// Whether the socket, in a map since a moment ago, got its sk_msg program, and by it holds the map.
static __always_inline bool has_program(__u64 address, __u64 cookie)
{
    struct sk_psock *psock = find_psock(address, cookie);
    return psock && BPF_CORE_READ(psock, progs.msg_parser);
}

static __always_inline __u32 psock_references(__u64 address, __u64 cookie)
{
    struct sk_psock *psock = find_psock(address, cookie);
    return psock ? (__u32)BPF_CORE_READ(psock, refcnt.refs.counter) : 0;
}

// Whether the task waits on the socket's own queue: for data in recvmsg, for memory in sendmsg, in
// poll or select. What it is queued by lies on its stack, and no other task's does. Only the two
// ends of the list are looked at, since they stand in the queue itself: what a waiter points to
// may be anything once it has gone. epoll's waiters lie elsewhere and are not found.
__noinline int waits_on(__u64 address, __u64 cookie, __u64 task)
{
    struct sock *sk = (struct sock *)address;
    if (!task || !find_psock(address, cookie))
        return 0;
    struct socket_wq *wq = BPF_CORE_READ(sk, sk_wq);
    __u64 first = (__u64)BPF_CORE_READ(wq, wait.head.next);
    __u64 last = (__u64)BPF_CORE_READ(wq, wait.head.prev);
    __u64 stack = (__u64)BPF_CORE_READ((struct task_struct *)task, stack);
    if (first - stack >= STACK_BYTES_MIN && last - stack >= STACK_BYTES_MIN)
        return 0;
    return find_psock(address, cookie) != NULL; // still the same socket
}
