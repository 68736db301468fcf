// SPDX-License-Identifier: Apache-2.0
//
// lines_of.h - the lines of a file, read in pieces of 256 KiB: what every comparison program does.
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINES_PIECE = 256 * 1024, LINES_LONGEST = 64 * 1024, LINES_PADDING = 64 };

typedef void line_fn(void *context, char *line, size_t len, size_t capacity);

// Calls each with every line, its newline left out; capacity bytes from line on may be read.
static inline void lines_of(const char *path, line_fn *each, void *context)
{
    char *buffer = (char *)calloc(1, LINES_PIECE + LINES_LONGEST + LINES_PADDING);
    int fd = open(path, O_RDONLY);
    size_t used = 0;
    ssize_t got;
    if (fd < 0 || !buffer) {
        perror(path);
        exit(1);
    }
    while ((got = read(fd, buffer + used, LINES_PIECE)) > 0) {
        char *at = buffer, *end = buffer + used + got, *newline;
        while ((newline = (char *)memchr(at, '\n', (size_t)(end - at)))) {
            each(context, at, (size_t)(newline - at),
                 (size_t)(buffer + LINES_PIECE + LINES_LONGEST + LINES_PADDING - at));
            at = newline + 1;
        }
        used = (size_t)(end - at);
        memmove(buffer, at, used);
    }
    close(fd);
    free(buffer);
}
