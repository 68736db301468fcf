// SPDX-License-Identifier: Apache-2.0

#include "helper/decode/json_members.h"

#include <stdlib.h>
#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && is_space(*p))
        p++;
    return p;
}

// Behind the string that begins at p; NULL if it does not end.
static const char *skip_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++)
        p += *p == '\\';
    return p < end ? p + 1 : NULL;
}

// Behind the object or array that begins at p; NULL if it does not end.
static const char *skip_nested(const char *p, const char *end)
{
    size_t depth = 0;
    while (p && p < end) {
        if (*p == '"') {
            p = skip_string(p, end);
            continue;
        }
        depth += *p == '{' || *p == '[';
        depth -= *p == '}' || *p == ']';
        p++;
        if (depth == 0)
            return p;
    }
    return NULL;
}

// Behind the value that begins at p; NULL if there is none.
static const char *skip_value(const char *p, const char *end)
{
    if (p < end && *p == '"')
        return skip_string(p, end);
    if (p < end && (*p == '{' || *p == '['))
        return skip_nested(p, end);
    const char *start = p;
    while (p < end && !is_space(*p) && *p != ',' && *p != '}' && *p != ']')
        p++;
    return p > start ? p : NULL;
}

static struct text between(const char *from, const char *to)
{
    return (struct text){from, (size_t)(to - from)};
}

bool json_members_next(struct json_members *m, struct json_member *out)
{
    const char *end = m->rest.ptr + m->rest.len, *p = skip_space(m->rest.ptr, end);
    m->rest = between(end, end); // whatever is wrong: there is nothing more
    if (p < end && *p == '}' && m->began) {
        m->ended = true;
        return false;
    }
    if (m->ended || p == end || *p != (m->began ? ',' : '{'))
        return false;
    p = skip_space(p + 1, end);
    if (p < end && *p == '}' && !m->began)
        m->ended = true;
    m->began = true;
    if (p == end || *p != '"')
        return false;
    const char *key = p, *key_end = skip_string(p, end);
    p = key_end ? skip_space(key_end, end) : end;
    if (p == end || *p != ':')
        return false;
    const char *value = skip_space(p + 1, end), *value_end = skip_value(value, end);
    if (!value_end)
        return false;
    *out = (struct json_member){between(key, key_end), between(value, value_end),
                                between(key, value_end)};
    m->rest = between(value_end, end);
    return true;
}

bool json_string_is(struct text quoted, const char *word)
{
    const char *end = quoted.ptr + quoted.len - 1;
    for (const char *at = quoted.ptr + 1; at < end; word++) {
        unsigned value = (unsigned char)*at;
        if (*at == '\\' && end - at >= 6 && at[1] == 'u') {
            value = (unsigned)strtoul((char[]){at[2], at[3], at[4], at[5], '\0'}, NULL, 16);
            at += 6;
        } else {
            at += *at == '\\' ? 2 : 1;
        }
        if (!*word || value != (unsigned char)*word)
            return false;
    }
    return *word == '\0';
}
