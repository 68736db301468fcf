// SPDX-License-Identifier: Apache-2.0
//
// bpftrace.c - what bpftrace adds around a script's own lines: the objects of `-f json`, and its
// notices in text mode. Seen in bpftrace 0.17 to 0.27; src/output.cpp and src/output/json.cpp
// there.

#include "helper/decode/decoder_state.h"
#include "helper/decode/field_value.h"
#include "schema/encode.h"

#include <stdlib.h>
#include <string.h>

// ---- notices in text mode

static bool take(struct text *rest, const char *word)
{
    size_t len = strlen(word);
    if (rest->len < len || memcmp(rest->ptr, word, len) != 0)
        return false;
    rest->ptr += len;
    rest->len -= len;
    return true;
}

static bool take_number(struct text *rest, uint64_t *out)
{
    size_t digits = 0;
    struct integer value;
    while (digits < rest->len && rest->ptr[digits] >= '0' && rest->ptr[digits] <= '9')
        digits++;
    if (integer_parse(rest->ptr, digits, &value) != INTEGER_OK)
        return false;
    *out = value.magnitude;
    rest->ptr += digits;
    rest->len -= digits;
    return true;
}

static void lost_event(struct event *out, uint64_t events)
{
    memset(out, 0, sizeof(*out));
    out->type = EV_lost;
    EVENT_SET(out, lost, events, events);
    EVENT_SET(out, lost, where, TEXT_LITERAL("bpftrace"));
}

enum decode_result bpftrace_notice(const char *line, size_t len, struct event *out)
{
    struct text rest = {line, len};
    uint64_t number;
    while (rest.len && rest.ptr[rest.len - 1] == '\r')
        rest.len--;
    if (take(&rest, "Lost ")) { // on stdout until 0.23
        if (!take_number(&rest, &number) || !text_equal(rest, TEXT_LITERAL(" events")))
            return DECODE_BAD;
        lost_event(out, number);
        return DECODE_EVENT;
    }
    // "Attaching 2 probes..." stands before the probes are attached, so it is no `ready`
    if (!take(&rest, "Attaching ") && !take(&rest, "Attached "))
        return DECODE_BAD;
    if (!take_number(&rest, &number) || !take(&rest, " probe"))
        return DECODE_BAD;
    take(&rest, "s");
    take(&rest, "...");
    return rest.len == 0 ? DECODE_BLANK : DECODE_BAD;
}

// ---- -f json

// The number that attached_probes and lost_events carry: data.KEY until 0.23, `count` from 0.24.
static bool object_count(struct json_object *object, const char *key, uint64_t *out)
{
    struct json_object *value;
    if (!json_object_object_get_ex(object, "count", &value) &&
        !(json_object_object_get_ex(object, "data", &value) &&
          json_object_is_type(value, json_type_object) &&
          json_object_object_get_ex(value, key, &value)))
        return false;
    struct integer number;
    if (!json_object_is_type(value, json_type_int) && !json_object_is_type(value, json_type_string))
        return false;
    // both kinds as text: from 0.24 large integers stand in quotes
    const char *text = json_object_get_string(value);
    if (integer_parse(text, strlen(text), &number) != INTEGER_OK || number.negative)
        return false;
    *out = number.magnitude;
    return true;
}

// bpftrace escapes a byte above 0x7f as \uffffffXX (it widens a signed char). Undoes that in place,
// and returns the new length. An escaped backslash before the u is left alone.
static size_t undo_signed_escapes(char *text, size_t len)
{
    size_t to = 0;
    for (size_t i = 0; i < len;) {
        char digits[3] = {0};
        if (text[i] != '\\' || i + 1 == len) {
            text[to++] = text[i++];
            continue;
        }
        if (len - i >= 10 && memcmp(text + i, "\\uffffff", 8) == 0) {
            memcpy(digits, text + i + 8, 2);
            char *end;
            unsigned long byte = strtoul(digits, &end, 16);
            if (end == digits + 2 && byte >= 0x80) {
                text[to++] = (char)byte;
                i += 10;
                continue;
            }
        }
        text[to++] = text[i++];
        text[to++] = text[i++];
    }
    return to;
}

