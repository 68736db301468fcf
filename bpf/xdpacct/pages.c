// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/pages.h"

#include <stdlib.h>

enum { ROOM_FIRST = 16 };

// Appends an empty page. Moves the others.
static bool new_page(struct pages *p)
{
    if (p->count == p->room) {
        size_t room = p->room ? p->room * 2 : ROOM_FIRST;
        struct prefix_page *pages = realloc(p->pages, room * sizeof(*pages));
        if (!pages)
            return false;
        p->pages = pages;
        p->room = room;
    }
    p->pages[p->count++] = (struct prefix_page){{PAGE_NONE}};
    return true;
}

static void fill(struct prefix_page *page, unsigned first, unsigned bits)
{
    unsigned step = 1u << (8 - bits);
    first &= ~(step - 1);
    for (unsigned i = first; i < first + step; i++)
        page->of[i] = PAGE_ALL;
}

bool pages__add(struct pages *p, const uint8_t net[4], unsigned bits)
{
    if (p->count == 0 && !new_page(p))
        return false;
    size_t at = 0;
    for (; bits > 8; bits -= 8, net++) {
        uint32_t next = p->pages[at].of[*net];
        if (next == PAGE_ALL)
            return true;
        if (next == PAGE_NONE) {
            if (!new_page(p))
                return false;
            next = (uint32_t)(p->count - 1 + PAGE_FIRST);
            p->pages[at].of[*net] = next;
        }
        at = next - PAGE_FIRST;
    }
    fill(&p->pages[at], *net, bits);
    return true;
}

void pages__free(struct pages *p)
{
    free(p->pages);
    *p = (struct pages){0};
}
