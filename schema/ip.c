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

// By hand too: inet_ntop goes through printf.
static size_t format_v4(const uint8_t bytes[4], char out[IP_TEXT_MAX])
{
    char *at = out;
    for (int part = 0; part < 4; part++) {
        unsigned value = bytes[part];
        if (value >= 100)
            *at++ = (char)('0' + value / 100);
        if (value >= 10)
            *at++ = (char)('0' + value / 10 % 10);
        *at++ = (char)('0' + value % 10);
        *at++ = part < 3 ? '.' : '\0';
    }
    return (size_t)(at - 1 - out);
}

size_t ip_format(struct ip_addr ip, char out[IP_TEXT_MAX])
{
    if (ip_is_v4(ip))
        return format_v4(ip.bytes + 12, out);
    inet_ntop(AF_INET6, ip.bytes, out, IP_TEXT_MAX);
    return strlen(out);
}
