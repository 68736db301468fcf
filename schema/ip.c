// SPDX-License-Identifier: Apache-2.0

#include "schema/ip.h"

#include <arpa/inet.h>
#include <string.h>

static const uint8_t v4_mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct ip_addr ip_from_v6(const uint8_t bytes[16])
{
    struct ip_addr ip;
    memcpy(ip.bytes, bytes, sizeof(ip.bytes));
    return ip;
}

bool ip_is_v4(struct ip_addr ip)
{
    return memcmp(ip.bytes, v4_mapped_prefix, sizeof(v4_mapped_prefix)) == 0;
}

bool ip_equal(struct ip_addr a, struct ip_addr b)
{
    return memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
}

struct ip_addr ip_network(struct ip_addr ip, unsigned bits)
{
    for (unsigned bit = bits; bit < 128; bit++)
        ip.bytes[bit / 8] &= (uint8_t)(0xff ^ 0x80 >> bit % 8);
    return ip;
}

// Dotted quad by hand: it is in every heartbeat and flow line, and inet_pton needs a NUL.
static bool parse_v4(const char *text, size_t len, uint8_t out[4])
{
    size_t at = 0;
    for (int part = 0; part < 4; part++) {
        unsigned value = 0;
        size_t digits = 0;
        if (part > 0 && (at >= len || text[at++] != '.'))
            return false;
        while (at < len && text[at] >= '0' && text[at] <= '9' && digits < 4) {
            value = value * 10 + (unsigned)(text[at++] - '0');
            digits++;
        }
        if (digits == 0 || value > 255 || (digits > 1 && text[at - digits] == '0'))
            return false;
        out[part] = (uint8_t)value;
    }
    return at == len;
}

bool ip_parse(const char *text, size_t len, struct ip_addr *out)
{
    uint8_t v4[4];
    if (parse_v4(text, len, v4)) {
        *out = ip_from_v4(v4);
        return true;
    }
    char copy[IP_TEXT_MAX];
    if (len == 0 || len >= sizeof(copy) || memchr(text, '\0', len))
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return inet_pton(AF_INET6, copy, out->bytes) == 1;
}

// By hand too: inet_ntop goes through printf. How many digits there are is added, not asked: the
// numbers in addresses are too irregular for a CPU to foresee. The dot behind the last one becomes
// the NUL.
static char *format_v4(const uint8_t bytes[4], char *at)
{
    for (int part = 0; part < 4; part++) {
        unsigned value = bytes[part];
        *at = (char)('0' + value / 100);
        at += value >= 100;
        *at = (char)('0' + value / 10 % 10);
        at += value >= 10;
        *at++ = (char)('0' + value % 10);
        *at++ = '.';
    }
    *--at = '\0';
    return at;
}

static char *format_word(unsigned word, char *at)
{
    static const char hex[] = "0123456789abcdef";
    *at = hex[word >> 12];
    at += word > 0xfff;
    *at = hex[word >> 8 & 15];
    at += word > 0xff;
    *at = hex[word >> 4 & 15];
    at += word > 0xf;
    *at++ = hex[word & 15];
    return at;
}

struct words {
    int first, count;
};

// The words that :: stands for: the longest run of zeros, the first of equals, not one alone.
static struct words zeros_of(const unsigned words[8])
{
    struct words best = {-1, 1};
    int run = 0;
    for (int i = 0; i < 8; i++) {
        run = words[i] ? 0 : run + 1;
        if (run > best.count)
            best = (struct words){i + 1 - run, run};
    }
    return best;
}

// IPv4-compatible addresses (RFC 4291, 2.5.5.1) end as dotted quads: so inet_ntop writes them.
static char *format_v6(const uint8_t bytes[16], char *at)
{
    unsigned words[8];
    for (int i = 0; i < 8; i++)
        words[i] = (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1];
    struct words zeros = zeros_of(words);
    if (zeros.first == 0 && zeros.count == 6) {
        memcpy(at, "::", 2);
        return format_v4(bytes + 12, at + 2);
    }
    for (int i = 0; i < 8; i++) {
        if (i == zeros.first) {
            *at++ = ':';
            i += zeros.count - 1;
            if (i == 7)
                *at++ = ':';
            continue;
        }
        if (i > 0)
            *at++ = ':';
        at = format_word(words[i], at);
    }
    *at = '\0';
    return at;
}

size_t ip_format(struct ip_addr ip, char out[IP_TEXT_MAX])
{
    char *end = ip_is_v4(ip) ? format_v4(ip.bytes + 12, out) : format_v6(ip.bytes, out);
    return (size_t)(end - out);
}
