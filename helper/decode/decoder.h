// SPDX-License-Identifier: Apache-2.0
//
// decoder.h - one line in, one typed event or a named error out.
//
// The line may be a bare event or one object of `bpftrace -f json`. A scanner made for the lines
// that our own producers write does the bulk; what it does not like goes to json-c, and both agree.
//
// Rules: keys in any order; of a key given twice the last one counts, but a second `type` is an
// error; an integer may stand in quotes; a flag may be true or false; null is an absent key;
// KEY_hex is given back as KEY; keys that the schema does not have are counted and skipped. Strict
// JSON (RFC 8259) otherwise, in valid UTF-8.
#pragma once

#include <stdbool.h>
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

// Bytes behind a line that the decoder may look at (never write, never use).
enum { DECODER_PADDING = 32 };

// Decodes one line, given without its newline; DECODER_PADDING bytes behind it must be readable.
// Text in *out points into line or into the decoder's own memory: it lives until decoder_release().
//
// bpftrace's own notices carry no time: `ready` and `lost` made from them have ts_us 0.
enum decode_result decoder_line(struct decoder *d, const char *line, size_t len, struct event *out);

// The fast way, for whoever has many lines: true if the line at `line`, whose length is not known
// yet, is an event that the scanner takes; *newline is its end. False: find the newline, and call
// decoder_line(). Behind the last newline, or the last byte, of what can be read there must be
// DECODER_PADDING zero bytes.
bool decoder_scan(struct decoder *d, const char *line, const char **newline, struct event *out);

// One object of `bpftrace -f json` may hold several lines of the script's, or a part of one. Call
// this after decoder_line() until it returns false: each call gives the next line's *result and
// *out. What follows the last newline waits for the next object.
bool decoder_next(struct decoder *d, enum decode_result *result, struct event *out);

// No more lines: whether a part of a line was left waiting, which was then decoded as above.
bool decoder_finish(struct decoder *d, enum decode_result *result, struct event *out);

// The bare line that the last result came from: the line itself, or the one within a printf of
// bpftrace's. ptr is NULL for an event made of a notice of bpftrace's, which no line spells. Lives
// as the line or until decoder_release().
struct text decoder_raw(const struct decoder *d);

// What was wrong with the last line that gave DECODE_BAD: "unterminated string", "rtt_ns: out of
// range".
const char *decoder_error(const struct decoder *d);

// Keys skipped so far because the schema does not have them.
unsigned long decoder_unknown_keys(const struct decoder *d);

// Gives back the memory that text of events decoded so far stands in.
void decoder_release(struct decoder *d);

// The reference parser alone: the same as decoder_line() for bare events, without the scanner. For
// tests.
enum decode_result decoder_line_reference(struct decoder *d, const char *line, size_t len,
                                          struct event *out);
