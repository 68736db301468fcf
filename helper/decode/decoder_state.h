// SPDX-License-Identifier: Apache-2.0
//
// decoder_state.h - what the parts of the decoder share. Private to helper/decode.
#pragma once

#include <json-c/json.h>
#include <stdarg.h>
#include "helper/decode/decoder.h"
#include "helper/decode/scan.h"
#include "helper/decode/text_arena.h"

enum { DECODER_ERROR_MAX = 128 };

struct decoder {
    struct scan *scan;
    struct text_arena texts;
    struct json_tokener *tokener;
    unsigned long unknown_keys;
    struct text raw; // decoder_raw()
    char error[DECODER_ERROR_MAX];
    // Lines out of bpftrace's printf objects that are not decoded yet: bytes [from, to) of queue.
    char *queue;
    size_t queue_from, queue_to, queue_size;
};

// Sets decoder_error() and returns DECODE_BAD.
enum decode_result decoder_bad(struct decoder *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Parses a line with json-c. NULL, with decoder_error() set, if it is not an object. The caller
// puts it.
struct json_object *json_line_parse(struct decoder *d, const char *line, size_t len);

// The event that a parsed line says (json_event.c). type is the line's "type".
enum decode_result json_event(struct decoder *d, struct json_object *line,
                              const struct event_info *info, struct event *out);

// bpftrace's envelope (bpftrace.c): the line is an object whose type the schema does not have.
enum decode_result bpftrace_object(struct decoder *d, struct json_object *object, struct text type,
                                   const char *line, size_t len, struct event *out);

// bpftrace's notices in text mode: DECODE_BAD, without an error, if the line is none.
enum decode_result bpftrace_notice(const char *line, size_t len, struct event *out);

// A line that is neither a notice nor goes through the envelope again.
enum decode_result decoder_bare_line(struct decoder *d, const char *line, size_t len,
                                     struct event *out);
