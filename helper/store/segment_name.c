// SPDX-License-Identifier: Apache-2.0

#include "helper/store/segment_name.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STAMP_LEN = 16 }; // 20261122T070000Z

#define LAST_SECOND UINT64_C(253402300799) // 9999-12-31T23:59:59Z

uint64_t segment_second(uint64_t ts_us)
{
    uint64_t second = ts_us / 1000000;
    return second < LAST_SECOND ? second : LAST_SECOND;
}

void segment_host_spell(struct text host, char out[SEGMENT_HOST_MAX + 1])
{
    size_t at = 0;
    for (size_t i = 0; i < host.len && at + 3 <= SEGMENT_HOST_MAX; i++) {
        unsigned char c = (unsigned char)host.ptr[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     c == '-' || c == '_' || (c == '.' && i > 0);
        at += (size_t)snprintf(out + at, 4, plain ? "%c" : "%%%02X", c);
    }
    if (at == 0)
        out[at++] = '_';
    out[at] = '\0';
}

static void stamp(uint64_t second, char out[STAMP_LEN + 1])
{
    time_t t = (time_t)second;
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(out, STAMP_LEN + 1, "%Y%m%dT%H%M%SZ", &tm);
}

void segment_name_format(const struct segment_name *name, char out[SEGMENT_NAME_MAX])
{
    char from[STAMP_LEN + 1], to[STAMP_LEN + 1] = "open", last[24] = "";
    bool open = name->to_s == SEGMENT_OPEN;
    stamp(name->from_s, from);
    if (!open) {
        stamp(name->to_s, to);
        snprintf(last, sizeof(last), "-%" PRIu64, name->last);
    }
    snprintf(out, SEGMENT_NAME_MAX,
             "%s-%s.%s.%08" PRIx32 ".%" PRIu64 "%s.v%" PRIu64 ".ndjson.zst%s", from, to, name->host,
             name->machine, name->first, last, name->schema, open ? ".part" : "");
}

// ---- reading a name, from both ends

static bool cut_suffix(char *text, const char *suffix)
{
    size_t len = strlen(text), suffix_len = strlen(suffix);
    if (len < suffix_len || strcmp(text + len - suffix_len, suffix) != 0)
        return false;
    text[len - suffix_len] = '\0';
    return true;
}

// The part behind the last dot, which is cut off with its dot. NULL if there is no dot.
static char *cut_last_part(char *text)
{
    char *dot = strrchr(text, '.');
    if (!dot)
        return NULL;
    *dot = '\0';
    return dot + 1;
}

// Digits only, base 10 or 16, all of the text.
static bool whole_number(const char *text, int base, uint64_t *out)
{
    const char *digits = base == 16 ? "0123456789abcdef" : "0123456789";
    size_t len = strlen(text);
    if (len == 0 || len > 19 || strspn(text, digits) != len)
        return false;
    *out = strtoull(text, NULL, base);
    return true;
}

static bool parse_stamp(const char *text, uint64_t *second)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y%m%dT%H%M%SZ", &tm);
    char again[STAMP_LEN + 1];
    if (!end || end != text + STAMP_LEN)
        return false;
    time_t t = timegm(&tm);
    if (t < 0 || (uint64_t)t > LAST_SECOND)
        return false;
    *second = (uint64_t)t;
    stamp(*second, again);
    return memcmp(again, text, STAMP_LEN) == 0; // strptime takes blanks and the 31st of February
}

static bool parse_positions(char *text, bool open, struct segment_name *out)
{
    char *dash = strchr(text, '-');
    if (open)
        return !dash && whole_number(text, 10, &out->first) && out->first > 0;
    if (!dash)
        return false;
    *dash = '\0';
    return whole_number(text, 10, &out->first) && whole_number(dash + 1, 10, &out->last) &&
           out->first > 0 && out->last >= out->first;
}

bool segment_name_parse(const char *file, struct segment_name *out)
{
    char text[SEGMENT_NAME_MAX];
    uint64_t machine;
    size_t len = strlen(file);
    *out = (struct segment_name){0};
    if (len >= sizeof(text) || len < STAMP_LEN + 1)
        return false;
    memcpy(text, file, len + 1);
    bool open = cut_suffix(text, ".part");
    if (!cut_suffix(text, ".ndjson.zst"))
        return false;
    char *schema = cut_last_part(text);
    char *positions = schema ? cut_last_part(text) : NULL;
    char *machine_text = positions ? cut_last_part(text) : NULL;
    if (!machine_text || schema[0] != 'v' || !whole_number(schema + 1, 10, &out->schema) ||
        !parse_positions(positions, open, out) || strlen(machine_text) != 8 ||
        !whole_number(machine_text, 16, &machine))
        return false;
    out->machine = (uint32_t)machine;
    char *range_end = strchr(text, '.');
    if (!range_end || strlen(range_end + 1) == 0 || strlen(range_end + 1) > SEGMENT_HOST_MAX)
        return false;
    snprintf(out->host, sizeof(out->host), "%s", range_end + 1);
    *range_end = '\0';
    if (!parse_stamp(text, &out->from_s) || text[STAMP_LEN] != '-')
        return false;
    const char *to = text + STAMP_LEN + 1;
    out->to_s = SEGMENT_OPEN;
    if (open)
        return strcmp(to, "open") == 0;
    return strlen(to) == STAMP_LEN && parse_stamp(to, &out->to_s) && out->to_s >= out->from_s;
}
