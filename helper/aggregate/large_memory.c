// SPDX-License-Identifier: Apache-2.0

#include "helper/aggregate/large_memory.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { CACHE_LINE = 64 };

static size_t round_up(size_t size, size_t unit)
{
    return (size + unit - 1) / unit * unit;
}

void *large_memory(size_t size)
{
    if (size < LARGE_PAGE / 2)
        return aligned_alloc(CACHE_LINE, round_up(size, CACHE_LINE));
    void *memory = aligned_alloc(LARGE_PAGE, round_up(size, LARGE_PAGE));
    if (memory)
        madvise(memory, size, MADV_HUGEPAGE); // advice: without it all is the same, but slower
    return memory;
}
