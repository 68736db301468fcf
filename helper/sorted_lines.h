// SPDX-License-Identifier: Apache-2.0
//
// sorted_lines.h - lines that are kept until all are there, and printed in the order of their
// bytes.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

// All zero is empty.
struct sorted_lines {
    struct line_block *block; // the last one
    struct sorted_line *lines;
    size_t count, capacity;
};

// Room for a line of at most size bytes. NULL if there is no memory.
char *sorted_lines_room(struct sorted_lines *l, size_t size);

// Keeps the line that was written there: len bytes, which end with a newline and hold no other.
// False if there is no memory: the line is left out then.
bool sorted_lines_keep(struct sorted_lines *l, size_t len);

// Sorts and prints them.
void sorted_lines_print(struct sorted_lines *l, FILE *out);

void sorted_lines_free(struct sorted_lines *l);
