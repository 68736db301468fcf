// SPDX-License-Identifier: Apache-2.0
//
// store_paths.h - operands of a command, directories replaced by the files in them that a time
// range needs.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct store_paths {
    char **items;
    size_t count, capacity;
};

// Copies the operands; a directory gives its files that can hold events of [since_us, until_us).
// Says on stderr what a reader should know of them: segments of a newer schema, two machines of one
// name. 0, or -errno after a line on stderr.
int store_paths_expand(const char *const *operands, size_t count, uint64_t since_us,
                       uint64_t until_us, struct store_paths *out);
void store_paths_free(struct store_paths *paths);

// An open segment that is no longer there has been completed since: its new path, to be freed, or
// NULL.
char *store_path_completed(const char *path);
