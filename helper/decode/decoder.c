// SPDX-License-Identifier: Apache-2.0
//
// decoder.c - which parser a line goes to.

#include "helper/decode/decoder_state.h"
#include "schema/encode.h"

#include <stdio.h>
#include <stdlib.h>

struct decoder *decoder_new(void)
{
    struct decoder *d = calloc(1, sizeof(*d));
    if (d && (d->scan = scan_new()))
        return d;
    free(d);
    return NULL;
}

void decoder_free(struct decoder *d)
{
    if (!d)
        return;
    if (d->tokener)
        json_tokener_free(d->tokener);
    scan_free(d->scan);
    text_arena_free(&d->texts);
    free(d->queue);
    free(d);
}

void decoder_release(struct decoder *d)
{
    text_arena_empty(&d->texts);
}

struct text decoder_raw(const struct decoder *d)
{
    return d->raw;
}

const char *decoder_error(const struct decoder *d)
{
    return d->error;
}

unsigned long decoder_unknown_keys(const struct decoder *d)
{
    return d->unknown_keys;
}

enum decode_result decoder_bad(struct decoder *d, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(d->error, sizeof(d->error), format, args);
    va_end(args);
    // the text may quote a key, which can hold anything: it goes to a terminal and into logs
    for (char *p = d->error; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    return DECODE_BAD;
}

static bool is_blank(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
            return false;
    return true;
}

// with_envelope is false for what came out of an envelope: a script cannot forge one.
static enum decode_result parse(struct decoder *d, const char *line, size_t len, bool with_envelope,
                                struct event *out)
{
    struct json_object *type, *object = json_line_parse(d, line, len);
    if (!object)
        return DECODE_BAD;
    enum decode_result result;
    if (!json_object_object_get_ex(object, "type", &type)) {
        result = decoder_bad(d, "type: missing");
    } else if (!json_object_is_type(type, json_type_string)) {
        result = decoder_bad(d, "type: not a string");
    } else {
        struct text name = {json_object_get_string(type), (size_t)json_object_get_string_len(type)};
        const struct event_info *info = event_info_find(name);
        result = info            ? json_event(d, object, info, out)
                 : with_envelope ? bpftrace_object(d, object, name, line, len, out)
                                 : DECODE_UNKNOWN;
    }
    json_object_put(object);
    return result;
}

static enum decode_result by_reference(struct decoder *d, const char *line, size_t len,
                                       bool with_envelope, struct event *out)
{
    d->raw = (struct text){line, len};
    if (is_blank(line, len))
        return DECODE_BLANK;
    if (with_envelope && (line[0] == 'A' || line[0] == 'L')) {
        enum decode_result notice = bpftrace_notice(line, len, out);
        if (notice != DECODE_BAD) {
            d->raw.ptr = NULL;
            return notice;
        }
    }
    return parse(d, line, len, with_envelope, out);
}

bool decoder_scan(struct decoder *d, const char *line, const char **newline, struct event *out)
{
    unsigned long unknown_keys;
    if (!scan_line(d->scan, line, out, newline, &unknown_keys) || **newline != '\n' ||
        *newline - line >= EVENT_LINE_MAX)
        return false;
    d->raw = (struct text){line, (size_t)(*newline - line)};
    d->unknown_keys += unknown_keys;
    return true;
}

static enum decode_result decode(struct decoder *d, const char *line, size_t len,
                                 bool with_envelope, struct event *out)
{
    const char *end;
    unsigned long unknown_keys;
    bool ended = line[len] == '\n' || line[len] == '\0'; // the scanner would run on
    if (!ended || !scan_line(d->scan, line, out, &end, &unknown_keys) || end != line + len)
        return by_reference(d, line, len, with_envelope, out);
    d->raw = (struct text){line, len};
    d->unknown_keys += unknown_keys;
    return DECODE_EVENT;
}

enum decode_result decoder_bare_line(struct decoder *d, const char *line, size_t len,
                                     struct event *out)
{
    return decode(d, line, len, false, out);
}

enum decode_result decoder_line(struct decoder *d, const char *line, size_t len, struct event *out)
{
    return decode(d, line, len, true, out);
}

enum decode_result decoder_line_reference(struct decoder *d, const char *line, size_t len,
                                          struct event *out)
{
    return by_reference(d, line, len, true, out);
}
