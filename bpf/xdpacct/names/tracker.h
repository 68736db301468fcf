// SPDX-License-Identifier: Apache-2.0
//
// tracker.h - which host name a flow's bytes went to, and how that is known.
//
// The XDP program hands over copies of DNS answers and of the first payload that a subscriber sends
// on a flow. From them the tracker learns, per subscriber, the names of addresses, and per flow the
// name that the client asked the server for. A flow gets its name once:
//
//   host, sni, quic   what the client sent; `unverified` unless a DNS answer that this subscriber
//   got
//                     ties the name to the address, since clients can send what they like
//   dns               else the newest name that the subscriber was told for the address when the
//                     flow was first seen; `ambiguous` if it was told several
//
// A flow that was reported before its name was known is told again as `moved`: what was reported in
// each interval so far belongs to the new name. A name that stands in the part of a hello that has
// come counts already, and is taken back if the rest tells otherwise. Memory is bounded: see
// TRACKER_* and tracker__bytes. When a table is full, what was not heard of for longest is
// forgotten.
#pragma once

#include "bpf/xdpacct/names/packet.h"
#include "schema/events.h"

enum {
    TRACKER_ADDRESSES = 64 * 1024, // pairs of subscriber and address that DNS answers are kept for
    TRACKER_NAMES = 64 * 1024,     // different names
    TRACKER_OPEN = 32 * 1024,      // flows reported without a name that may still get one
    TRACKER_TCP_STARTS = 256,      // hellos that are being put together, TCP
    TRACKER_QUIC_STARTS = 512,     // and QUIC
    TRACKER_DNS_STREAMS = 8,       // DNS over TCP
    TRACKER_OPEN_BYTES =
        32 * 1024, // a flow that sent more than this got its name long ago or never will
};

enum { TRACKER_MOVED_MAX = 4 }; // intervals that are moved apart; later ones go with the last

// What tracker__bytes comes to, rounded up: without flows, and for each of them.
#define TRACKER_MIB        29
#define TRACKER_FLOW_BYTES 72

enum evidence { EVIDENCE_NONE, EVIDENCE_DNS, EVIDENCE_SNI, EVIDENCE_QUIC, EVIDENCE_HOST };

struct verdict {
    struct text name; // absent with EVIDENCE_NONE; valid until the next call
    enum evidence evidence;
    bool ambiguous, unverified;
};

// A name that was not known before for an address that a subscriber uses.
struct learnt {
    struct ip_addr sub, peer;
    struct verdict verdict;
    uint32_t ttl_s; // with EVIDENCE_DNS
};

struct tracker_config {
    uint32_t flows; // whose name is remembered
    bool hellos;    // false: DNS answers only
    // Whether answers from this resolver are believed. NULL: all are.
    bool (*trusts)(void *context, struct ip_addr resolver);
    // Told of every new name. May be NULL.
    void (*learn)(void *context, const struct learnt *learnt);
    void *context;
};

// Since the last tracker__take_counts.
struct tracker_counts {
    uint64_t copies;              // packets looked at
    uint64_t dns_answers;         // that gave a name an address
    uint64_t dns_untrusted;       // such from a resolver that is not believed
    uint64_t hellos_named;        // flows that got a name from what the client sent
    uint64_t hellos_unnamed;      // hellos without a name, or with one that ECH hides behind
    uint64_t incomplete;          // hellos of which a part was missing
    uint64_t contradictory;       // hellos of which parts came twice and differed
    uint64_t no_room;             // names that found no room
    uint64_t flows_forgotten;     // to make room for others
    uint64_t addresses_forgotten; // likewise, with what DNS said of them
    uint64_t open_forgotten;      // flows reported without a name that cannot be corrected any more
    uint64_t dns_over_limit; // addresses in answers that were not kept: a subscriber's share is out
};

// An interval: end_us is what the events of its flows are stamped with.
struct tracker_interval {
    uint64_t end_us, length_us;
};

struct attribution {
    struct verdict verdict;
    unsigned moved_count; // intervals that were reported under `from`
    struct verdict from;  // name valid until the next call
    struct moved {
        struct tracker_interval interval;
        struct flow_count count;
    } moved[TRACKER_MOVED_MAX];
};

struct tracker;

// NULL: no memory.
struct tracker *tracker__new(const struct tracker_config *config);
void tracker__free(struct tracker *t);

// Takes a copy, size bytes with its head, as it came from the kernel.
void tracker__packet(struct tracker *t, const void *copy, size_t size, uint64_t now_us);

// Whose bytes these are: `count` was counted for the flow in the interval that ends now. All copies
// of the interval must have been taken before.
void tracker__attribute(struct tracker *t, const struct flow_key *flow,
                        const struct flow_count *count, const struct tracker_interval *interval,
                        struct attribution *out);

struct tracker_counts tracker__take_counts(struct tracker *t);

// The most memory that the tracker can come to use.
size_t tracker__bytes(const struct tracker *t);

// "dns", "sni", "quic", "host"; absent for EVIDENCE_NONE.
struct text evidence_text(enum evidence evidence);
