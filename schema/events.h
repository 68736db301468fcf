// SPDX-License-Identifier: Apache-2.0
//
// events.h - events.def as C: one enum of types, one struct an event, one descriptive table.
//
// Producers fill a struct event with EVENT_SET and hand it to event_encode (encode.h); the helper's
// decoder fills the same struct from a line.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "schema/ip.h"

// Stands in the names of stored segments. To be raised when a reader of today would misread what is
// written then; events and keys that are merely new are counted by older readers and do no harm.
enum { SCHEMA_VERSION = 1 };

// Bytes somebody else owns: not NUL-terminated, any value allowed. ptr is NULL for "absent".
struct text {
    const char *ptr;
    size_t len;
};

#define TEXT_LITERAL(s) ((struct text){(s), sizeof(s) - 1})

struct text text_of(const char *string);
// Inline: mostly the lengths tell, or one of the two is a short literal.
static inline bool text_equal(struct text a, struct text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
// Below, at or above 0 as a comes before b by its bytes; what is absent comes first.
int text_compare(struct text a, struct text b);

enum field_type { FIELD_U64, FIELD_I64, FIELD_TEXT, FIELD_IP };

enum unit {
    UNIT_NONE,
    UNIT_NS,
    UNIT_US,
    UNIT_S,
    UNIT_BYTES,
    UNIT_PACKETS,
    UNIT_COUNT,
    UNIT_PPM,
    UNIT_PORT,
    UNIT_ID,
    UNIT_FLAG,
};

#define NEED_REQUIRED true
#define NEED_OPTIONAL false

#define CTYPE_U64  uint64_t
#define CTYPE_I64  int64_t
#define CTYPE_TEXT struct text
#define CTYPE_IP   struct ip_addr

// enum event_type: EV_begin, EV_ready, …
enum event_type {
#define EVENT(e, doc) EV_##e,
#define FIELD(e, key, type, unit, need, doc)
#define END(e)
#include "schema/events.def"
    EV_COUNT
};

// struct ev_NAME: the values of an event, in the order of events.def
#define EVENT(e, doc)                        struct ev_##e {
#define FIELD(e, key, type, unit, need, doc) CTYPE_##type key;
#define END(e)                                                                                     \
    }                                                                                              \
    ;
// clang-format off
#include "schema/events.def"

// enum { F_NAME_KEY, … }: the number of a key within its event, which is its bit in event.present
#define EVENT(e, doc)                         enum {
#define FIELD(e, key, type, unit, need, doc)  F_##e##_##key,
#define END(e)                                F_##e##_COUNT };                              \
    _Static_assert(F_##e##_COUNT <= 64, "an e has at most 64 keys");
#include "schema/events.def"

struct event {
    enum event_type type;
    uint64_t ts_us;      // microseconds since the Unix epoch
    struct text host;    // in `begin`, else set by `netvitals record`
    uint64_t seq;        // with host: position in that host's store, from 1; 0 is absent
    uint64_t present;    // bit F_NAME_KEY: the key was there
    union {
#define EVENT(e, doc)                         struct ev_##e e;
#define FIELD(e, key, type, unit, need, doc)
#define END(e)
#include "schema/events.def"
    };
};
// clang-format on

// Sets a key and marks it present:  EVENT_SET(&ev, flow, bytes_up, 1500);
#define EVENT_SET(ev, event, key, value)                                                           \
    ((ev)->event.key = (value), (ev)->present |= UINT64_C(1) << F_##event##_##key)

#define EVENT_HAS(ev, event, key) (((ev)->present >> F_##event##_##key & 1) != 0)

// Room for a key as it stands in a line. It is copied whole, whatever the key's length.
enum { JSON_KEY_MAX = 32 };

struct field_info {
    const char *key;
    size_t key_len;
    char json_key[JSON_KEY_MAX]; // ,"KEY": and then NULs
    size_t json_key_len;
    enum field_type type;
    enum unit unit;
    bool required;
    size_t offset; // within struct event
    const char *doc;
};

struct event_info {
    const char *name;
    size_t name_len;
    const char *doc;
    const struct field_info *fields;
    unsigned field_count;
    uint64_t required; // bits of the keys that must be there
};

// One row an event type, indexed by enum event_type.
extern const struct event_info event_table[EV_COUNT];

// The row of the event called name, or NULL.
const struct event_info *event_info_find(struct text name);

// Words for docs and `netvitals schema`: "u64", "ns".
const char *field_type_name(enum field_type type);
const char *unit_name(enum unit unit);
