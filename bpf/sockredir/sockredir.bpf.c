// SPDX-License-Identifier: GPL-2.0-only
//
// sockredir.bpf.c - lets local TCP connections take a short cut: what one end sends is put straight
// into the other end's receive queue, without segments, ACKs and the loopback device.
//
//   sockredir_ops   sock_ops: sockets of local connections join the map when they are established
//   sockredir_msg   sk_msg: runs for each send on such a socket and says redirect or TCP
//   sockredir_pass  sk_skb: the no-op verdict that cures FIONREAD on some kernels
//   sockredir_walk  run by the loader: takes sockets out of the map that no longer gain by it
//
// WHY BYTES STAY IN ORDER
//
// A socket in the map has two receive queues: the psock's (redirected messages) and TCP's. recvmsg
// reads the psock's first (tcp_bpf_recvmsg). So of the two changes that a direction can make
//
//   redirect, then TCP:  the older bytes lie in the queue that is read first. Safe at any time.
//   TCP, then redirect:  the younger bytes lie in the queue that is read first. Wrong whenever the
//                        older ones are still unread, and the sender cannot know.
//
// Hence the rule: a direction is redirected from its first byte or never, and once a message was
// left to TCP all later ones are. "From its first byte" is asked of TCP itself, under the socket's
// lock which sk_msg runs with: bytes_sent == 0 (nothing was ever sent: data in a SYN counts) and
// write_seq == snd_nxt (nothing waits to be sent: TCP_CORK, or a sender that slept in the plain
// sendmsg when the socket joined the map). The end that has not joined yet is missing in the map:
// that is a miss, and a miss is TCP (a drop would be EACCES to the sender). TCP_DEFER_ACCEPT and
// TCP Fast Open are the two ways by which bytes are there before the map is.
//
// WHEN A SOCKET MAY LEAVE THE MAP
//
// Taking socket S out frees what waits in its psock queue, and makes a redirect towards S that is
// under way fail. So both ends are closed to redirect first (conn.closed, then a full barrier), and
// then there must be no redirect under way towards S and nothing in its queue. Both stay true once
// they are: nothing can be redirected any more. (With the sk_skb verdict TCP too fills that queue:
// then the proof and the removal happen under the socket's lock, which keeps TCP away: leave().) A
// redirect by end E is under way only
//   - after E's program counted it: sockredir_msg adds to redirects, with a full barrier, before it
//     looks at conn.closed, and takes it back if it then does not redirect. So redirects == 0, read
//     after conn.closed was set, says that there is none and never will be;
//   - while its thread is inside tcp_bpf_sendmsg, which holds a reference to E's psock: none if the
//     psock has only the map's (refcnt == 1);
//   - until that thread comes again: none if one thread alone ever redirected, and it sent since,
//     or it is found waiting on its own socket's queue, as a server is that has answered and reads
//     on. Nobody waits there inside a redirect: that only sleeps for the other socket's lock, or
//     for memory. The thread is noted (claim_writer) before the barrier after which it looks at
//     conn.closed, so a redirect that did not find it closed is by the thread that is looked for.
//     That it is known by its address does no harm: the address names one task at a time, and a
//     task that has ended is in no redirect.
// If neither can be shown the socket stays: that costs time, never bytes. It stays, too, if TCP has
// closed it: then nothing is kept of it by which its queue could be found, and its program may
// still read.

#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "bpf/common/kernel.bpf.h"
#include "bpf/sockredir/conn.bpf.h"
#include "bpf/sockredir/psock.bpf.h"
#include "bpf/sockredir/rows.bpf.h"
#include "bpf/sockredir/send.bpf.h"
#include "bpf/sockredir/sockredir.h"

char LICENSE[] SEC("license") = "GPL";

#define IFF_LOOPBACK 0x8

// ---- proofs for leaving the map

