// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// rows.bpf.h - a connection's row: found, made by the end that is established first, freed by the
// end that goes last.
#pragma once

#include "bpf/common/kernel.bpf.h"
#include "bpf/sockredir/conn.bpf.h"
#include "bpf/sockredir/sockredir.h"

static __always_inline struct place *place_of(struct tcp_sock *tp)
{
    __u64 cookie = ((struct sock *)tp)->__sk_common.skc_cookie.counter;
    return bpf_map_lookup_elem(&places, &cookie);
}

static __always_inline struct conn *row_of(__u64 id)
{
    __u32 row = id % CONNECTIONS_MAX;
    return bpf_map_lookup_elem(&connections, &row);
}

// The connection of a socket, or NULL for one that never joined.
static __always_inline struct conn *connection_of(const struct place *place)
{
    struct conn *c = place ? row_of(place->id) : NULL;
    return c && c->id == place->id ? c : NULL;
}

// A free row, with its id in place. Ids go up, so a row is used again after CONNECTIONS_MAX others;
// one that is still in use then is stepped over.
static __always_inline struct conn *claim_row(struct place *place)
{
#pragma unroll
    for (int tries = 0; tries < ROW_TRIES; tries++) {
        place->id = __sync_fetch_and_add(&next_id, 1);
        struct conn *c = row_of(place->id);
        if (c && __sync_val_compare_and_swap(&c->id, 0, place->id) == 0)
            return c;
    }
    return NULL;
}

// A new connection; its name leads to it unless the other end was faster.
static __always_inline struct conn *new_connection(const struct conn_key *key, struct place *place,
                                                   __u64 flags)
{
    struct conn *c = claim_row(place);
    if (!c)
        return NULL;
    __builtin_memset(c->end, 0, sizeof(c->end));
    c->key = *key;
    c->closed = 0;
    c->leave = 0;
    c->ended = 0;
    if (bpf_map_update_elem(&ids, key, &place->id, flags) == 0)
        return c;
    c->id = 0;
    return NULL;
}

// The row of a connection, made by whichever end is established first. A row in which this end is
// taken, or an end closed, is an older connection's of the same name.
static __always_inline struct conn *connection(const struct conn_key *key, struct place *place,
                                               bool *made)
{
    __u64 *id = bpf_map_lookup_elem(&ids, key);
    *made = false;
    if (id) {
        place->id = *id;
        struct conn *c = connection_of(place);
        if (c && !c->ended && !c->end[place->end & 1].cookie)
            return c;
    }
    struct conn *c = new_connection(key, place, id ? BPF_ANY : BPF_NOEXIST);
    if (!c)
        count(&totals.table_full, 1);
    *made = c != NULL;
    return c;
}

// The end that had this cookie (0: it has not joined yet) has no socket any more; the last end
// frees the row and the name. Both may come here at once, on two CPUs: an exchange is a full
// barrier, so at least one of them sees the other gone, and if both do, one of them frees.
static __always_inline void forget_end(const struct place *place, struct conn *c, __u64 cookie)
{
    c->ended = 1;
    if (__sync_val_compare_and_swap(&c->end[place->end & 1].cookie, cookie, 0) != cookie)
        return;
    if (c->end[!(place->end & 1)].cookie)
        return;
    struct conn_key key = c->key; // before the row is anybody's
    if (__sync_val_compare_and_swap(&c->id, place->id, 0) != place->id)
        return;
    __u64 *id = bpf_map_lookup_elem(&ids, &key);
    if (id && *id == place->id)
        bpf_map_delete_elem(&ids, &key);
}
