// SPDX-License-Identifier: Apache-2.0
//
// host.c - reading a host's /proc and /sys, or a copy of them.

#include "helper/doctor/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 512 };

void finding_set(struct finding *f, enum finding_state state, const char *format, ...)
{
    va_list args;
    f->state = state;
    va_start(args, format);
    vsnprintf(f->detail, sizeof(f->detail), format, args);
    va_end(args);
}

void finding_cure(struct finding *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(f->cure, sizeof(f->cure), format, args);
    va_end(args);
}

bool host_is_here(const struct host *host)
{
    return host->root[0] == '\0';
}

bool host_has(const struct host *host, const char *path)
{
    char full[PATH_SIZE];
    snprintf(full, sizeof(full), "%s%s", host->root, path);
    return access(full, F_OK) == 0;
}

bool host_read(const struct host *host, const char *path, char *out, unsigned size)
{
    char full[PATH_SIZE];
    snprintf(full, sizeof(full), "%s%s", host->root, path);
    FILE *file = fopen(full, "re");
    size_t len = file ? fread(out, 1, size - 1, file) : 0;
    out[len] = '\0';
    if (!file)
        return false;
    fclose(file);
    return true;
}

bool host_mount(const struct host *host, const char *type, char *out, unsigned size)
{
    char path[PATH_SIZE], line[1024], where[256], kind[64];
    bool found = false;
    snprintf(path, sizeof(path), "%s/proc/self/mounts", host->root);
    FILE *file = fopen(path, "re");
    while (file && !found && fgets(line, sizeof(line), file))
        if (sscanf(line, "%*s %255s %63s", where, kind) == 2 && strcmp(kind, type) == 0) {
            snprintf(out, size, "%s", where);
            found = true;
        }
    if (file)
        fclose(file);
    return found;
}

bool host_release(const struct host *host, char *out, unsigned size)
{
    if (!host_read(host, "/proc/sys/kernel/osrelease", out, size))
        return false;
    out[strcspn(out, "\n")] = '\0';
    return out[0] != '\0';
}
