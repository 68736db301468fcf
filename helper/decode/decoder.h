// SPDX-License-Identifier: Apache-2.0
//
// decoder.h - one line in, one typed event or a named error out.
//
// The line may be a bare event or one object of `bpftrace -f json`. A scanner made for the lines that
// our own producers write does the bulk; what it does not like goes to json-c, and both agree.
#pragma once

#include <stddef.h>
#include "schema/events.h"

enum decode_result {
    DECODE_EVENT,   // *out is filled
    DECODE_BLANK,   // nothing on the line, or a notice that bpftrace prints between events
    DECODE_UNKNOWN, // well-formed, of a type that the schema does not have
    DECODE_BAD,     // decoder_error() names what is wrong
};

struct decoder;

// NULL if there is no memory.
struct decoder *decoder_new(void);
void decoder_free(struct decoder *d);

// Decodes one line, given without its newline. Text in *out points into line or into the decoder's own
// memory: it lives until decoder_release(). Integers in quotes are taken; keys that the schema does not
// have are counted and skipped; KEY_hex is given back as KEY.
enum decode_result decoder_line(struct decoder *d, const char *line, size_t len, struct event *out);

// What was wrong with the last line that gave DECODE_BAD: "unterminated string", "rtt_ns: out of range".
const char *decoder_error(const struct decoder *d);

// Keys skipped so far because the schema does not have them.
unsigned long decoder_unknown_keys(const struct decoder *d);

// Gives back the memory that text of events decoded so far stands in.
void decoder_release(struct decoder *d);
