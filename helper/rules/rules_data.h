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

enum {
    NAME_LEN_MAX = 255, // of a name that is looked up; longer ones are in no list
    NAME_LABELS_MAX = NAME_LEN_MAX,
    NAME_HITS_MAX = NAME_LABELS_MAX + 1, // each label, and the whole name as exact
};
#define NAME_HASH_START UINT64_C(0xcbf29ce484222325)

// A name while the file is being read.
struct name_entry {
    struct text name; // copied
    struct use_list suffix, exact;
};

struct name_slot {
    uint32_t tag;    // upper half of the hash
    uint32_t record; // where its record is; 0: the slot is free
};

struct name_index {
    struct name_entry *entries; // until name_index_build
    uint32_t *entry_at;         // by hash: entry + 1
    size_t entry_mask, capacity;
    uint32_t count;
    struct name_slot *slots; // by hash; from name_index_build on
    size_t slot_mask;
    char *records;
};

// False if there is no memory.
bool name_index_add(struct name_index *index, struct text name, bool exact, struct use use);
// After the last name: makes the table that is looked up in. False if there is no memory.
bool name_index_build(struct name_index *index);
// The uses of the whole name (exact first) and of each of its parents, longest first, into out.
// Returns how many lists these are.
size_t name_index_find(const struct name_index *index, struct text name,
                       struct use_list out[NAME_HITS_MAX]);
void name_index_free(struct name_index *index);

// ---- prefixes: flattened into ranges that do not overlap

struct prefix {
    struct ip_addr first, last;
    struct use use;
};

struct prefix_index {
    struct prefix *prefixes;
    size_t count, capacity;
    // from prefix_index_build on: range i begins at firsts[i] and has uses[uses_at[i]] up to
    // uses[uses_at[i + 1]]
    struct ip_addr *firsts;
    uint32_t *uses_at;
    struct use *uses;
    size_t range_count, uses_count, uses_capacity;
    // the IPv4 ranges among them, as numbers, and how many of them lie below each x.y.0.0
    size_t v4_start, v4_count;
    uint32_t *v4_firsts, *v4_below;
};

// Reads "10.0.0.0/8", "2001:db8::/32" or an address. False if it is none, or has bits behind its
// length.
bool prefix_parse(struct text text, struct ip_addr *first, struct ip_addr *last);
bool prefix_index_add(struct prefix_index *index, struct ip_addr first, struct ip_addr last,
                      struct use use);
bool prefix_index_build(struct prefix_index *index);
struct use_list prefix_index_find(const struct prefix_index *index, struct ip_addr ip);
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
    char hash[RULES_HASH_TEXT], asn_hash[RULES_HASH_TEXT];
    struct app *apps;
    size_t app_count;
    uint32_t *open_apps; // that select nothing, ascending: they take what their conditions take
    size_t open_count;
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
