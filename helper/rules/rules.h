// SPDX-License-Identifier: Apache-2.0
//
// rules.h - the rule file: which traffic belongs to which app, and what it costs.
//
// What a file can say stands in rules_notes.h, which the man page shows, and in
// docs/examples/line.rules.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "schema/events.h"

struct rules;

enum { RULES_ERROR_MAX = 256, RULES_HASH_TEXT = 65 };

// Reads a rule file. NULL with "FILE:LINE:COLUMN: what is wrong" in error.
struct rules *rules_load(const char *path, char error[RULES_ERROR_MAX]);

// The same from memory; path is for messages.
struct rules *rules_parse(const char *path, const char *text, size_t len,
                          char error[RULES_ERROR_MAX]);
void rules_free(struct rules *rules);

// SHA-256 of the file in hexadecimal: what a bill is signed with.
const char *rules_hash(const struct rules *rules);

// SHA-256 of the asn-file; NULL without one.
const char *rules_asn_hash(const struct rules *rules);

// What the file asks of a flow. Of a flow that does not tell, it knows less than it could.
enum rules_ask {
    RULES_ASK_NAME = 1,
    RULES_ASK_PEER = 2,
    RULES_ASK_PORT = 4,
    RULES_ASK_TIME = 8,
    RULES_ASK_SUBSCRIBER = 16,
};
unsigned rules_asks(const struct rules *rules); // bits

// Whether a flow can get this rate: that of an app, or what flows get that no app takes.
bool rules_have_rate(const struct rules *rules, struct text rate);

// The names of all apps and rates.
void rules_each_word(const struct rules *rules, void (*word)(void *context, struct text word),
                     void *context);

struct rule_flow {
    struct ip_addr sub;
    struct ip_addr peer;
    bool has_peer;
    uint8_t proto;
    uint16_t peer_port;
    struct text name; // lower case, without a dot at the end; absent if unknown
    uint64_t ts_us;   // for `time`
};

enum rule_evidence { RULE_NONE, RULE_NAME, RULE_CIDR, RULE_ASN, RULE_CONDITION };

struct rule_verdict {
    struct text app;             // absent if no app took the flow; lives as long as the rules
    struct text rate;            // likewise
    enum rule_evidence evidence; // what decided; a name stands before a prefix
    bool peer_listed;    // the peer is in the app's own cidr or asn: the name is not all there is
    bool asn_unreadable; // the asn-file is damaged here, or holds no AS numbers
};

// Which app a flow belongs to. Costs a few hundred ns whatever the size of the lists.
void rules_match(const struct rules *rules, const struct rule_flow *flow, struct rule_verdict *out);
