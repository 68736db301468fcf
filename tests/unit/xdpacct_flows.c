// SPDX-License-Identifier: Apache-2.0
// LINK: bpf/xdpacct/flows.c helper/aggregate/large_memory.c
//
// xdpacct_flows.c - flows are summed, none lost or doubled, in the order of their first mention,
// whether room was made before or while they came, and again after a clear.

#include <stdio.h>
#include <string.h>

#include "bpf/xdpacct/flows.h"

enum { FLOWS = 100000, TURNS = 3 };

static unsigned failures;

static void expect(bool ok, const char *what, size_t i)
{
    if (!ok && failures++ < 10)
        printf("not so: %s (%zu)\n", what, i);
}

static struct flow_key key_of(uint32_t i)
{
    if (i % 3 == 0)
        return (struct flow_key){
            .id = FLOW_ID(i & 0xffff, 443, 6, 0, FAMILY_V6), .sub = {1, i}, .peer = {2, i / 7}};
    return (struct flow_key){
        .id = FLOW_ID(i & 0xff, 443, 17, 0, FAMILY_V4), .sub = {i}, .peer = {i % 5}};
}

// In pieces of all lengths, so that a flow comes twice in one of them too.
static void add_all(struct flows *f)
{
    static struct flow_entry entries[TURNS * FLOWS];
    size_t count = 0, length = 0;
    for (uint64_t turn = 1; turn <= TURNS; turn++)
        for (uint32_t i = 0; i < FLOWS; i++)
            entries[count++] = (struct flow_entry){
                .key = key_of(i), .count = {.packets = {turn, 1}, .bytes = {i, turn * i}}};
    for (size_t done = 0; done < count; done += length) {
        length = done % (FLOWS_AT_ONCE * 3);
        length = length == 0 ? 1 : length < count - done ? length : count - done;
        expect(flows__add(f, entries + done, length), "there is room", done);
    }
}

static void check_all(const struct flows *f)
{
    expect(f->used == FLOWS, "as many flows as were added", f->used);
    for (uint32_t i = 0; i < FLOWS && i < f->used; i++) {
        const struct flow_entry *e = &f->entries[i];
        struct flow_key key = key_of(i);
        expect(memcmp(&e->key, &key, sizeof(key)) == 0, "in the order of their first mention", i);
        expect(e->count.packets[0] == 1 + 2 + 3 && e->count.packets[1] == TURNS, "packets add up",
               i);
        expect(e->count.bytes[0] == (uint64_t)TURNS * i && e->count.bytes[1] == 6ull * i,
               "bytes add up", i);
    }
}

static void check_sort(struct flows *f)
{
    struct flow_key first = key_of(0);
    flows__sort(f, 1);
    expect(memcmp(&f->entries[0].key, &first, sizeof(first)) == 0, "the first keeps its place", 0);
    for (size_t i = 2; i < f->used; i++)
        expect(memcmp(&f->entries[i - 1].key, &f->entries[i].key, sizeof(first)) < 0,
               "the others are in order", i);
}

int main(void)
{
    struct flows f = {0};
    add_all(&f);
    check_all(&f);
    flows__clear(&f);
    expect(f.used == 0, "nothing is left", f.used);
    add_all(&f);
    check_all(&f);
    check_sort(&f);
    flows__free(&f);
    expect(flows__reserve(&f, FLOWS / 2), "there is room", 0);
    add_all(&f);
    check_all(&f);
    flows__free(&f);
    return failures != 0;
}
