// SPDX-License-Identifier: Apache-2.0

#include "helper/decode/feed.h"
#include "helper/decode/decoder.h"
#include "schema/encode.h"

#include <stdlib.h>
#include <string.h>

enum { READ_SIZE = 256 * 1024 };

struct feed {
    struct feed_sink sink;
    struct feed_counts counts;
    struct decoder *decoder;
    struct event batch[FEED_BATCH_MAX];
    size_t batched;
    bool skipping; // within a line that is too long: until its newline
    size_t used;   // bytes of a line that is not complete yet, at the start of buffer
    char buffer[EVENT_LINE_MAX + READ_SIZE + DECODER_PADDING];
};

struct feed *feed_new(const struct feed_sink *sink)
{
    struct feed *f = calloc(1, sizeof(*f));
    if (!f)
        return NULL;
    f->sink = *sink;
    f->decoder = decoder_new();
    if (!f->decoder) {
        free(f);
        return NULL;
    }
    return f;
}

void feed_free(struct feed *f)
{
    if (!f)
        return;
    decoder_free(f->decoder);
    free(f);
}

char *feed_space(struct feed *f, size_t *size)
{
    *size = EVENT_LINE_MAX + READ_SIZE - f->used;
    return f->buffer + f->used;
}

static void flush(struct feed *f)
{
    if (f->batched)
        f->sink.events(f->sink.context, f->batch, f->batched);
    f->batched = 0;
    decoder_release(f->decoder);
}

static void reject(struct feed *f, const char *why)
{
    f->counts.rejected++;
    if (!f->sink.bad_line)
        return;
    flush(f); // in order
    f->sink.bad_line(f->sink.context, f->counts.lines, why);
}

static void take_result(struct feed *f, enum decode_result result)
{
    switch (result) {
    case DECODE_EVENT:
        f->counts.events++;
        if (f->sink.line)
            f->sink.line(f->sink.context, decoder_raw(f->decoder), &f->batch[0]);
        else if (++f->batched == FEED_BATCH_MAX)
            flush(f);
        break;
    case DECODE_UNKNOWN:
        f->counts.unknown++;
        if (f->sink.line)
            f->sink.line(f->sink.context, decoder_raw(f->decoder), NULL);
        break;
    case DECODE_BAD:
        reject(f, decoder_error(f->decoder));
        break;
    case DECODE_BLANK:
        break;
    }
}

static void take_line(struct feed *f, const char *line, size_t len)
{
    f->counts.lines++;
    if (len >= EVENT_LINE_MAX) {
        reject(f, "longer than 64 KiB");
        return;
    }
    enum decode_result result = decoder_line(f->decoder, line, len, &f->batch[f->batched]);
    do
        take_result(f, result);
    while (decoder_next(f->decoder, &result, &f->batch[f->batched]));
}

void feed_commit(struct feed *f, size_t size)
{
    const char *at = f->buffer;
    char *end = f->buffer + f->used + size;
    const char *unseen = f->buffer + f->used; // no newline before it
    f->counts.bytes += size;
    memset(end, 0, DECODER_PADDING);
    while (unseen < end) {
        const char *newline;
        if (!f->skipping && decoder_scan(f->decoder, at, &newline, &f->batch[f->batched])) {
            f->counts.lines++;
            take_result(f, DECODE_EVENT);
        } else if ((newline = memchr(unseen, '\n', (size_t)(end - unseen)))) {
            if (!f->skipping)
                take_line(f, at, (size_t)(newline - at));
            f->skipping = false;
        } else {
            break;
        }
        at = unseen = newline + 1;
    }
    flush(f); // what comes next overwrites the text of these events

    f->used = (size_t)(end - at);
    if (!f->skipping && f->used >= EVENT_LINE_MAX) {
        take_line(f, at, f->used);
        f->skipping = true;
    }
    if (f->skipping)
        f->used = 0;
    memmove(f->buffer, at, f->used);
}

void feed_end(struct feed *f)
{
    enum decode_result result = DECODE_BLANK;
    if (f->used) {
        f->counts.lines++;
        memset(f->buffer + f->used, 0, DECODER_PADDING);
        result = decoder_line(f->decoder, f->buffer, f->used, &f->batch[f->batched]);
        f->used = 0;
        if (result == DECODE_BAD)
            reject(f, "cut short: the stream ends within the line");
        else
            take_result(f, result);
        while (decoder_next(f->decoder, &result, &f->batch[f->batched]))
            take_result(f, result);
    }
    while (decoder_finish(f->decoder, &result, &f->batch[f->batched]))
        take_result(f, result);
    flush(f);
}

const struct feed_counts *feed_counts(struct feed *f)
{
    f->counts.unknown_keys = decoder_unknown_keys(f->decoder);
    return &f->counts;
}
