// SPDX-License-Identifier: Apache-2.0
//
// traffic_key.h - what a row of the traffic report can be named by, and keys made of some of it.
//
// A key is the asked-for members of struct traffic_facts side by side, so a report by subscriber
// and domain has keys of 24 bytes and its cells stay within a cache line.
#pragma once

#include "helper/aggregate/intern.h"
#include "helper/report/report.h"

// All that is known of the traffic of an event. Numbers of words are of intern.h.
struct traffic_facts {
    uint64_t window_us;  // start of the window; 0 without
    struct ip_addr sub;  // zero: absent
    struct ip_addr peer; // zero: absent
    uint32_t subscriber; // name by --subscribers, which stands in place of sub
    uint32_t host, iface;
    uint32_t name, app, rate, evidence;
    uint32_t app_before, rate_before; // by the rules of --diff
    uint16_t peer_port;
    uint8_t proto, unverified;
};

// Numbers of the parts, in the order of columns and of keys.
enum traffic_part {
    PART_WINDOW,
    PART_HOST,
    PART_IFACE,
    PART_SUBSCRIBER, // no column of its own: shown in that of sub
    PART_SUB,
    PART_PEER,
    PART_PROTO,
    PART_PEER_PORT,
    PART_NAME,
    PART_APP_BEFORE,
    PART_RATE_BEFORE,
    PART_APP,
    PART_RATE,
    PART_EVIDENCE,
    PART_UNVERIFIED,
    PART_COUNT
};

enum { TRAFFIC_KEY_MAX = (sizeof(struct traffic_facts) + 7) / 8 * 8 };

#define PART_BIT(part) (1u << PART_##part)

// Reads "sub,app" into a set of bits. False after a line on stderr.
bool traffic_parts_parse(const char *by, uint32_t *parts);

// A multiple of 8, as keymap.h wants it.
size_t traffic_key_size(uint32_t parts);
void traffic_key_pack(uint32_t parts, const struct traffic_facts *facts,
                      uint8_t key[TRAFFIC_KEY_MAX]);
// Members that are not in parts are zero.
void traffic_key_unpack(uint32_t parts, const uint8_t *key, struct traffic_facts *facts);

// The columns of these parts, in their order; flags are added to each.
void traffic_key_columns(uint32_t parts, struct table *t, unsigned flags);
// Writes their cells and returns the place behind them.
struct cell *traffic_key_cells(uint32_t parts, const struct traffic_facts *facts,
                               const struct intern *words, struct table *t, struct cell *at);
