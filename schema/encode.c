// SPDX-License-Identifier: Apache-2.0

#include "schema/encode.h"

#include <string.h>
#include <time.h>

// A write position that stops at the end of the buffer and remembers that it had to.
struct out {
    char *at;
    char *end;
    bool full;
};

static void put(struct out *o, const char *bytes, size_t len)
{
    if ((size_t)(o->end - o->at) < len) {
        o->full = true;
        return;
    }
    memcpy(o->at, bytes, len);
    o->at += len;
}

static void put_u64(struct out *o, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    put(o, digits + at, sizeof(digits) - at);
}

static void put_i64(struct out *o, int64_t value)
{
    if (value < 0)
        put(o, "-", 1);
    put_u64(o, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

size_t utf8_sequence(const unsigned char *p, size_t left)
{
    if (left == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || left < len)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    // overlong forms, surrogates, and what lies above U+10FFFF
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return len;
}

static void put_escaped_ascii(struct out *o, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char unicode[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    char pair[2] = {'\\', (char)c};
    if (c == '"' || c == '\\')
        put(o, pair, 2);
    else if (c < 0x20 || c == 0x7f)
        put(o, unicode, 6);
    else
        put(o, pair + 1, 1);
}

// How many bytes at p stand for themselves in a JSON string, as nearly all do.
static size_t plain_ascii(const unsigned char *p, size_t left)
{
    size_t len = 0;
    while (len < left && p[len] >= 0x20 && p[len] < 0x7f && p[len] != '"' && p[len] != '\\')
        len++;
    return len;
}

// Returns false if a byte had to be replaced.
static bool put_quoted(struct out *o, struct text text)
{
    bool clean = true;
    put(o, "\"", 1);
    for (size_t i = 0; i < text.len;) {
        const unsigned char *p = (const unsigned char *)text.ptr + i;
        size_t plain = plain_ascii(p, text.len - i);
        if (plain) {
            put(o, (const char *)p, plain);
            i += plain;
            continue;
        }
        size_t len = utf8_sequence(p, text.len - i);
        if (len == 1) {
            put_escaped_ascii(o, *p);
        } else if (len > 1) {
            put(o, (const char *)p, len);
        } else {
            put(o, "\xef\xbf\xbd", 3);
            clean = false;
            len = 1;
        }
        i += len;
    }
    put(o, "\"", 1);
    return clean;
}

size_t json_quote(struct text text, char *buf, size_t size, bool *clean)
{
    struct out o = {buf, buf + size, false};
    *clean = put_quoted(&o, text);
    return o.full ? 0 : (size_t)(o.at - buf);
}

static void put_key(struct out *o, const char *key, size_t len, const char *suffix)
{
    put(o, ",\"", 2);
    put(o, key, len);
    put(o, suffix, strlen(suffix));
    put(o, "\":", 2);
}

static void put_text(struct out *o, const char *key, size_t key_len, struct text text)
{
    static const char hex[] = "0123456789abcdef";
    put_key(o, key, key_len, "");
    if (put_quoted(o, text))
        return;
    put_key(o, key, key_len, "_hex");
    put(o, "\"", 1);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        char pair[2] = {hex[c >> 4], hex[c & 15]};
        put(o, pair, 2);
    }
    put(o, "\"", 1);
}

static void put_field(struct out *o, const struct field_info *f, const struct event *ev)
{
    const char *base = (const char *)ev + f->offset;
    char ip[IP_TEXT_MAX];
    switch (f->type) {
    case FIELD_U64:
        put_key(o, f->key, f->key_len, "");
        put_u64(o, *(const uint64_t *)base);
        break;
    case FIELD_I64:
        put_key(o, f->key, f->key_len, "");
        put_i64(o, *(const int64_t *)base);
        break;
    case FIELD_TEXT:
        put_text(o, f->key, f->key_len, *(const struct text *)base);
        break;
    case FIELD_IP:
        put_key(o, f->key, f->key_len, "");
        put(o, "\"", 1);
        put(o, ip, ip_format(*(const struct ip_addr *)base, ip));
        put(o, "\"", 1);
        break;
    }
}

size_t event_encode(const struct event *ev, char *buf, size_t size)
{
    const struct event_info *info = &event_table[ev->type];
    struct out o = {buf, buf + (size < EVENT_LINE_MAX ? size : EVENT_LINE_MAX), false};
    put(&o, "{\"type\":\"", 9);
    put(&o, info->name, info->name_len);
    put(&o, "\",\"ts_us\":", 10);
    put_u64(&o, ev->ts_us);
    if (ev->host.ptr)
        put_text(&o, "host", 4, ev->host);
    if (ev->seq) {
        put_key(&o, "seq", 3, "");
        put_u64(&o, ev->seq);
    }
    for (unsigned i = 0; i < info->field_count; i++)
        if (info->fields[i].required || (ev->present >> i & 1))
            put_field(&o, &info->fields[i], ev);
    put(&o, "}\n", 2);
    return o.full ? 0 : (size_t)(o.at - buf);
}

uint64_t event_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}