// Puts the text of a printf behind what is queued.
static bool queue_text(struct decoder *d, const char *text, size_t len)
{
    size_t waiting = d->queue_to - d->queue_from;
    if (d->queue_from) {
        memmove(d->queue, d->queue + d->queue_from, waiting);
        d->queue_from = 0;
        d->queue_to = waiting;
    }
    if (d->queue_size < waiting + len) {
        char *larger = realloc(d->queue, waiting + len);
        if (!larger)
            return false;
        d->queue = larger;
        d->queue_size = waiting + len;
    }
    memcpy(d->queue + waiting, text, len);
    d->queue_to += len;
    return true;
}

static enum decode_result printf_object(struct decoder *d, struct json_object *object,
                                        const char *line, size_t len, struct event *out)
{
    struct json_object *data, *again = NULL;
    if (memmem(line, len, "\\uffffff", 8)) {
        char *copy = text_arena_take(&d->texts, len);
        if (!copy)
            return decoder_bad(d, "no memory");
        memcpy(copy, line, len);
        again = json_line_parse(d, copy, undo_signed_escapes(copy, len));
        if (!again)
            return DECODE_BAD;
        object = again;
    }
    enum decode_result result = DECODE_BLANK;
    if (!json_object_object_get_ex(object, "data", &data) ||
        !json_object_is_type(data, json_type_string))
        result = decoder_bad(d, "data: not a string");
    else if (!queue_text(d, json_object_get_string(data), (size_t)json_object_get_string_len(data)))
        result = decoder_bad(d, "no memory");
    json_object_put(again);
    if (result == DECODE_BLANK && !decoder_next(d, &result, out))
        result = DECODE_BLANK; // no line is complete yet
    return result;
}

enum decode_result bpftrace_object(struct decoder *d, struct json_object *object, struct text type,
                                   const char *line, size_t len, struct event *out)
{
    uint64_t count;
    if (text_equal(type, TEXT_LITERAL("printf")))
        return printf_object(d, object, line, len, out);
    if (text_equal(type, TEXT_LITERAL("lost_events"))) {
        if (!object_count(object, "events", &count))
            return decoder_bad(d, "lost_events: without a count");
        lost_event(out, count);
        d->raw.ptr = NULL;
        return DECODE_EVENT;
    }
    if (text_equal(type, TEXT_LITERAL("attached_probes"))) {
        if (!object_count(object, "probes", &count))
            return decoder_bad(d, "attached_probes: without a count");
        memset(out, 0, sizeof(*out));
        out->type = EV_ready;
        EVENT_SET(out, ready, probes, count);
        d->raw.ptr = NULL;
        return DECODE_EVENT;
    }
    return DECODE_UNKNOWN;
}

static const char too_long[] = "longer than 64 KiB";

bool decoder_next(struct decoder *d, enum decode_result *result, struct event *out)
{
    size_t waiting = d->queue_to - d->queue_from;
    if (waiting == 0)
        return false;
    const char *start = d->queue + d->queue_from;
    const char *newline = memchr(start, '\n', waiting);
    if (!newline) {
        if (waiting < EVENT_LINE_MAX)
            return false;
        d->queue_from = d->queue_to; // such a line can only grow
        *result = decoder_bad(d, "%s", too_long);
        return true;
    }
    size_t len = (size_t)(newline - start);
    d->queue_from += len + 1;
    // the event's text points into the line, and the queue moves: give it a place of its own
    char *line = len < EVENT_LINE_MAX ? text_arena_take(&d->texts, len + DECODER_PADDING) : NULL;
    if (!line) {
        *result = decoder_bad(d, "%s", len < EVENT_LINE_MAX ? "no memory" : too_long);
        return true;
    }
    memcpy(line, start, len);
    memset(line + len, 0, DECODER_PADDING);
    *result = decoder_bare_line(d, line, len, out);
    return true;
}

bool decoder_finish(struct decoder *d, enum decode_result *result, struct event *out)
{
    if (decoder_next(d, result, out))
        return true;
    if (d->queue_from == d->queue_to || !queue_text(d, "\n", 1))
        return false;
    return decoder_next(d, result, out);
}
