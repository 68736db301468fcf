// SPDX-License-Identifier: Apache-2.0
//
// json_event.c - the reference parser: a line through json-c into an event.

#include "helper/decode/decoder_state.h"
#include "helper/decode/field_value.h"
#include "helper/decode/json_check.h"

#include <limits.h>
#include <math.h>
#include <string.h>

enum { NESTING_MAX = 16 };

static bool only_space(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

// json-c's strict mode is of no use: 0.18 takes every character beyond ASCII for a control byte
// (json-c's issue 875). What it would refuse, json_check() refuses.
struct json_object *json_line_parse(struct decoder *d, const char *line, size_t len)
{
    char *copy = text_arena_take(&d->texts, len + 1);
    if (!copy || len > INT_MAX) {
        decoder_bad(d, "no memory");
        return NULL;
    }
    memcpy(copy, line, len);
    copy[len] = '\0';
    const char *wrong = json_check(copy, len);
    if (wrong) {
        decoder_bad(d, "%s", wrong);
        return NULL;
    }
    if (copy[strspn(copy, " \t\r")] != '{') {
        decoder_bad(d, "not an object");
        return NULL;
    }
    if (!d->tokener) {
        d->tokener = json_tokener_new_ex(NESTING_MAX);
        if (!d->tokener) {
            decoder_bad(d, "no memory");
            return NULL;
        }
    }
    json_tokener_reset(d->tokener);
    struct json_object *object = json_tokener_parse_ex(d->tokener, copy, (int)len);
    enum json_tokener_error error = json_tokener_get_error(d->tokener);
    if (error == json_tokener_continue)
        decoder_bad(d, "cut short");
    else if (error == json_tokener_error_depth)
        decoder_bad(d, "nested deeper than %d", NESTING_MAX);
    else if (error != json_tokener_success)
        decoder_bad(d, "%s", json_tokener_error_desc(error));
    else if (!only_space(copy + json_tokener_get_parse_end(d->tokener)))
        decoder_bad(d, "unexpected character");
    else
        return object;
    json_object_put(object);
    return NULL;
}

// The string's bytes, in memory that lives until decoder_release().
static bool string_text(struct decoder *d, struct json_object *value, struct text *out)
{
    size_t len = (size_t)json_object_get_string_len(value);
    char *copy = text_arena_take(&d->texts, len + 1);
    if (!copy)
        return false;
    memcpy(copy, json_object_get_string(value), len);
    *out = (struct text){copy, len};
    return true;
}

// json-c has an int and an unsigned kind of integer, without a way to ask which one a value is: one
// that does not fit int64_t reads as INT64_MAX there and in full as uint64_t.
static struct integer integer_value(struct json_object *value)
{
    int64_t number = json_object_get_int64(value);
    if (number < 0)
        return (struct integer){.magnitude = -(uint64_t)number, .negative = true};
    return (struct integer){.magnitude = json_object_get_uint64(value)};
}

// Sets a field from a value that is not null. Returns what is wrong, or NULL.
static const char *set_field(struct decoder *d, struct event *ev, const struct field_info *field,
                             struct json_object *value)
{
    struct text text;
    switch (json_object_get_type(value)) {
    case json_type_int:
        return field_set_integer(ev, field, integer_value(value));
    case json_type_string:
        return string_text(d, value, &text) ? field_set_quoted(ev, field, text) : "no memory";
    case json_type_boolean:
        if (field->unit == UNIT_FLAG)
            return field_set_integer(
                ev, field, (struct integer){.magnitude = (uint64_t)json_object_get_boolean(value)});
        break;
    case json_type_double:
        if (field->type != FIELD_TEXT && field->type != FIELD_IP &&
            fabs(json_object_get_double(value)) >= 0x1p63)
            return field_error_range;
        break;
    default:
        break;
    }
    return field->type == FIELD_TEXT ? "not a string"
           : field->type == FIELD_IP ? "not an address"
                                     : field_error_type_integer;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

// Hex digits in pairs, spaces between them allowed (bpftrace's %rh prints some), into bytes.
static bool hex_text(struct decoder *d, struct json_object *value, struct text *out)
{
    struct text hex;
    if (!json_object_is_type(value, json_type_string) || !string_text(d, value, &hex))
        return false;
    char *to = text_arena_take(&d->texts, hex.len / 2 + 1);
    if (!to)
        return false;
    *out = (struct text){to, 0};
    for (size_t i = 0; i < hex.len; i += 2) {
        while (i < hex.len && hex.ptr[i] == ' ')
            i++;
        if (i == hex.len)
            break;
        int high = hex_digit(hex.ptr[i]);
        int low = i + 1 < hex.len ? hex_digit(hex.ptr[i + 1]) : -1;
        if (high < 0 || low < 0)
            return false;
        to[out->len++] = (char)(high << 4 | low);
    }
    return true;
}

// KEY_hex beside KEY repeats a C program's text whose bytes are not UTF-8. A script prints KEY_hex
// alone, from a buffer of fixed size: there, what follows the first NUL is rubbish.
static const char *set_hex(struct decoder *d, struct json_object *line, const char *key,
                           struct json_object *value, struct text *out)
{
    if (!hex_text(d, value, out))
        return "not pairs of hex digits";
    if (!json_object_object_get_ex(line, key, NULL)) {
        const char *nul = out->len ? memchr(out->ptr, '\0', out->len) : NULL;
        if (nul)
            out->len = (size_t)(nul - out->ptr);
    }
    return NULL;
}

static const struct field_info *field_in(const struct field_info *fields, size_t count,
                                         struct text key)
{
    for (size_t i = 0; i < count; i++)
        if (fields[i].key_len == key.len && memcmp(fields[i].key, key.ptr, key.len) == 0)
            return &fields[i];
    return NULL;
}

static const struct field_info *field_find(const struct event_info *info, struct text key)
{
    const struct field_info *f = field_in(common_fields, COMMON_FIELD_COUNT, key);
    return f ? f : field_in(info->fields, info->field_count, key);
}

// The field that a key ending in _hex stands for, or NULL.
static const struct field_info *field_find_hex(const struct event_info *info, struct text key)
{
    if (key.len <= 4 || memcmp(key.ptr + key.len - 4, "_hex", 4) != 0)
        return NULL;
    const struct field_info *f = field_find(info, (struct text){key.ptr, key.len - 4});
    return f && f->type == FIELD_TEXT ? f : NULL;
}

static void mark_present(struct event *ev, const struct event_info *info,
                         const struct field_info *field)
{
    if (field >= info->fields && field < info->fields + info->field_count)
        ev->present |= UINT64_C(1) << (field - info->fields);
}

// One key of the line, in one of two rounds: the second is for KEY_hex, which overrides KEY.
static const char *take_key(struct decoder *d, struct event *ev, const struct field_info *field,
                            bool hex, struct json_object *line, struct json_object *value)
{
    struct text text;
    if (!hex)
        return set_field(d, ev, field, value);
    const char *wrong = set_hex(d, line, field->key, value, &text);
    return wrong ? wrong : field_set_text(ev, field, text);
}

static enum decode_result take_keys(struct decoder *d, struct json_object *line,
                                    const struct event_info *info, bool hex, struct event *ev,
                                    unsigned long *unknown)
{
    json_object_object_foreach(line, name, value)
    {
        struct text key = text_of(name);
        const struct field_info *plain = field_find(info, key);
        const struct field_info *field = !hex ? plain : plain ? NULL : field_find_hex(info, key);
        if (!field) {
            *unknown += !hex && !field_find_hex(info, key) && strcmp(name, "type") != 0;
            continue;
        }
        if (!value)
            continue; // null is an absent key
        const char *wrong = take_key(d, ev, field, hex, line, value);
        if (wrong)
            return decoder_bad(d, "%s: %s", name, wrong);
        mark_present(ev, info, field);
    }
    return DECODE_EVENT;
}

enum decode_result json_event(struct decoder *d, struct json_object *line,
                              const struct event_info *info, struct event *out)
{
    unsigned long unknown = 0;
    memset(out, 0, sizeof(*out));
    out->type = (enum event_type)(info - event_table);
    if (take_keys(d, line, info, false, out, &unknown) != DECODE_EVENT ||
        take_keys(d, line, info, true, out, &unknown) != DECODE_EVENT)
        return DECODE_BAD;
    struct json_object *ts_us = NULL;
    if (!json_object_object_get_ex(line, "ts_us", &ts_us) || !ts_us)
        return decoder_bad(d, "ts_us: missing");
    for (unsigned i = 0; i < info->field_count; i++)
        if (info->fields[i].required && !(out->present >> i & 1))
            return decoder_bad(d, "%s: missing", info->fields[i].key);
    d->unknown_keys += unknown;
    return DECODE_EVENT;
}
