// SPDX-License-Identifier: Apache-2.0

#include "helper/decode/field_value.h"

#include <string.h>

const char field_error_type_integer[] = "not an integer";
const char field_error_range[] = "out of range";

const struct field_info common_fields[COMMON_FIELD_COUNT] = {
    {.key = "ts_us", .key_len = 5, .type = FIELD_U64, .offset = offsetof(struct event, ts_us)},
    {.key = "host", .key_len = 4, .type = FIELD_TEXT, .offset = offsetof(struct event, host)},
    {.key = "seq", .key_len = 3, .type = FIELD_U64, .offset = offsetof(struct event, seq)},
};

enum integer_error integer_parse(const char *text, size_t len, struct integer *out)
{
    size_t at = 0;
    out->magnitude = 0;
    out->negative = len > 0 && text[0] == '-';
    at += out->negative;
    if (at == len || (text[at] == '0' && len - at > 1))
        return INTEGER_NOT;
    bool fits = true;
    for (; at < len; at++) {
        unsigned digit = (unsigned char)text[at] - (unsigned)'0';
        if (digit > 9)
            return INTEGER_NOT;
        fits = fits && !__builtin_mul_overflow(out->magnitude, 10, &out->magnitude) &&
               !__builtin_add_overflow(out->magnitude, digit, &out->magnitude);
    }
    return fits ? INTEGER_OK : INTEGER_RANGE;
}

uint64_t field_largest(const struct field_info *field)
{
    switch (field->unit) {
    case UNIT_PORT:
        return UINT16_MAX;
    case UNIT_FLAG:
        return 1;
    default:
        return field->type == FIELD_I64 ? INT64_MAX : UINT64_MAX;
    }
}

const char *field_set_integer(struct event *ev, const struct field_info *field,
                              struct integer value)
{
    void *member = (char *)ev + field->offset;
    if (field->type != FIELD_U64 && field->type != FIELD_I64)
        return field->type == FIELD_IP ? "not an address" : "not a string";
    if (value.magnitude == 0)
        value.negative = false;
    if (field->type == FIELD_I64 && value.negative) {
        if (value.magnitude > (uint64_t)INT64_MAX + 1)
            return field_error_range;
        value.magnitude = -value.magnitude;
    } else if (value.negative || value.magnitude > field_largest(field)) {
        return field_error_range;
    }
    memcpy(member, &value.magnitude, sizeof(value.magnitude)); // int64_t and uint64_t alike
    return NULL;
}

const char *field_set_text(struct event *ev, const struct field_info *field, struct text value)
{
    if (field->type != FIELD_TEXT)
        return "not a text";
    memcpy((char *)ev + field->offset, &value, sizeof(value));
    return NULL;
}

const char *field_set_quoted(struct event *ev, const struct field_info *field, struct text value)
{
    struct ip_addr ip;
    struct integer integer;
    switch (field->type) {
    case FIELD_TEXT:
        return field_set_text(ev, field, value);
    case FIELD_IP:
        if (!ip_parse(value.ptr, value.len, &ip))
            return "not an address";
        memcpy((char *)ev + field->offset, &ip, sizeof(ip));
        return NULL;
    default:
        switch (integer_parse(value.ptr, value.len, &integer)) {
        case INTEGER_OK:
            return field_set_integer(ev, field, integer);
        case INTEGER_RANGE:
            return field_error_range;
        default:
            return field_error_type_integer;
        }
    }
}
