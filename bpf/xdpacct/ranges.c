// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/ranges.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

enum {
    V4_BITS_FIRST = 96,
    SUGGESTED_V4_BITS_MAX = 16, // what ten seconds show is a part: leave room
    SUGGESTED_V6_BITS_MAX = 48,
};

static const struct {
    const char *text;
    uint8_t net[16];
    unsigned bits; // of the mapped form
    bool ours;     // may be subscribers'
} known[RANGES] = {
    {"10.0.0.0/8", {[10] = 0xff, [11] = 0xff, [12] = 10}, 104, true},
    {"100.64.0.0/10", {[10] = 0xff, [11] = 0xff, [12] = 100, [13] = 64}, 106, true},
    {"172.16.0.0/12", {[10] = 0xff, [11] = 0xff, [12] = 172, [13] = 16}, 108, true},
    {"192.168.0.0/16", {[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 168}, 112, true},
    {"fc00::/7", {[0] = 0xfc}, 7, true},
    {"other IPv4", {[10] = 0xff, [11] = 0xff}, 96, false},
    {"other IPv6", {0}, 0, false},
};

static unsigned shared_bits(const uint8_t *a, const uint8_t *b)
{
    unsigned bit = 0;
    while (bit < 128 && !((a[bit / 8] ^ b[bit / 8]) & 0x80 >> bit % 8))
        bit++;
    return bit;
}

static struct range *range_of(struct ranges *r, struct ip_addr ip)
{
    for (size_t i = 0; i < RANGES; i++)
        if (shared_bits(known[i].net, ip.bytes) >= known[i].bits)
            return &r->of[i];
    return &r->of[RANGES - 1];
}

static struct range *mention(struct ranges *r, const __u64 words[2], unsigned family)
{
    const uint8_t *bytes = (const uint8_t *)words;
    struct ip_addr ip = family == FAMILY_V4 ? ip_from_v4(bytes) : ip_from_v6(bytes);
    struct range *range = range_of(r, ip);
    unsigned shared = range->addresses ? shared_bits(range->first.bytes, ip.bytes) : 128;
    if (!range->addresses)
        range->first = ip;
    if (!range->addresses || shared < range->common_bits)
        range->common_bits = shared;
    range->addresses++;
    return range;
}

void ranges__add(struct ranges *r, const struct flow_key *key, uint64_t bytes)
{
    unsigned family = FLOW_ID_FAMILY(key->id);
    mention(r, key->sub, family)->bytes_from += bytes;
    mention(r, key->peer, family)->bytes_to += bytes;
}

void ranges__print(const struct ranges *r, FILE *out)
{
    for (size_t i = 0; i < RANGES; i++)
        if (r->of[i].addresses)
            fprintf(out, "range %s: %" PRIu64 " bytes from it, %" PRIu64 " bytes to it\n",
                    known[i].text, r->of[i].bytes_from, r->of[i].bytes_to);
}

static size_t write_prefix(const struct range *range, bool v4, char *out, size_t size)
{
    unsigned first = v4 ? V4_BITS_FIRST : 0;
    unsigned max = first + (v4 ? SUGGESTED_V4_BITS_MAX : SUGGESTED_V6_BITS_MAX);
    unsigned bits = range->common_bits < max ? range->common_bits : max;
    char text[IP_TEXT_MAX];
    ip_format(ip_network(range->first, bits), text);
    int n = snprintf(out, size, "%s/%u", text, bits - first);
    return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

void ranges__suggest(const struct ranges *r, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < RANGES; i++) {
        const struct range *range = &r->of[i];
        if (!known[i].ours || !range->addresses || used + IP_TEXT_MAX + 8 > size)
            continue;
        if (used)
            out[used++] = ',';
        used += write_prefix(range, known[i].bits >= V4_BITS_FIRST, out + used, size - used);
    }
}
