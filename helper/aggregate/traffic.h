// SPDX-License-Identifier: Apache-2.0
//
// traffic.h - the traffic report: bytes and packets by any combination of keys. Private to
// traffic*.c.
#pragma once

#include "helper/aggregate/aggregate.h"
#include "helper/aggregate/intern.h"
#include "helper/aggregate/keymap.h"
#include "helper/aggregate/subscribers.h"
#include "helper/aggregate/windows.h"

// What a row can be made of: bits of --by, in the order of the columns.
enum traffic_dimension {
    BY_HOST,
    BY_IFACE,
    BY_SUB,
    BY_PEER,
    BY_PROTO,
    BY_PEER_PORT,
    BY_NAME,
    BY_EVIDENCE,
    BY_UNVERIFIED,
    TRAFFIC_DIMENSIONS
};

// Members of dimensions that --by does not name are 0.
struct traffic_key {
    uint64_t window_us;
    struct ip_addr sub, peer;
    uint32_t host, iface, name, evidence; // interned
    uint32_t subscriber;                  // interned name that --subscribers gives; then sub is 0
    uint16_t peer_port;
    uint8_t proto;
    uint8_t unverified;
    uint8_t has; // bits HAS_*: the event had it
    uint8_t padding[7];
};

enum { HAS_SUB = 1, HAS_PEER = 2, HAS_PROTO = 4, HAS_PEER_PORT = 8 };

// Sums modulo 2^64: corrections (reclass) subtract, and may come before what they correct.
struct traffic_cell {
    uint64_t bytes_up, bytes_down, packets_up, packets_down;
};

struct totals_key {
    uint32_t host, iface;
};

enum totals_class {
    TOTAL_SEEN,
    TOTAL_ACCOUNTED,
    TOTAL_OVERFLOW,
    TOTAL_NOT_OURS,
    TOTAL_NON_IP,
    TOTAL_BAD_HEADER,
    TOTAL_OUTER_FRAGMENTS,
    TOTAL_REJECTED_OUTER,
    TOTALS
};

// The traffic_totals of an interface.
struct totals_cell {
    uint64_t from_us, to_us;
    uint64_t packets[TOTALS], bytes[TOTALS];
};

struct traffic {
    const struct report_options *options;
    unsigned by; // bits of enum traffic_dimension
    struct windows windows;
    struct keymap *cells;  // struct traffic_cell by struct traffic_key
    struct keymap *totals; // struct totals_cell by struct totals_key
    struct intern *words;
    struct subscribers *subscribers; // NULL without --subscribers
    struct traffic_cell other;       // keys beyond the limit, together
    bool out_of_memory;
};

// A row before it is printed.
struct traffic_row {
    struct traffic_key key;
    struct traffic_cell cell;
};

// Reads --by. False after a line on stderr.
bool traffic_by_parse(const char *text, unsigned *by);

// Columns of the dimensions in `by`, and the cells of a key in them. Returns how many there are.
size_t traffic_key_columns(unsigned by, struct column *out);
size_t traffic_key_cells(const struct traffic *t, const struct traffic_key *key,
                         struct table *table, struct cell *out);

void traffic_cell_add(struct traffic_cell *to, const struct traffic_cell *from);
bool traffic_cell_is_empty(const struct traffic_cell *cell);

// Adds the rows, largest first, and the note on what became of all packets.
void traffic_rows(const struct traffic *t, struct report *report);

// Adds the section `timeline` where windows are kept.
void traffic_timeline(const struct traffic *t, struct report *report);

// `netvitals check traffic`.
enum check_state traffic_check(void *self, uint64_t now_us, struct check_result *result);
