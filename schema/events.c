// SPDX-License-Identifier: Apache-2.0
//
// events.c - the descriptive tables that events.def expands to.

#include "schema/events.h"

#include <string.h>

// clang-format off
#define EVENT(e, doc_) static const struct field_info fields_##e[] = {
#define FIELD(e, key_, type_, unit_, need_, doc_)                                               \
    {.key = #key_, .key_len = sizeof(#key_) - 1, .json_key = ",\"" #key_ "\":",                     \
     .json_key_len = sizeof(",\"" #key_ "\":") - 1, .type = FIELD_##type_, .unit = UNIT_##unit_,    \
     .required = NEED_##need_, .offset = offsetof(struct event, e.key_), .doc = doc_},
#define END(e) };
#include "schema/events.def"

#define REQUIRED_BIT(e, key, need) ((uint64_t)(NEED_##need) << F_##e##_##key)

const struct event_info event_table[EV_COUNT] = {
#define EVENT(e, doc_)                                                                          \
    [EV_##e] = {.name = #e, .name_len = sizeof(#e) - 1, .doc = doc_,                    \
                    .fields = fields_##e, .field_count = F_##e##_COUNT, .required = 0
#define FIELD(e, key, type, unit, need, doc) | REQUIRED_BIT(e, key, need)
#define END(e) },
#include "schema/events.def"
};
// clang-format on

const struct event_info *event_info_find(struct text name)
{
    for (int i = 0; i < EV_COUNT; i++) {
        const struct event_info *info = &event_table[i];
        if (info->name_len == name.len && memcmp(info->name, name.ptr, name.len) == 0)
            return info;
    }
    return NULL;
}

const char *field_type_name(enum field_type type)
{
    static const char *const names[] = {
        [FIELD_U64] = "u64", [FIELD_I64] = "i64", [FIELD_TEXT] = "text", [FIELD_IP] = "ip"};
    return names[type];
}

const char *unit_name(enum unit unit)
{
    static const char *const names[] = {
        [UNIT_NONE] = "",       [UNIT_NS] = "ns",       [UNIT_US] = "us",
        [UNIT_S] = "s",         [UNIT_BYTES] = "bytes", [UNIT_PACKETS] = "packets",
        [UNIT_COUNT] = "count", [UNIT_PPM] = "ppm",     [UNIT_PORT] = "port",
        [UNIT_ID] = "id",       [UNIT_FLAG] = "0/1",
    };
    return names[unit];
}

struct text text_of(const char *string)
{
    return (struct text){string, string ? strlen(string) : 0};
}

int text_compare(struct text a, struct text b)
{
    int order = memcmp(a.ptr ? a.ptr : "", b.ptr ? b.ptr : "", a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}
