// SPDX-License-Identifier: Apache-2.0
//
// config.h - the command line of xdpacct as text and numbers, and its conversion to the program's
// settings.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "helper/cli.h"
#include "bpf/xdpacct/tunnel_ids.h"
#include "bpf/xdpacct/xdpacct.h"
#include "schema/ip.h"

struct config {
    const char *iface;
    const char *read;     // capture file, or NULL
    const char *mode;     // auto, native, generic, offload
    const char *frags;    // auto, on, off
    struct opt_list ours; // prefixes, also several in one item with commas
    struct opt_list outer_src;
    struct opt_list tunnel_id; // numbers, likewise
    struct opt_list resolvers; // whose DNS answers are believed
    const char *encap;         // comma list, or all, or none
    const char *by;            // flow, subscriber, peer
    const char *bytes;         // ip, wire
    const char *names;         // off, dns, all
    uint64_t interval_us;
    uint64_t max_flows;
    uint64_t v6_bits;
    bool drop, promisc, force;
};

// A prefix as given: address in mapped form, bits counted from 0 to 128.
struct prefix {
    struct prefix_trie_key key;
};

bool prefix__is_v4(const struct prefix *p);

struct prefix_set {
    struct prefix *items;
    size_t count;
};

// What the lists of the command line say.
struct prefix_sets {
    struct prefix_set ours, outer_src, resolvers;
    struct tunnel_ids tunnel_ids;
};

// Reads the items, each a comma list of ADDRESS[/BITS]. EXIT_OK, or EXIT_USAGE after a message. The
// caller frees with prefix_set__free.
int prefix_set__parse(const struct program *program, const char *option,
                      const struct opt_list *list, struct prefix_set *out);
void prefix_set__free(struct prefix_set *set);

bool prefix_set__contains(const struct prefix_set *set, struct ip_addr ip);

// Lays the set out for the program: inline, or marked for the trie.
void prefix_set__settings(const struct prefix_set *set, struct prefixes *out);

// Fills what the command line decides: encaps, ports, by, masks, verdict, byte kind. EXIT_OK or
// EXIT_USAGE.
int config_settings(const struct program *program, const struct config *config,
                    struct settings *out);

// The tunnels of a flow's key as text, outermost first, "gre,vxlan"; "" for none. Returns out.
const char *encap_text(uint8_t encap, char out[32]);
