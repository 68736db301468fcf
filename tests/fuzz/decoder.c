// SPDX-License-Identifier: Apache-2.0
// LINK: helper/decode/feed.c helper/decode/decoder.c helper/decode/json_event.c
// LINK: helper/decode/json_check.c helper/decode/json_members.c helper/decode/scan.c
// LINK: helper/decode/field_value.c
// LINK: helper/decode/bpftrace.c helper/decode/text_arena.c
// LINK: schema/encode.c schema/events.c schema/ip.c
// LIBS: json-c
//
// Any bytes, line by line, through the scanner and through json-c alone: the same result, the same
// event, the same error on every line. And all of it through the feed, which must count what they
// said. A line that decodes can be taken apart into its keys.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "helper/decode/decoder.h"
#include "helper/decode/feed.h"
#include "helper/decode/json_members.h"
#include "schema/encode.h"

struct tally {
    unsigned long events, unknown, bad, unknown_keys;
};

static void fail(const char *what, const char *line, size_t len)
{
    fprintf(stderr, "%s: %.*s\n", what, (int)len, line);
    abort();
}

static void count(struct tally *t, enum decode_result result)
{
    t->events += result == DECODE_EVENT;
    t->unknown += result == DECODE_UNKNOWN;
    t->bad += result == DECODE_BAD;
}

// Both decoders have decoded: compares what they say.
static void compare(struct decoder *fast, enum decode_result result, const struct event *ev,
                    struct decoder *slow, enum decode_result slow_result,
                    const struct event *slow_ev, const char *line, size_t len)
{
    static char encoded[EVENT_LINE_MAX], slow_encoded[EVENT_LINE_MAX];
    if (result != slow_result)
        fail("results differ", line, len);
    if (result == DECODE_BAD && strcmp(decoder_error(fast), decoder_error(slow)) != 0)
        fail("errors differ", line, len);
    if (result != DECODE_EVENT)
        return;
    size_t size = event_encode(ev, encoded, sizeof(encoded));
    size_t slow_size = event_encode(slow_ev, slow_encoded, sizeof(slow_encoded));
    if (size != slow_size || memcmp(encoded, slow_encoded, size) != 0 ||
        ev->present != slow_ev->present)
        fail("events differ", line, len);
}

static void take_apart(const struct decoder *d, enum decode_result result)
{
    struct json_members members = {.rest = decoder_raw(d)};
    const struct text raw = members.rest;
    struct json_member m;
    if (!raw.ptr || (result != DECODE_EVENT && result != DECODE_UNKNOWN))
        return;
    while (json_members_next(&members, &m))
        if (m.whole.ptr < raw.ptr || m.whole.ptr + m.whole.len > raw.ptr + raw.len)
            fail("a key is outside of the line", raw.ptr, raw.len);
    if (!members.ended)
        fail("cannot be taken apart", raw.ptr, raw.len);
}

static void both(struct decoder *fast, struct decoder *slow, const char *line, size_t len,
                 struct tally *tally)
{
    struct event ev, slow_ev;
    unsigned long keys = decoder_unknown_keys(fast), slow_keys = decoder_unknown_keys(slow);
    enum decode_result result = decoder_line(fast, line, len, &ev);
    enum decode_result slow_result = decoder_line_reference(slow, line, len, &slow_ev);
    bool more, slow_more;
    do {
        compare(fast, result, &ev, slow, slow_result, &slow_ev, line, len);
        take_apart(fast, result);
        count(tally, result);
        more = decoder_next(fast, &result, &ev);
        slow_more = decoder_next(slow, &slow_result, &slow_ev);
    } while (more && slow_more);
    if (more != slow_more)
        fail("lines of a printf differ", line, len);
    // json-c keeps one of several unknown keys of the same name, the scanner counts each
    keys = decoder_unknown_keys(fast) - keys;
    slow_keys = decoder_unknown_keys(slow) - slow_keys;
    if (keys < slow_keys || (keys > 0) != (slow_keys > 0))
        fail("unknown keys differ", line, len);
    tally->unknown_keys += keys;
    decoder_release(fast);
    decoder_release(slow);
}

static void no_events(void *context, const struct event *events, size_t count)
{
    (void)context, (void)events, (void)count;
}

static void through_feed(const char *data, size_t size, const struct tally *expected)
{
    struct feed *f = feed_new(&(struct feed_sink){.events = no_events});
    for (size_t at = 0; at < size;) {
        size_t room, piece = (unsigned char)data[at] + 1u;
        char *space = feed_space(f, &room);
        piece = piece > size - at ? size - at : piece;
        memcpy(space, data + at, piece);
        feed_commit(f, piece);
        at += piece;
    }
    feed_end(f);
    const struct feed_counts *counts = feed_counts(f);
    if (counts->events != expected->events || counts->rejected != expected->bad ||
        counts->unknown != expected->unknown || counts->unknown_keys != expected->unknown_keys)
        fail("the feed counts otherwise", data, size);
    feed_free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size > EVENT_LINE_MAX / 2)
        return 0;
    struct decoder *fast = decoder_new(), *slow = decoder_new();
    struct tally tally = {0};
    char *data = calloc(1, size + DECODER_PADDING);
    memcpy(data, bytes, size);
    for (char *at = data, *end = data + size; at < end;) {
        char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((newline ? newline : end) - at);
        both(fast, slow, at, len, &tally);
        at += len + 1;
    }
    struct event ev, slow_ev;
    enum decode_result result, slow_result;
    while (decoder_finish(fast, &result, &ev)) {
        if (!decoder_finish(slow, &slow_result, &slow_ev))
            fail("what was left waiting differs", data, size);
        compare(fast, result, &ev, slow, slow_result, &slow_ev, data, size);
        count(&tally, result);
    }
    tally.unknown_keys = decoder_unknown_keys(fast);
    through_feed(data, size, &tally);
    decoder_free(fast);
    decoder_free(slow);
    free(data);
    return 0;
}
