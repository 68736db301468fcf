// SPDX-License-Identifier: Apache-2.0
//
// dns_cache.h - which names each subscriber was told for an address, and how long that counts.
//
// An answer counts for new flows until its TTL is over, but at least 5 minutes, because clients go
// on using an address, and at most one hour.
#pragma once

#include "bpf/xdpacct/names/dns.h"
#include "bpf/xdpacct/names/lru.h"
#include "bpf/xdpacct/names/name_pool.h"

enum {
    DNS_NAMES_PER_ADDRESS = 4, // the newest ones are kept
    DNS_VALID_MIN_S = 300,
    DNS_VALID_MAX_S = 3600,
};

enum { DNS_SHARES = 4096, DNS_SHARE_S = 10, DNS_SHARE_MAX = 2048 };

struct dns_cache {
    struct lru addresses;
    struct name_pool *pool;
    uint64_t over_limit; // addresses that were not kept: their subscriber had too many new ones
    // New addresses of subscribers, by hash, in the DNS_SHARE_S seconds of `period`: nobody can
    // push all others out of the cache faster than answers grow old.
    struct dns_share {
        uint32_t period, count;
    } shares[DNS_SHARES];
};

struct dns_match {
    name_id name;   // the newest that counts; 0: none. Held by the cache only.
    bool ambiguous; // another name counts too
};

// Room for `addresses` pairs of subscriber and address. False: no memory.
bool dns_cache__open(struct dns_cache *c, uint32_t addresses, struct name_pool *pool);
void dns_cache__close(struct dns_cache *c);

// Adds one name for an address. last is where the chain of CNAMEs ended: it is no name of the flow,
// but it verifies one. True if the subscriber was not told this name for this address within the
// time that it counts.
bool dns_cache__learn(struct dns_cache *c, struct ip_addr sub, const struct dns_address *address,
                      const struct host_name *name, const struct host_name *last, uint32_t now_s);

struct dns_match dns_cache__find(struct dns_cache *c, struct ip_addr sub, struct ip_addr ip,
                                 uint32_t now_s);

// Whether an answer that counts ties the name to the address.
bool dns_cache__verifies(struct dns_cache *c, struct ip_addr sub, struct ip_addr ip, name_id name,
                         uint32_t now_s);
