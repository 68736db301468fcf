// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// send.bpf.h - what sockredir_msg asks and notes at each send: may it be redirected, and if not,
// why.
#pragma once

#include "bpf/common/kernel.bpf.h"
#include "bpf/sockredir/conn.bpf.h"
#include "bpf/sockredir/sockredir.h"

static __always_inline bool small_stream(const struct conn_end *me, __u32 bytes)
{
    return me->run_msgs >= SMALL_RUN &&
           me->run_bytes + bytes <= small_bytes * (me->run_msgs + 1ULL);
}

// Whether bytes more may wait unread at the peer. What was sent since the queue was last measured
// is taken to be unread; only if that reaches the bound the queue is measured anew.
static __always_inline bool fits(struct conn_end *me, const struct conn_end *peer, __u32 bytes)
{
    if (me->unread_bytes + bytes <= bound_bytes && me->unread_msgs < UNREAD_MSGS_MAX)
        return true;
    struct queue queue = {};
    if (!measure_queue(peer->sk, peer->cookie, &queue))
        return false;
    me->unread_bytes = queue.bytes;
    me->unread_msgs = queue.msgs;
    return queue.bytes + bytes <= bound_bytes && queue.msgs < UNREAD_MSGS_MAX;
}

// The clock costs as much as a look into a map, so it is read for each 32nd message only.
static __always_inline bool lease_is_due(const struct conn_end *me)
{
    return (me->redirects & 31) == 1;
}

static __always_inline __u32 why_not(const struct tcp_sock *tp, __u32 bytes, const struct conn *c,
                                     struct conn_end *me, const struct conn_end *peer)
{
    if (c->closed)
        return PASS_LEFT;
    if (control.stop || (lease_is_due(me) && bpf_ktime_get_ns() > control.lease_until_ns))
        return PASS_STOP;
    if (!peer->cookie)
        return PASS_PEER;
    // In shadow mode the direction's own bytes go by TCP, so only its first message can be asked.
    if (!(shadow && me->shadow) && (tp->bytes_sent != 0 || tp->write_seq != tp->snd_nxt))
        return PASS_EARLY;
    if (small_stream(me, bytes))
        return PASS_SMALL;
    if (!shadow && !fits(me, peer, bytes))
        return PASS_FULL;
    return PASS_NONE;
}

// Before intend(), whose barrier makes sure that whoever closed the connection to redirect sees
// either this writer or no redirect by it.
static __always_inline void claim_writer(struct conn_end *me, __u64 task)
{
    if (me->writer && me->writer != task)
        me->writers = 2;
    me->writer = task;
}

static __always_inline void wake_loader(void)
{
    struct note *n = bpf_ringbuf_reserve(&notes, sizeof(*n), 0);
    if (!n)
        return; // it walks the map at its interval anyway
    n->type = NOTE_LEAVE;
    bpf_ringbuf_submit(n, BPF_RB_FORCE_WAKEUP);
}

// Counts a redirect that may follow, as a full barrier: that an atomic addition is, on every
// machine, only if its result is used.
static __always_inline void intend(struct conn_end *me)
{
    __u64 before = __sync_fetch_and_add(&me->redirects, 1);
    asm volatile("" : : "r"(before));
}
