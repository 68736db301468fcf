// SPDX-License-Identifier: Apache-2.0

#include "helper/store/store.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool ends_with(const char *text, const char *suffix)
{
    size_t len = strlen(text), suffix_len = strlen(suffix);
    return len > suffix_len && strcmp(text + len - suffix_len, suffix) == 0;
}

static bool holds_events(const char *file)
{
    return ends_with(file, ".ndjson") || ends_with(file, ".jsonl") || ends_with(file, ".zst");
}

static int add(struct store_files *files, const char *file)
{
    struct store_file item = {0};
    item.segment = segment_name_parse(file, &item.name);
    if (file[0] == '.' || (!item.segment && !holds_events(file)))
        return 0;
    if (files->count == files->capacity) {
        size_t capacity = files->capacity ? files->capacity * 2 : 64;
        struct store_file *larger = realloc(files->items, capacity * sizeof(*larger));
        if (!larger)
            return -ENOMEM;
        files->items = larger;
        files->capacity = capacity;
    }
    item.file = strdup(file);
    if (!item.file)
        return -ENOMEM;
    files->items[files->count++] = item;
    return 0;
}

static int compare_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare(const void *left, const void *right)
{
    const struct store_file *a = left, *b = right;
    if (a->segment != b->segment)
        return a->segment ? -1 : 1;
    if (!a->segment)
        return strcmp(a->file, b->file);
    int order = strcmp(a->name.host, b->name.host);
    order = order ? order : compare_u64(a->name.machine, b->name.machine);
    order = order ? order : compare_u64(a->name.first, b->name.first);
    return order ? order : compare_u64(a->name.to_s, b->name.to_s); // an open one last
}

static bool same_start(const struct segment_name *a, const struct segment_name *b)
{
    return a->first == b->first && a->machine == b->machine && strcmp(a->host, b->host) == 0;
}

// Drops an open segment that a recorder has recovered, but not yet removed.
static void drop_recovered(struct store_files *files)
{
    size_t kept = 0;
    for (size_t i = 0; i < files->count; i++) {
        struct store_file *item = &files->items[i];
        if (kept && item->segment && item->name.to_s == SEGMENT_OPEN &&
            same_start(&item->name, &files->items[kept - 1].name))
            free(item->file);
        else
            files->items[kept++] = *item;
    }
    files->count = kept;
}

int store_list(const char *dir, struct store_files *out)
{
    *out = (struct store_files){0};
    DIR *stream = opendir(dir);
    if (!stream)
        return -errno;
    int rc = 0;
    while (rc == 0) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (!entry) {
            rc = -errno;
            break;
        }
        rc = add(out, entry->d_name);
    }
    closedir(stream);
    if (rc != 0) {
        store_free(out);
        return rc;
    }
    if (out->count)
        qsort(out->items, out->count, sizeof(*out->items), compare);
    drop_recovered(out);
    return 0;
}

void store_free(struct store_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->items[i].file);
    free(files->items);
    *files = (struct store_files){0};
}

bool store_needs(const struct store_file *file, uint64_t since_us, uint64_t until_us)
{
    if (!file->segment || file->name.to_s == SEGMENT_OPEN)
        return true; // a clock that steps back can bring any time into an open one
    return until_us > 0 && file->name.to_s >= segment_second(since_us) &&
           file->name.from_s <= segment_second(until_us - 1);
}
