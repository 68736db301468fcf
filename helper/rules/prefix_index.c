// SPDX-License-Identifier: Apache-2.0
//
// prefix_index.c - prefixes of many apps, nested or equal, as ranges that do not overlap. Every
// range carries the list of who uses it, so that a look-up is one binary search.

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

// Appends a range that starts at first and is used by the prefixes on the stack.
static bool add_range(struct prefix_index *index, struct ip_addr first, const struct prefix *stack,
                      const uint32_t *depth_of, size_t depth)
{
    struct range *r = &index->ranges[index->range_count];
    // two starts at one address: the later one knows better
    if (index->range_count && ip_equal(r[-1].first, first)) {
        r--;
        free(r->uses.items);
    } else {
        index->range_count++;
    }
    *r = (struct range){.first = first};
    if (depth == 0)
        return true;
    r->uses.items = malloc(depth * sizeof(*r->uses.items));
    if (!r->uses.items)
        return false;
    for (size_t i = 0; i < depth; i++)
        r->uses.items[i] = stack[depth_of[i]].use;
    r->uses.count = (uint32_t)depth;
    qsort(r->uses.items, depth, sizeof(*r->uses.items), compare_uses);
    return true;
}

bool prefix_index_build(struct prefix_index *index)
{
    if (!index->prefixes)
        return true;
    // Prefixes nest or are apart, so those open at any address form a stack.
    uint32_t *stack = malloc((index->count + 1) * sizeof(*stack));
    size_t depth = 0;
    struct ip_addr after;
    index->ranges = calloc(index->count * 2 + 1, sizeof(*index->ranges));
    bool ok = stack && index->ranges;
    if (index->count)
        qsort(index->prefixes, index->count, sizeof(*index->prefixes), compare_prefixes);
    for (size_t i = 0; ok && i <= index->count; i++) {
        const struct prefix *p = i < index->count ? &index->prefixes[i] : NULL;
        while (ok && depth &&
               (!p || compare_ips(&index->prefixes[stack[depth - 1]].last, &p->first) < 0)) {
            // clang-tidy loses the array behind qsort
            after =
                index->prefixes[stack[--depth]].last; // NOLINT(clang-analyzer-core.NullDereference)
            if (next_ip(&after))
                ok = add_range(index, after, index->prefixes, stack, depth);
        }
        if (!p)
            break;
        stack[depth++] = (uint32_t)i;
        ok = ok && add_range(index, p->first, index->prefixes, stack, depth);
    }
    free(stack);
    return ok;
}

const struct use_list *prefix_index_find(const struct prefix_index *index, struct ip_addr ip)
{
    size_t low = 0, high = index->range_count;
    while (low < high) { // the first range that starts behind ip
        size_t middle = low + (high - low) / 2;
        if (compare_ips(&index->ranges[middle].first, &ip) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &index->ranges[low - 1].uses : NULL;
}

void prefix_index_free(struct prefix_index *index)
{
    for (size_t i = 0; i < index->range_count; i++)
        free(index->ranges[i].uses.items);
    free(index->ranges);
    free(index->prefixes);
}
