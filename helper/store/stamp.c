// SPDX-License-Identifier: Apache-2.0

#include "helper/store/stamp.h"
#include "helper/decode/json_members.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool names_host(struct text key)
{
    return json_string_is(key, "host") || json_string_is(key, "host_hex");
}

static bool is_null(struct text value)
{
    return text_equal(value, TEXT_LITERAL("null"));
}

bool stamp_has_host(struct text line)
{
    struct json_members members = {.rest = line};
    struct json_member m;
    while (json_members_next(&members, &m))
        if (names_host(m.key) && !is_null(m.value))
            return true;
    return false;
}

bool stamp_is_begun(struct text line)
{
    struct json_members members = {.rest = line};
    struct json_member m;
    while (json_members_next(&members, &m))
        if (names_host(m.key) || json_string_is(m.key, "seq"))
            return true;
    return false;
}

// Behind the len bytes of an object that are in out, of which the brace is missing.
static size_t finish(const struct identity *id, uint64_t seq, char *out, size_t len, size_t size)
{
    int more =
        snprintf(out + len, size - len, ",\"host\":%s,\"seq\":%" PRIu64 "}\n", id->quoted, seq);
    return more > 0 && (size_t)more < size - len ? len + (size_t)more : 0;
}

size_t stamp_add(const struct identity *id, struct text line, uint64_t seq, char *out, size_t size)
{
    size_t brace = line.len;
    while (brace > 0 && line.ptr[brace - 1] != '}')
        brace--;
    if (brace == 0 || brace > size)
        return 0;
    memcpy(out, line.ptr, brace - 1);
    return finish(id, seq, out, brace - 1, size);
}

size_t stamp_replace(const struct identity *id, struct text line, uint64_t seq, char *out,
                     size_t size)
{
    struct json_members members = {.rest = line};
    struct json_member m;
    size_t len = 0;
    while (json_members_next(&members, &m)) {
        if (names_host(m.key) || json_string_is(m.key, "seq"))
            continue;
        if (size - len <= 1 + m.whole.len)
            return 0;
        out[len] = len ? ',' : '{';
        memcpy(out + len + 1, m.whole.ptr, m.whole.len);
        len += 1 + m.whole.len;
    }
    return members.ended && len ? finish(id, seq, out, len, size) : 0;
}