// No redirect by this end is under way. Call after conn.closed was set and a full barrier.
static __always_inline bool at_rest(const struct conn_end *e)
{
    if (!e->cookie || e->quiet || e->redirects == 0 || (e->writers < 2 && e->settled))
        return true;
    return psock_references(e->sk, e->cookie) == 1 ||
           (e->writers < 2 && waits_on(e->sk, e->cookie, e->writer));
}

static __always_inline bool queue_empty(const struct conn_end *e)
{
    struct queue queue = {};
    return !e->cookie || (measure_queue(e->sk, e->cookie, &queue) && queue.msgs == 0);
}

// This end is on TCP for good, and so that the other direction is not worth the hook either: it
// only listens to a stream, or there is nobody. Bytes that went early (PASS_EARLY, and a peer that
// joined since: TCP_DEFER_ACCEPT) leave the answers worth their while.
static __always_inline bool spoils(const struct conn_end *me, const struct conn_end *peer)
{
    if (me->reason == PASS_PEER)
        return !peer->cookie && me->run_msgs >= LONELY_RUN;
    return me->reason && me->reason != PASS_EARLY;
}

static __always_inline bool gains_nothing(const struct conn *c)
{
    const struct conn_end *a = &c->end[0], *b = &c->end[1];
    return (a->reason && b->reason) || spoils(a, b) || spoils(b, a);
}

// ---- sockets join and go

// The route decides whether a connection is local: it goes out of the loopback device.
static __always_inline bool is_local(struct tcp_sock *tp, const struct conn_key *key)
{
    struct sock *sk = (struct sock *)tp;
    if (sk->sk_dst_cache->dev->flags & IFF_LOOPBACK) // reads as 0 through a NULL
        return true;
    return key->addr[0][0] == key->addr[1][0] && key->addr[0][1] == key->addr[1][1] &&
           key->addr[0][2] == key->addr[1][2] && key->addr[0][3] == key->addr[1][3];
}

static __always_inline bool wanted(__u32 port)
{
    return port < 65536 && (port_wanted[(port >> 6) & 1023] >> (port & 63) & 1);
}

static __always_inline void count_connection(struct conn *c)
{
    __u32 slot = c->port_slot;
    struct port_counts *counts = bpf_map_lookup_elem(&ports, &slot);
    if (counts)
        count(&counts->connections, 1);
}

// The socket joins the map, and only then the other end may see it: a message redirected to a
// socket that is not there yet would be a miss.
//
// The map gives each socket its programs, and by them the socket holds the map. But once the last
// descriptor of the map is closed (the loader was killed) it has none to give, while this program
// may still run on another CPU. Then a socket would be a member that the map does not wait for: the
// map goes with its other members, and what waits in this one's queue with it.
static __always_inline bool join(struct bpf_sock_ops *ops, __u64 sk, __u64 cookie,
                                 const struct place *place)
{
    __u64 name = place->id * 2 + place->end;
    if (bpf_map_update_elem(&places, &cookie, place, BPF_ANY) != 0)
        return false;
    if (bpf_sock_hash_update(ops, &sockets, &name, BPF_ANY) == 0) {
        if (has_program(sk, cookie))
            return true;
        bpf_map_delete_elem(&sockets, &name);
    }
    bpf_map_delete_elem(&places, &cookie);
    return false;
}

// The flags are the socket's, and other programs of its cgroups set theirs among them.
static __always_inline void want_callbacks(struct bpf_sock_ops *ops, struct conn_end *me)
{
    __u32 flags = ops->bpf_sock_ops_cb_flags;
    me->options = (flags & BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG) != 0;
    flags |= BPF_SOCK_OPS_STATE_CB_FLAG;
    // Without the verdict the walk takes sockets out, which costs nothing per segment.
    if (!walk_removes)
        flags |= BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG;
    bpf_sock_ops_cb_flags_set(ops, flags);
}

