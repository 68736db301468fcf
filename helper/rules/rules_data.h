// SPDX-License-Identifier: Apache-2.0
//
// rules_data.h - what a rule file becomes. Private to rules_*.c.
#pragma once

#include <maxminddb.h>
#include "helper/rules/rules.h"

// A use of a suffix, name, prefix or AS number by an app.
struct use {
    uint32_t app;
    bool exclude;
};

struct use_list {
    struct use *items; // by app, ascending
    uint32_t count;
};

// ---- names: suffixes and exact names in one hash table

struct name_entry {
    struct text name; // copied
    bool exact;
    struct use_list uses;
};

struct name_index {
    struct name_entry *entries;
    uint32_t count, capacity;
    uint32_t *slots; // entry + 1; 0 is free
    uint32_t slot_mask;
};

// False if there is no memory.
bool name_index_add(struct name_index *index, struct text name, bool exact, struct use use);
const struct use_list *name_index_find(const struct name_index *index, struct text name,
                                       bool exact);
void name_index_free(struct name_index *index);

// ---- prefixes: flattened into ranges that do not overlap, found by binary search

struct prefix {
    struct ip_addr first, last;
    struct use use;
};

struct range {
    struct ip_addr first;
    struct use_list uses;
};

struct prefix_index {
    struct prefix *prefixes;
    size_t count, capacity;
    struct range *ranges; // made by prefix_index_build
    size_t range_count;
};

// Reads "10.0.0.0/8", "2001:db8::/32" or an address. False if it is none, or has bits behind its
// length.
bool prefix_parse(struct text text, struct ip_addr *first, struct ip_addr *last);
bool prefix_index_add(struct prefix_index *index, struct ip_addr first, struct ip_addr last,
                      struct use use);
bool prefix_index_build(struct prefix_index *index);
const struct use_list *prefix_index_find(const struct prefix_index *index, struct ip_addr ip);
void prefix_index_free(struct prefix_index *index);

// ---- apps

struct port_range {
    uint8_t proto; // IPPROTO_TCP, IPPROTO_UDP, …
    uint16_t first, last;
    bool exclude;
};

struct time_window {
    uint8_t days;         // bit 0 is Monday
    uint16_t from, until; // minutes of the day; until <= from ends on the next day
};

struct app {
    struct text name, rate; // copied
    bool selects;           // has suffix, exact, cidr or asn
    struct port_range *ports;
    size_t port_count;
    bool has_port; // has a port that is not an exclusion
    struct time_window *times;
    size_t time_count;
    bool has_subscribers; // subscribers of an app: prefixes in rules.subscribers
};

struct group {
    struct text name; // copied
    struct prefix *prefixes;
    size_t count;
};

struct asn_use {
    uint32_t asn;
    struct use use;
};

struct rules {
    char hash[RULES_HASH_TEXT];
    struct app *apps;
    size_t app_count;
    struct group *groups;
    size_t group_count;
    struct name_index names;
    struct prefix_index peers;
    struct prefix_index subscribers; // use.app: the app whose condition it is
    struct asn_use *asns;            // by asn, then app
    struct use *asn_uses;            // the use of each, side by side
    size_t asn_count;
    MMDB_s asn_file;
    bool has_asn_file;
    int32_t zone_s; // east of UTC
};
