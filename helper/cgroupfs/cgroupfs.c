// SPDX-License-Identifier: Apache-2.0

#include "helper/cgroupfs/cgroupfs.h"
#include "helper/cgroupfs/cgroup_files.h"
#include "schema/encode.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOUNTS_MAX = 64, DEPTH_MAX = 64, PATH_BYTES_MAX = 4096 };

struct hierarchy {
    char mount[512];
    char name[128]; // "v2", "cpu,cpuacct", "name=systemd"
    uint64_t id;    // the kernel's number
    bool has_id;
};

struct walk {
    const struct hierarchy *hierarchy;
    cgroupfs_fn *emit;
    void *context;
    uint64_t now_us;
    uint64_t processes; // of the cgroup at hand
    char path[PATH_BYTES_MAX];
    size_t len;
};

// mountinfo writes space, tab, newline and backslash as \ooo.
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from; to++) {
        unsigned value;
        if (*from == '\\' && sscanf(from + 1, "%3o", &value) == 1) {
            *to = (char)value;
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

// What comes last in a v1 mount's super options: its controllers, or name=….
static void v1_name(const char *super_options, char *name, size_t size)
{
    char copy[256], *rest = copy;
    snprintf(copy, sizeof(copy), "%s", super_options);
    name[0] = '\0';
    for (char *option; (option = strsep(&rest, ",\n"));) {
        static const char *const not_names[] = {"rw",       "ro", "xattr", "clone_children",
                                                "noprefix", "",   NULL};
        bool skip = strncmp(option, "release_agent=", 14) == 0;
        for (size_t i = 0; not_names[i]; i++)
            skip |= strcmp(option, not_names[i]) == 0;
        size_t used = strlen(name);
        if (!skip)
            snprintf(name + used, size - used, "%s%s", used ? "," : "", option);
    }
}

// The kernel's number of a hierarchy, from a line "4:memory:/path".
static void find_id(struct hierarchy *h)
{
    char line[1024];
    FILE *f = fopen("/proc/self/cgroup", "re");
    while (f && fgets(line, sizeof(line), f)) {
        char *rest = line;
        const char *id = strsep(&rest, ":");
        const char *names = strsep(&rest, ":");
        if (names && strcmp(names, h->name) == 0) {
            h->id = strtoull(id, NULL, 10);
            h->has_id = true;
        }
    }
    if (f)
        fclose(f);
}

// One line of mountinfo: "36 35 98:0 ROOT MOUNT options - cgroup2 source superoptions".
static bool parse_mount(char *line, struct hierarchy *h)
{
    char type[32], super_options[256];
    const char *dash = strstr(line, " - ");
    if (!dash || sscanf(dash, " - %31s %*s %255s", type, super_options) != 2 ||
        sscanf(line, "%*s %*s %*s %*s %511s", h->mount) != 1)
        return false;
    unescape(h->mount);
    h->id = 0;
    h->has_id = strcmp(type, "cgroup2") == 0;
    if (strcmp(type, "cgroup2") == 0) {
        snprintf(h->name, sizeof(h->name), "v2");
        return true;
    }
    if (strcmp(type, "cgroup") != 0)
        return false;
    v1_name(super_options, h->name, sizeof(h->name));
    find_id(h);
    return true;
}

// The mounted hierarchies, each once.
static size_t find_hierarchies(struct hierarchy *list)
{
    char *line = NULL;
    size_t size = 0, count = 0;
    FILE *f = fopen("/proc/self/mountinfo", "re");
    while (f && count < MOUNTS_MAX && getline(&line, &size, f) > 0) {
        struct hierarchy *h = &list[count];
        bool take = parse_mount(line, h);
        for (size_t i = 0; take && i < count; i++)
            take = strcmp(list[i].name, h->name) != 0;
        count += take;
    }
    free(line);
    if (f)
        fclose(f);
    return count;
}

static struct text walk_path(const struct walk *w)
{
    return w->len ? (struct text){w->path, w->len} : TEXT_LITERAL("/");
}

static void emit_process(void *context, uint64_t pid, uint64_t cgroup_id)
{
    struct walk *w = context;
    w->processes++;
    struct event ev = {.type = EV_cgroup_task, .ts_us = w->now_us};
    EVENT_SET(&ev, cgroup_task, cgroup_id, cgroup_id);
    EVENT_SET(&ev, cgroup_task, path, walk_path(w));
    EVENT_SET(&ev, cgroup_task, hierarchy, text_of(w->hierarchy->name));
    if (w->hierarchy->has_id)
        EVENT_SET(&ev, cgroup_task, hierarchy_id, w->hierarchy->id);
    EVENT_SET(&ev, cgroup_task, pid, pid);
    EVENT_SET(&ev, cgroup_task, tgid, pid);
    w->emit(w->context, &ev);
}

static void emit_cgroup(struct walk *w, int dir, uint64_t id)
{
    struct event ev = {.type = EV_cgroup_state, .ts_us = w->now_us};
    w->processes = 0;
    cgroup_files_processes(dir, id, emit_process, w);
    EVENT_SET(&ev, cgroup_state, processes, w->processes);
    EVENT_SET(&ev, cgroup_state, cgroup_id, id);
    EVENT_SET(&ev, cgroup_state, path, walk_path(w));
    EVENT_SET(&ev, cgroup_state, hierarchy, text_of(w->hierarchy->name));
    if (w->hierarchy->has_id)
        EVENT_SET(&ev, cgroup_state, hierarchy_id, w->hierarchy->id);
    if (strcmp(w->hierarchy->name, "v2") == 0)
        cgroup_files_v2(dir, &ev);
    else
        cgroup_files_v1(dir, &ev);
    w->emit(w->context, &ev);
}

static void walk_below(struct walk *w, int dir, unsigned depth);

static void walk_child(struct walk *w, int parent, const char *name, unsigned depth)
{
    size_t len = w->len, name_len = strlen(name);
    if (len + 1 + name_len >= sizeof(w->path) || depth > DEPTH_MAX)
        return;
    int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        return; // gone meanwhile
    w->path[len] = '/';
    memcpy(w->path + len + 1, name, name_len);
    w->len = len + 1 + name_len;
    walk_below(w, dir, depth + 1);
    w->len = len;
}

// Takes dir over. An inode number of a cgroup filesystem is the cgroup's id.
static void walk_below(struct walk *w, int dir, unsigned depth)
{
    struct stat st;
    DIR *entries = fdopendir(dir);
    if (!entries) {
        close(dir);
        return;
    }
    if (fstat(dir, &st) == 0)
        emit_cgroup(w, dir, st.st_ino);
    for (const struct dirent *e; (e = readdir(entries));)
        if (e->d_type == DT_DIR && strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            walk_child(w, dir, e->d_name, depth);
    closedir(entries);
}

static void emit_hierarchy(const struct walk *w)
{
    struct event ev = {.type = EV_cgroup_hierarchy, .ts_us = w->now_us};
    EVENT_SET(&ev, cgroup_hierarchy, hierarchy_id, w->hierarchy->id);
    EVENT_SET(&ev, cgroup_hierarchy, hierarchy, text_of(w->hierarchy->name));
    w->emit(w->context, &ev);
}

size_t cgroupfs_scan(cgroupfs_fn *emit, void *context)
{
    struct hierarchy *list = calloc(MOUNTS_MAX, sizeof(*list));
    size_t count = list ? find_hierarchies(list) : 0;
    struct walk *w = calloc(1, sizeof(*w));
    for (size_t i = 0; w && i < count; i++) {
        int dir = open(list[i].mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        *w = (struct walk){
            .hierarchy = &list[i], .emit = emit, .context = context, .now_us = event_now_us()};
        if (list[i].has_id)
            emit_hierarchy(w);
        if (dir >= 0)
            walk_below(w, dir, 0);
    }
    free(w);
    free(list);
    return count;
}
