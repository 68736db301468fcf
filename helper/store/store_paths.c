// SPDX-License-Identifier: Apache-2.0

#include "helper/store/store_paths.h"
#include "helper/store/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int add(struct store_paths *paths, char *path)
{
    if (path && paths->count == paths->capacity) {
        size_t capacity = paths->capacity ? paths->capacity * 2 : 64;
        char **larger = realloc(paths->items, capacity * sizeof(*larger));
        if (!larger) {
            free(path);
            return -ENOMEM;
        }
        paths->items = larger;
        paths->capacity = capacity;
    }
    if (!path)
        return -ENOMEM;
    paths->items[paths->count++] = path;
    return 0;
}

static char *join(const char *dir, const char *file)
{
    char *path;
    size_t len = strlen(dir);
    const char *slash = len > 0 && dir[len - 1] == '/' ? "" : "/";
    return asprintf(&path, "%s%s%s", dir, slash, file) < 0 ? NULL : path;
}

static void warn_newer(const char *dir, const struct store_file *f)
{
    fprintf(stderr,
            "netvitals: %s/%s is of schema %" PRIu64
            ", newer than this program's %d: its events are read "
            "as far as they are known; update netvitals\n",
            dir, f->file, f->name.schema, SCHEMA_VERSION);
}

static void warn_same_name(const char *dir, const struct store_file *f)
{
    fprintf(stderr,
            "netvitals: %s holds events of two machines called %s: their paths and cgroups are "
            "added up; "
            "record with --host to tell them apart\n",
            dir, f->name.host);
}

static int expand(const char *dir, uint64_t since_us, uint64_t until_us, struct store_paths *out)
{
    struct store_files files;
    const struct store_file *before = NULL;
    bool newer = false, same_name = false;
    int rc = store_list(dir, &files);
    for (size_t i = 0; rc == 0 && i < files.count; i++) {
        const struct store_file *f = &files.items[i];
        if (!store_needs(f, since_us, until_us))
            continue;
        if (!newer && f->segment && f->name.schema > SCHEMA_VERSION) {
            warn_newer(dir, f);
            newer = true;
        }
        if (!same_name && before && f->segment && before->name.machine != f->name.machine &&
            strcmp(before->name.host, f->name.host) == 0) {
            warn_same_name(dir, f);
            same_name = true;
        }
        before = f;
        rc = add(out, join(dir, f->file));
    }
    store_free(&files);
    return rc;
}

struct identity_of_path {
    dev_t device;
    ino_t inode;
    const char *path;
};

static int compare_identities(const void *a, const void *b)
{
    const struct identity_of_path *x = a, *y = b;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return (x->inode > y->inode) - (x->inode < y->inode);
}

// A file that stands twice, as a segment and its directory, is read twice: that doubles every sum.
static void warn_of_doubles(const struct store_paths *paths)
{
    struct identity_of_path *files = calloc(paths->count + 1, sizeof(*files));
    size_t count = 0;
    for (size_t i = 0; files && i < paths->count; i++) {
        struct stat st;
        if (stat(paths->items[i], &st) == 0 && S_ISREG(st.st_mode))
            files[count++] = (struct identity_of_path){st.st_dev, st.st_ino, paths->items[i]};
    }
    if (count > 1)
        qsort(files, count, sizeof(*files), compare_identities);
    for (size_t i = 1; i < count; i++) {
        if (compare_identities(&files[i - 1], &files[i]) != 0)
            continue;
        fprintf(stderr, "netvitals: %s is given more than once: its events count each time\n",
                files[i].path);
        break;
    }
    free(files);
}

int store_paths_expand(const char *const *operands, size_t count, uint64_t since_us,
                       uint64_t until_us, struct store_paths *out)
{
    *out = (struct store_paths){0};
    for (size_t i = 0; i < count; i++) {
        struct stat st;
        bool directory = stat(operands[i], &st) == 0 && S_ISDIR(st.st_mode);
        int rc = directory ? expand(operands[i], since_us, until_us, out)
                           : add(out, strdup(operands[i]));
        if (rc != 0) {
            fprintf(stderr, "netvitals: cannot read %s: %s\n", operands[i], strerror(-rc));
            store_paths_free(out);
            return rc;
        }
    }
    warn_of_doubles(out);
    return 0;
}

void store_paths_free(struct store_paths *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        free(paths->items[i]);
    free(paths->items);
    *paths = (struct store_paths){0};
}

char *store_path_completed(const char *path)
{
    struct segment_name open;
    struct store_files files;
    const char *slash = strrchr(path, '/');
    char *completed = NULL;
    if (!slash || !segment_name_parse(slash + 1, &open) || open.to_s != SEGMENT_OPEN)
        return NULL;
    char *dir = strndup(path, (size_t)(slash - path) + 1);
    if (dir && store_list(dir, &files) == 0) {
        for (size_t i = 0; i < files.count && !completed; i++) {
            const struct segment_name *n = &files.items[i].name;
            if (n->first == open.first && n->machine == open.machine && n->to_s != SEGMENT_OPEN &&
                strcmp(n->host, open.host) == 0)
                completed = join(dir, files.items[i].file);
        }
        store_free(&files);
    }
    free(dir);
    return completed;
}
