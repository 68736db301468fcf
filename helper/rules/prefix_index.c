// SPDX-License-Identifier: Apache-2.0
//
// prefix_index.c - prefixes of many apps, nested or equal, as ranges that do not overlap. Every
// range carries the list of who uses it, so that a look-up is one binary search; of IPv4, within
// the ranges of one /16.

#include "helper/rules/rules_data.h"
#include "helper/cli.h"

#include <stdlib.h>
#include <string.h>

static int compare_ips(const struct ip_addr *a, const struct ip_addr *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool prefix_parse(struct text text, struct ip_addr *first, struct ip_addr *last)
{
    const char *slash = text.len ? memchr(text.ptr, '/', text.len) : NULL;
    size_t ip_len = slash ? (size_t)(slash - text.ptr) : text.len;
    char digits[4] = "";
    uint64_t bits;
    if (!ip_parse(text.ptr, ip_len, first))
        return false;
    // an IPv4-mapped address written in IPv6 notation has a length of up to 128
    bool v4 = !memchr(text.ptr, ':', ip_len);
    bits = v4 ? 32 : 128;
    if (slash) {
        size_t len = text.len - ip_len - 1;
        if (len == 0 || len >= sizeof(digits))
            return false;
        memcpy(digits, slash + 1, len);
        if (!parse_u64(digits, &bits) || bits > (v4 ? 32 : 128))
            return false;
    }
    bits += v4 ? 96 : 0;
    *last = *first;
    for (unsigned bit = (unsigned)bits; bit < 128; bit++) {
        uint8_t mask = (uint8_t)(0x80 >> bit % 8);
        if (first->bytes[bit / 8] & mask)
            return false;
        last->bytes[bit / 8] |= mask;
    }
    return true;
}

bool prefix_index_add(struct prefix_index *index, struct ip_addr first, struct ip_addr last,
                      struct use use)
{
    if (index->count == index->capacity) {
        size_t capacity = index->capacity ? index->capacity * 2 : 64;
        struct prefix *prefixes = realloc(index->prefixes, capacity * sizeof(*prefixes));
        if (!prefixes)
            return false;
        index->prefixes = prefixes;
        index->capacity = capacity;
    }
    index->prefixes[index->count++] = (struct prefix){first, last, use};
    return true;
}

// Outer prefixes before those inside them.
static int compare_prefixes(const void *a, const void *b)
{
    const struct prefix *x = a, *y = b;
    int order = compare_ips(&x->first, &y->first);
    return order ? order : compare_ips(&y->last, &x->last);
}

static int compare_uses(const void *a, const void *b)
{
    const struct use *x = a, *y = b;
    if (x->app != y->app)
        return x->app < y->app ? -1 : 1;
    return x->exclude - y->exclude;
}

// The address behind ip; false behind the last one.
static bool next_ip(struct ip_addr *ip)
{
    for (int i = 15; i >= 0; i--)
        if (++ip->bytes[i])
            return true;
    return false;
}

static bool add_uses(struct prefix_index *index, const uint32_t *open, size_t count)
{
    if (index->uses_count + count > index->uses_capacity) {
        size_t capacity = (index->uses_count + count) * 2;
        struct use *uses = realloc(index->uses, capacity * sizeof(*uses));
        if (!uses || capacity > UINT32_MAX) {
            index->uses = uses ? uses : index->uses;
            return false;
        }
        index->uses = uses;
        index->uses_capacity = capacity;
    }
    struct use *to = index->uses + index->uses_count;
    for (size_t i = 0; i < count; i++)
        to[i] = index->prefixes[open[i]].use;
    if (count > 1)
        qsort(to, count, sizeof(*to), compare_uses);
    index->uses_count += count;
    return true;
}

// Appends a range that starts at first and is used by the prefixes that are open there.
static bool add_range(struct prefix_index *index, struct ip_addr first, const uint32_t *open,
                      size_t count)
{
    // two starts at one address: the later one knows better
    if (index->range_count && ip_equal(index->firsts[index->range_count - 1], first))
        index->uses_count = index->uses_at[--index->range_count];
    index->firsts[index->range_count] = first;
    index->uses_at[index->range_count++] = (uint32_t)index->uses_count;
    return add_uses(index, open, count);
}

static bool add_ranges(struct prefix_index *index, uint32_t *open)
{
    const struct prefix *prefixes = index->prefixes;
    size_t depth = 0;
    bool ok = prefixes != NULL;
    // Prefixes nest or are apart, so those open at any address form a stack.
    for (size_t i = 0; ok && i <= index->count; i++) {
        const struct prefix *p = i < index->count ? &prefixes[i] : NULL;
        while (ok && depth && (!p || compare_ips(&prefixes[open[depth - 1]].last, &p->first) < 0)) {
            struct ip_addr after = prefixes[open[--depth]].last;
            if (next_ip(&after))
                ok = add_range(index, after, open, depth);
        }
        if (!p)
            break;
        open[depth++] = (uint32_t)i;
        ok = ok && add_range(index, p->first, open, depth);
    }
    return ok;
}

static uint32_t v4_number(const struct ip_addr *ip)
{
    const uint8_t *b = ip->bytes + 12;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

enum { V4_BLOCKS = 65536 }; // of x.y.0.0/16

static bool index_v4(struct prefix_index *index)
{
    size_t i = 0;
    while (i < index->range_count && !ip_is_v4(index->firsts[i]))
        i++;
    index->v4_start = i;
    while (i < index->range_count && ip_is_v4(index->firsts[i]))
        i++;
    index->v4_count = i - index->v4_start;
    index->v4_firsts = calloc(index->v4_count + 1, sizeof(*index->v4_firsts));
    index->v4_below = calloc(V4_BLOCKS + 1, sizeof(*index->v4_below));
    if (!index->v4_firsts || !index->v4_below)
        return false;
    for (i = 0; i < index->v4_count; i++) {
        index->v4_firsts[i] = v4_number(&index->firsts[index->v4_start + i]);
        index->v4_below[(index->v4_firsts[i] >> 16) + 1]++;
    }
    for (i = 0; i < V4_BLOCKS; i++)
        index->v4_below[i + 1] += index->v4_below[i];
    return true;
}

bool prefix_index_build(struct prefix_index *index)
{
    if (!index->prefixes)
        return true;
    size_t ranges = index->count * 2 + 1;
    uint32_t *open = malloc((index->count + 1) * sizeof(*open));
    index->firsts = calloc(ranges, sizeof(*index->firsts));
    index->uses_at = calloc(ranges + 1, sizeof(*index->uses_at));
    qsort(index->prefixes, index->count, sizeof(*index->prefixes), compare_prefixes);
    bool ok = open && index->firsts && index->uses_at && add_ranges(index, open);
    if (ok)
        index->uses_at[index->range_count] = (uint32_t)index->uses_count;
    free(open);
    free(index->prefixes);
    index->prefixes = NULL;
    return ok && index_v4(index);
}

// How many ranges start at ip or before it: among those of IPv4, and among all.
static size_t v4_started(const struct prefix_index *index, uint32_t ip)
{
    size_t low = index->v4_below[ip >> 16], high = index->v4_below[(ip >> 16) + 1];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index->v4_firsts[middle] <= ip)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t started(const struct prefix_index *index, const struct ip_addr *ip)
{
    size_t low = 0, high = index->range_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_ips(&index->firsts[middle], ip) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct use_list prefix_index_find(const struct prefix_index *index, struct ip_addr ip)
{
    if (!index->range_count)
        return (struct use_list){0};
    size_t behind =
        ip_is_v4(ip) ? index->v4_start + v4_started(index, v4_number(&ip)) : started(index, &ip);
    if (!behind)
        return (struct use_list){0};
    uint32_t at = index->uses_at[behind - 1];
    return (struct use_list){index->uses + at, index->uses_at[behind] - at};
}

void prefix_index_free(struct prefix_index *index)
{
    free(index->prefixes);
    free(index->firsts);
    free(index->uses_at);
    free(index->uses);
    free(index->v4_firsts);
    free(index->v4_below);
}
