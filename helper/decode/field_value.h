// SPDX-License-Identifier: Apache-2.0
//
// field_value.h - a value into its field of an event, the same for both parsers.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "schema/events.h"

// The keys that any event may have: ts_us, host, seq. `type` is none of them: it chose the event.
enum { COMMON_FIELD_COUNT = 3 };
extern const struct field_info common_fields[COMMON_FIELD_COUNT];

// The largest integer that a field takes, by its type and unit.
uint64_t field_largest(const struct field_info *field);

// An integer as it stands in a line: magnitude and sign.
struct integer {
    uint64_t magnitude;
    bool negative;
};

enum integer_error { INTEGER_OK, INTEGER_NOT, INTEGER_RANGE };

// Reads len bytes that are an integer by the grammar of JSON and nothing else. INTEGER_RANGE if it
// is one whose magnitude does not fit 64 bits.
enum integer_error integer_parse(const char *text, size_t len, struct integer *out);

// What is wrong with a value, as words behind "KEY: "; NULL if it was taken.
const char *field_set_integer(struct event *ev, const struct field_info *field,
                              struct integer value);
const char *field_set_text(struct event *ev, const struct field_info *field, struct text value);

// A value in quotes: text, an address, or an integer, as the field's type says. text must live as
// long as the event.
const char *field_set_quoted(struct event *ev, const struct field_info *field, struct text value);

extern const char field_error_type_integer[]; // "not an integer"
extern const char field_error_range[];        // "out of range"
