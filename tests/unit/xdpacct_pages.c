// SPDX-License-Identifier: Apache-2.0
// LINK: bpf/xdpacct/pages.c
//
// xdpacct_pages.c - pages decide the same as comparing with each prefix, for random prefixes of
// every length and addresses in, beside and far from them.

#include <stdio.h>

#include "bpf/xdpacct/pages.h"

enum { LISTS = 200, PREFIXES = 100, ADDRESSES = 2000 };

static uint64_t random_state = 88172645463325252u;

static uint32_t random_word(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32);
}

static uint32_t mask_of(unsigned bits)
{
    return bits ? ~0u << (32 - bits) : 0;
}

// As direction.bpf.h does.
static bool in_pages(const struct pages *p, uint32_t addr)
{
    size_t at = 0;
    for (int shift = 24; shift >= 0; shift -= 8) {
        uint32_t next = p->pages[at].of[addr >> shift & 0xff];
        if (next < PAGE_FIRST)
            return next == PAGE_ALL;
        at = next - PAGE_FIRST;
    }
    return false;
}

static bool in_list(const uint32_t *nets, const unsigned *bits, uint32_t addr)
{
    for (int i = 0; i < PREFIXES; i++)
        if (((nets[i] ^ addr) & mask_of(bits[i])) == 0)
            return true;
    return false;
}

// Differences found with one list. The first lists have long prefixes only, so that they do not
// cover everything.
static unsigned check_list(unsigned bits_min, unsigned *ours)
{
    uint32_t nets[PREFIXES];
    unsigned bits[PREFIXES], wrong = 0;
    struct pages pages = {0};
    for (int i = 0; i < PREFIXES; i++) {
        bits[i] = bits_min + random_word() % (33 - bits_min);
        // half of them near others
        nets[i] = i % 2 ? nets[i - 1] ^ 1u << random_word() % 24 : random_word();
        uint8_t net[4] = {(uint8_t)(nets[i] >> 24), (uint8_t)(nets[i] >> 16),
                          (uint8_t)(nets[i] >> 8), (uint8_t)nets[i]};
        if (!pages__add(&pages, net, bits[i]))
            return 1;
    }
    for (int i = 0; i < ADDRESSES; i++) {
        uint32_t addr = nets[random_word() % PREFIXES];
        if (i % 4)
            addr ^= random_word() >> random_word() % 32;
        bool expected = in_list(nets, bits, addr);
        *ours += expected;
        wrong += in_pages(&pages, addr) != expected;
    }
    pages__free(&pages);
    return wrong;
}

int main(void)
{
    unsigned wrong = 0, ours = 0;
    for (unsigned i = 0; i < LISTS; i++)
        wrong += check_list(33 - 33 * i / LISTS < 33 ? 33 - 33 * i / LISTS : 32, &ours);
    unsigned all = LISTS * ADDRESSES;
    printf("%u of %u addresses are ours, %u decided wrongly\n", ours, all, wrong);
    return wrong != 0 || ours < all / 10 || ours > all - all / 10;
}