static __always_inline void established(struct bpf_sock_ops *ops, bool active)
{
    struct conn_key key;
    __u32 port = active ? bpf_ntohl(ops->remote_port) : ops->local_port;
    if (control.stop || !wanted(port))
        return;
    struct bpf_sock *sk = ops->sk;
    if (!sk)
        return;
    struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
    if (!tp)
        return;
    int local = CONN_KEY(ops, &key);
    if (local < 0 || !is_local(tp, &key))
        return;
    struct place place = {.end = local};
    bool made;
    struct conn *c = connection(&key, &place, &made);
    if (!c)
        return;
    if (made) {
        c->port = port;
        c->port_slot = slot_of_port(port);
        c->listener = active ? !local : local;
        count_connection(c);
    }
    struct conn_end *me = &c->end[local & 1];
    me->sk = (__u64)tp;
    me->cgroup_id = ((struct sock *)tp)->sk_cgrp_data.cgroup->kn->id;
    __u64 cookie = bpf_get_socket_cookie(ops);
    if (!join(ops, me->sk, cookie, &place)) {
        count(&totals.add_failed, 1);
        forget_end(&place, c, 0);
        return;
    }
    me->cookie = cookie;
    count(&totals.sockets_added, 1);
    want_callbacks(ops, me);
}

