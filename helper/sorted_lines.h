// SPDX-License-Identifier: Apache-2.0
//
// sorted_lines.h - lines that are kept until all are there, and printed in the order of their
// bytes.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

// All zero is empty.
struct sorted_lines {
    char *bytes; // of all lines, one behind the other
    size_t used, size;
    struct sorted_line *lines;
    size_t count, capacity;
    size_t common; // bytes that all lines begin with
};

// Keeps a copy of len bytes, which end with a newline and hold no other. False if there is no
// memory: the line is left out then.
bool sorted_lines_add(struct sorted_lines *l, const char *line, size_t len);

// Sorts and prints them.
void sorted_lines_print(struct sorted_lines *l, FILE *out);

void sorted_lines_free(struct sorted_lines *l);
