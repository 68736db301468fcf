// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/names/host_name.h"

#include <string.h>

enum { LABEL_MAX = 63 };

static int lower(int c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_char(int c)
{
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_';
}

bool host_name_set(struct host_name *out, const uint8_t *bytes, size_t len)
{
    out->len = 0;
    if (len > 0 && bytes[len - 1] == '.')
        len--;
    if (len == 0 || len > HOST_NAME_MAX_LEN)
        return false;
    size_t label = 0;
    bool last_label_numeric = true;
    for (size_t i = 0; i < len; i++) {
        int c = lower(bytes[i]);
        if (c == '.') {
            if (label == 0)
                return false;
            label = 0;
            last_label_numeric = true;
        } else {
            if (!is_name_char(c) || ++label > LABEL_MAX)
                return false;
            last_label_numeric = last_label_numeric && is_digit(c);
        }
        out->text[i] = (char)c;
    }
    // No top-level domain is a number (RFC 3696, 2), so this is an address or rubbish.
    if (label == 0 || last_label_numeric)
        return false;
    out->len = (uint8_t)len;
    return true;
}

bool host_name_equal(const struct host_name *a, const struct host_name *b)
{
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}