static __always_inline void tell_closed(const struct conn *c, const struct conn_end *me,
                                        __u32 local)
{
    struct note *n = bpf_ringbuf_reserve(&notes, sizeof(*n), 0);
    if (!n) {
        count(&totals.notes_lost, 1);
        return;
    }
    n->type = NOTE_CLOSED;
    n->end = local;
    n->key = c->key;
    n->cgroup_id = me->cgroup_id;
    n->bytes_redirected = me->bytes_redirected;
    n->bytes_passed = me->bytes_passed;
    n->reason = me->reason;
    n->pad = 0;
    // The loader looks at its interval; only a ring that fills up wakes it.
    bool full = bpf_ringbuf_query(&notes, BPF_RB_AVAIL_DATA) > NOTES_BYTES / 2;
    bpf_ringbuf_submit(n, full ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

static __always_inline void end_closed(const struct place *place, struct conn *c, __u64 by_tcp)
{
    struct conn_end *me = &c->end[place->end & 1];
    // What went by TCP before the socket joined the map or after it left, no hook saw; TCP counted
    // it. It stands as one message.
    if (by_tcp > me->bytes_passed) {
        count_sent(c->port_slot, me->reason ? me->reason : PASS_EARLY, 1,
                   by_tcp - me->bytes_passed);
        me->bytes_passed = by_tcp;
    }
    count(&totals.sockets_closed, 1);
    if (per_connection)
        tell_closed(c, me, place->end);
    __u64 cookie = me->cookie;
    forget_end(place, c, cookie);
    bpf_map_delete_elem(&places, &cookie);
}

static __always_inline void closed(struct bpf_sock_ops *ops)
{
    struct bpf_sock *sk = ops->sk;
    struct tcp_sock *tp = sk ? bpf_skc_to_tcp_sock(sk) : NULL;
    struct place *place = tp ? place_of(tp) : NULL;
    struct conn *c = connection_of(place);
    if (place && c && c->end[place->end & 1].cookie)
        end_closed(place, c, tp->bytes_sent - tp->bytes_retrans);
}

static __always_inline bool take_out(struct conn_end *me, __u64 name)
{
    if (bpf_map_delete_elem(&sockets, &name) != 0)
        return false;
    me->left = 1;
    count(&totals.sockets_left, 1);
    return true;
}

// A socket that has left needs to be asked no more, unless another program wants to be. That is
// found out at the first segment after it left, when the one before has shown who writes options.
static __always_inline void stop_segment_callbacks(struct bpf_sock_ops *ops,
                                                   const struct conn_end *me)
{
    if (!walk_removes && !me->options)
        bpf_sock_ops_cb_flags_set(ops,
                                  ops->bpf_sock_ops_cb_flags & ~BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG);
}

// Takes this socket out if that is proven safe, closing the connection to redirect if it must be.
// The socket is locked, so TCP puts nothing into its psock queue meanwhile (the verdict would).
static __always_inline void leave(struct bpf_sock_ops *ops, bool must)
{
    struct bpf_sock *sk = ops->sk;
    struct tcp_sock *tp = sk ? bpf_skc_to_tcp_sock(sk) : NULL;
    struct place *place = tp ? place_of(tp) : NULL;
    struct conn *c = connection_of(place);
    if (!place || !c || (!must && !control.stop && !gains_nothing(c)))
        return;
    struct conn_end *me = &c->end[place->end & 1];
    if (!me->cookie)
        return;
    if (me->left) {
        stop_segment_callbacks(ops, me);
        return;
    }
    __sync_lock_test_and_set(&c->closed, 1);
    const struct conn_end *peer = &c->end[!(place->end & 1)];
    bool got_nothing = peer->redirects == 0 && tp->bytes_received == 0;
    if (!got_nothing && (!at_rest(peer) || !queue_empty(me)))
        return;
    me->quiet = me->redirects == 0 || psock_references(me->sk, me->cookie) == 1;
    if (!me->reason)
        me->reason = control.stop ? PASS_STOP : PASS_LEFT;
    __u64 name = place->id * 2 + (place->end & 1);
    take_out(me, name);
}

static __always_inline void others_write_options(struct bpf_sock_ops *ops)
{
    struct bpf_sock *sk = ops->sk;
    struct tcp_sock *tp = sk ? bpf_skc_to_tcp_sock(sk) : NULL;
    struct place *place = tp ? place_of(tp) : NULL;
    struct conn *c = connection_of(place);
    if (place && c)
        c->end[place->end & 1].options = 1;
}

SEC("sockops")
int sockredir_ops(struct bpf_sock_ops *ops)
{
    switch (ops->op) {
    case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
        established(ops, true);
        break;
    case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
        established(ops, false);
        break;
    case BPF_SOCK_OPS_STATE_CB:
        if (ops->args[1] == BPF_TCP_CLOSE)
            closed(ops);
        // After its FIN a socket that only reads is better off outside: the kernel answers a
        // blocking read on a socket in the map with EAGAIN if anything else than data wakes it
        // (tcp_bpf_recvmsg), such as the ACK of that FIN.
        else if (ops->args[1] == BPF_TCP_FIN_WAIT1)
            leave(ops, true);
        break;
    case BPF_SOCK_OPS_HDR_OPT_LEN_CB: // a segment is about to be sent; the socket is locked
        leave(ops, false);
        break;
    case BPF_SOCK_OPS_WRITE_HDR_OPT_CB: // only comes if another program has asked for room
        others_write_options(ops);
        break;
    }
    return 1;
}

// ---- each send

SEC("sk_msg")
int sockredir_msg(struct sk_msg_md *msg)
{
    __u32 bytes = msg->size;
    struct bpf_sock *sk = msg->sk;
    struct tcp_sock *tp = sk ? bpf_skc_to_tcp_sock(sk) : NULL;
    struct place *place = tp ? place_of(tp) : NULL;
    struct conn *c = connection_of(place);
    if (!tp || !place || !c) {
        count_sent(0, PASS_UNKNOWN, 1, bytes);
        return SK_PASS;
    }
    __u64 local = place->end & 1, other = place->id * 2 + !local;
    struct conn_end *me = &c->end[local], *peer = &c->end[!local];
    __u64 task = bpf_get_current_task();
    __u32 reason = me->reason;
    if (!reason) {
        claim_writer(me, task);
        intend(me);
        reason = why_not(tp, bytes, c, me, peer);
        if (reason == PASS_NONE && !shadow &&
            bpf_msg_redirect_hash(msg, &sockets, &other, BPF_F_INGRESS) != SK_PASS)
            reason = PASS_PEER;
        if (reason != PASS_NONE || shadow)
            __sync_fetch_and_add(&me->redirects, -1);
    }
    peer->run_msgs = 0;
    peer->run_bytes = 0;
    me->run_msgs++;
    me->run_bytes += bytes;
    if ((reason != PASS_NONE || shadow) && me->writer == task)
        me->settled = 1;
    if (reason == PASS_NONE && shadow) {
        me->shadow = 1;
        reason = PASS_SHADOW;
    } else if (reason == PASS_NONE) {
        me->bytes_redirected += bytes;
        me->unread_bytes += bytes;
        me->unread_msgs++;
    } else if (!me->reason) {
        me->reason = reason;
        if (walk_removes)
            wake_loader();
    }
    if (reason != PASS_NONE)
        me->bytes_passed += bytes;
    count_sent(c->port_slot, reason, 1, bytes);
    return SK_PASS;
}

SEC("sk_skb/stream_verdict")
int sockredir_pass(struct __sk_buff *skb)
{
    (void)skb;
    return SK_PASS;
}

// ---- sockets leave

// The socket of this cookie has not closed. An exchange for its barrier: what was read of the end
// before was the socket's.
static __always_inline bool is_open(struct conn_end *me, __u64 cookie)
{
    return __sync_val_compare_and_swap(&me->cookie, cookie, cookie) == cookie;
}

// The end of this cookie may leave. An end that closes meanwhile (its cookie goes then) stays: its
// queue was not looked at, and its program may not have read all yet.
static __always_inline bool proven_safe(struct conn *c, struct conn_end *me, __u64 cookie)
{
    if (!c->leave) {
        __sync_lock_test_and_set(&c->closed, 1);
        if (!at_rest(&c->end[0]) || !at_rest(&c->end[1]))
            return false;
        // A barrier again: what the last redirect queued must be seen.
        __sync_lock_test_and_set(&c->closed, 1);
        if (!queue_empty(&c->end[0]) || !queue_empty(&c->end[1]))
            return false;
    }
    if (!is_open(me, cookie))
        return false;
    c->leave = 1;
    return true;
}

// An end whose socket has closed without a word: another program has taken away the flag that makes
// TCP tell us. What went by TCP is counted if nobody has used the memory of the socket since.
static __always_inline bool closed_unseen(const struct place *place, struct conn *c, __u64 cookie)
{
    struct conn_end *me = &c->end[place->end & 1];
    if (!is_open(me, cookie) || !is_closed(me->sk, cookie))
        return false;
    end_closed(place, c, sent_until_closed(me->sk, cookie));
    return true;
}

static long visit(const void *map, const __u64 *key, const struct place *at, void *unused)
{
    (void)map;
    (void)unused;
    __u64 cookie = *key;
    struct place place = *at;
    struct conn *c = connection_of(&place);
    if (!c) { // its other end was gone before this one was there
        bpf_map_delete_elem(&places, &cookie);
        return 0;
    }
    struct conn_end *me = &c->end[place.end & 1];
    if (closed_unseen(&place, c, cookie) || me->left || !is_open(me, cookie))
        return 0;
    __u64 name = place.id * 2 + (place.end & 1);
    walk.sockets++;
    if (c->port_slot < PORT_SLOTS)
        sockets_of_port[c->port_slot]++;
    struct queue queue = {};
    if (me->cookie && measure_queue(me->sk, me->cookie, &queue))
        walk.unread_bytes += queue.bytes;
    if (!walk_removes || (!control.stop && !gains_nothing(c)))
        return 0;
    walk.wanted++;
    if (!proven_safe(c, me, cookie))
        return 0;
    if (!me->reason)
        me->reason = control.stop ? PASS_STOP : PASS_LEFT;
    if (take_out(me, name))
        walk.removed++;
    return 0;
}

// The loader runs it with BPF_PROG_TEST_RUN; the packet is nothing to it. Not an iterator, since
// some kernels refuse those over the elements of a map; of the kinds of program that can be run so,
// this is one that may take sockets out of a socket map. It visits the places, which are those of
// the sockets in the map and of those that left it.
SEC("tc")
int sockredir_walk(struct __sk_buff *skb)
{
    (void)skb;
    bpf_for_each_map_elem(&places, visit, NULL, 0);
    return 0;
}
