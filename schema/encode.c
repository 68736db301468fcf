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

static bool has_room(struct out *o, size_t len)
{
    if ((size_t)(o->end - o->at) >= len)
        return true;
    o->full = true;
    return false;
}

static void put(struct out *o, const char *bytes, size_t len)
{
    if (!has_room(o, len))
        return;
    memcpy(o->at, bytes, len);
    o->at += len;
}

static void put_char(struct out *o, char c)
{
    if (has_room(o, 1))
        *o->at++ = c;
}

static unsigned decimal_digits(uint64_t value)
{
    static const uint64_t powers_of_ten[] = {UINT64_C(1),
                                             UINT64_C(10),
                                             UINT64_C(100),
                                             UINT64_C(1000),
                                             UINT64_C(10000),
                                             UINT64_C(100000),
                                             UINT64_C(1000000),
                                             UINT64_C(10000000),
                                             UINT64_C(100000000),
                                             UINT64_C(1000000000),
                                             UINT64_C(10000000000),
                                             UINT64_C(100000000000),
                                             UINT64_C(1000000000000),
                                             UINT64_C(10000000000000),
                                             UINT64_C(100000000000000),
                                             UINT64_C(1000000000000000),
                                             UINT64_C(10000000000000000),
                                             UINT64_C(100000000000000000),
                                             UINT64_C(1000000000000000000),
                                             UINT64_C(10000000000000000000)};
    value |= 1; // 0 has a digit too
    // bits times log10(2), which is right or one too few
    unsigned digits = (64 - (unsigned)__builtin_clzll(value)) * 1233 >> 12;
    return digits + (value >= powers_of_ten[digits]);
}

// From the last digit on, two at a time.
static void put_u64(struct out *o, uint64_t value)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    unsigned digits = decimal_digits(value);
    if (!has_room(o, digits))
        return;
    o->at += digits;
    char *at = o->at;
    for (; value >= 100; value /= 100) {
        at -= 2;
        memcpy(at, pairs + value % 100 * 2, 2);
    }
    if (value >= 10)
        memcpy(at - 2, pairs + value * 2, 2);
    else
        at[-1] = (char)('0' + value);
}

static void put_i64(struct out *o, int64_t value)
{
    if (value < 0)
        put_char(o, '-');
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

// Nearly all bytes of a JSON string stand for themselves.
static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

// As many bytes at p as stand for themselves; returns how many. Most texts are a few bytes: a loop
// is faster than memcpy then.
static size_t put_plain(struct out *o, const unsigned char *p, size_t left)
{
    size_t len = 0, room = (size_t)(o->end - o->at);
    for (; len < left && len < room && is_plain(p[len]); len++)
        o->at[len] = (char)p[len];
    o->at += len;
    return len;
}

// Returns false if a byte had to be replaced.
static bool put_quoted(struct out *o, struct text text)
{
    bool clean = true;
    put_char(o, '"');
    for (size_t i = 0; i < text.len && !o->full;) {
        const unsigned char *p = (const unsigned char *)text.ptr + i;
        size_t plain = put_plain(o, p, text.len - i);
        if (plain) {
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
    put_char(o, '"');
    return clean;
}

size_t json_quote(struct text text, char *buf, size_t size, bool *clean)
{
    struct out o = {buf, buf + size, false};
    *clean = put_quoted(&o, text);
    return o.full ? 0 : (size_t)(o.at - buf);
}

// A key that is in no table.
static void put_key(struct out *o, const char *key, size_t len, const char *suffix)
{
    put(o, ",\"", 2);
    put(o, key, len);
    put(o, suffix, strlen(suffix));
    put(o, "\":", 2);
}

// The length of a copy that is known beforehand is two instructions: what is too much of it is
// overwritten by what follows.
static void put_field_key(struct out *o, const struct field_info *f)
{
    if ((size_t)(o->end - o->at) < sizeof(f->json_key)) {
        put(o, f->json_key, f->json_key_len);
        return;
    }
    memcpy(o->at, f->json_key, sizeof(f->json_key));
    o->at += f->json_key_len;
}

// Behind its key; of a text that is not UTF-8 the bytes follow under another key.
static void put_text(struct out *o, const char *key, size_t key_len, struct text text)
{
    static const char hex[] = "0123456789abcdef";
    if (put_quoted(o, text))
        return;
    put_key(o, key, key_len, "_hex");
    put_char(o, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        char pair[2] = {hex[c >> 4], hex[c & 15]};
        put(o, pair, 2);
    }
    put_char(o, '"');
}

static void put_ip(struct out *o, struct ip_addr ip)
{
    char text[IP_TEXT_MAX];
    put_char(o, '"');
    if ((size_t)(o->end - o->at) >= sizeof(text))
        o->at += ip_format(ip, o->at);
    else
        put(o, text, ip_format(ip, text));
    put_char(o, '"');
}

static void put_field(struct out *o, const struct field_info *f, const struct event *ev)
{
    const char *base = (const char *)ev + f->offset;
    put_field_key(o, f);
    switch (f->type) {
    case FIELD_U64:
        put_u64(o, *(const uint64_t *)base);
        break;
    case FIELD_I64:
        put_i64(o, *(const int64_t *)base);
        break;
    case FIELD_TEXT:
        put_text(o, f->key, f->key_len, *(const struct text *)base);
        break;
    case FIELD_IP:
        put_ip(o, *(const struct ip_addr *)base);
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
    if (ev->host.ptr) {
        put_key(&o, "host", 4, "");
        put_text(&o, "host", 4, ev->host);
    }
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
