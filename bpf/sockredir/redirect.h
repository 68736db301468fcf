// SPDX-License-Identifier: Apache-2.0
//
// redirect.h - the BPF objects of one redirect: load, attach to a cgroup, walk, stop. The preflight
// makes one of its own before the real one.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "bpf/common/loader.h"
#include "bpf/sockredir/sockredir.h"

struct sockredir_bpf;
struct bpf_link;

enum { PORT_WORDS = 1024 };

struct redirect_settings {
    uint64_t ports[PORT_WORDS]; // bit per listening port
    bool shadow;
    bool per_connection;
    bool verdict;         // put the no-op sk_skb verdict on the map
    uint64_t bound_bytes; // redirected and unread, per direction
    uint64_t small_bytes; // mean write size up to which a one-way stream goes by TCP
};

struct redirect {
    struct sockredir_bpf *skel;
    struct bpf_link *ops; // sock_ops on the cgroup
};

// EXIT_OK, or EXIT_CANNOT after a line if this kernel is too old to tell namespaces apart.
int redirect_require(const struct loader *l);

// Loads the programs and attaches them, sockets of cgroup_fd joining from now on. EXIT_OK, or the
// exit code after a message; *r is then empty.
int redirect_start(struct redirect *r, const struct loader *l, int cgroup_fd,
                   const struct redirect_settings *settings);

// Detaches and frees. Sockets that are still in the map keep the map and its program until they
// close: the kernel holds both for them, so nothing that waits in a queue is lost.
void redirect_free(struct redirect *r);

// Nothing is redirected after this; new sockets stay plain.
void redirect_stop(struct redirect *r);

// Undoes redirect_stop for connections that sent nothing meanwhile.
void redirect_resume(struct redirect *r);

// Redirects stop by themselves when until_ns (CLOCK_MONOTONIC) has passed.
void redirect_set_lease(struct redirect *r, uint64_t until_ns);

// Visits every socket in the map: adds up what waits, and takes those out that are proven to be at
// rest. 0 or -errno.
int redirect_walk(struct redirect *r, struct walk *out);

// Sockets of a port slot that the last walk saw.
uint32_t redirect_sockets_of(const struct redirect *r, unsigned slot);

struct totals redirect_totals(const struct redirect *r);

// What slot has counted so far, over all CPUs. 0 or -errno.
int redirect_port_counts(const struct redirect *r, unsigned slot, struct port_counts *out);

// Port slots in use, 0 included, and the listening port of each: ports[slot]; ports[0] stays 0.
unsigned redirect_port_slots(const struct redirect *r, uint16_t ports[PORT_SLOTS]);

int redirect_notes_fd(const struct redirect *r); // the ring buffer; stays r's
