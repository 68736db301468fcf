// SPDX-License-Identifier: Apache-2.0
//
// large_memory.h - memory in huge pages, where the kernel has them. Tables are touched at random,
// and finding their pages takes longer than finding their bytes; what is filled once is faulted in
// 512 times less often.
#pragma once

#include <stddef.h>

enum { LARGE_PAGE = 2 << 20 };

// Uninitialised memory, at a cache line; free() it. Sizes below half of LARGE_PAGE get ordinary
// pages. NULL if there is none.
void *large_memory(size_t size);
