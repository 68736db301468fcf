// SPDX-License-Identifier: Apache-2.0
//
// floor.c - reads a file and finds its lines, no more: the floor of what reading lines costs.

#include "tests/bench/lines_of.h"

static void count(void *context, char *line, size_t len, size_t capacity)
{
    (void)line, (void)len, (void)capacity;
    ++*(unsigned long *)context;
}

int main(int argc, char **argv)
{
    unsigned long lines = 0;
    if (argc != 3)
        return 2;
    lines_of(argv[2], count, &lines);
    printf("%lu\n", lines);
    return 0;
}
