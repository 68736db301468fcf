// SPDX-License-Identifier: Apache-2.0

#include "helper/cgroupfs/cgroup_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 8192 };

#define NO_LIMIT UINT64_MAX
// v1 has no word for "no limit": it writes PAGE_COUNTER_MAX pages, which depends on the page size.
#define HUGE_LIMIT (UINT64_C(1) << 62)

// The text of a file, or false.
static bool read_file(int dir, const char *name, char *text)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, FILE_MAX - 1);
    close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    return true;
}

static bool read_number(int dir, const char *name, uint64_t *value)
{
    char text[FILE_MAX];
    if (!read_file(dir, name, text))
        return false;
    if (strncmp(text, "max", 3) == 0 || text[0] == '-') {
        *value = NO_LIMIT;
        return true;
    }
    char *end;
    *value = strtoull(text, &end, 10);
    return end != text;
}

static bool read_limit(int dir, const char *name, uint64_t *value)
{
    if (!read_number(dir, name, value))
        return false;
    if (*value >= HUGE_LIMIT)
        *value = NO_LIMIT;
    return true;
}

// The number behind "key " at the start of a line of text.
static bool find_key(const char *text, const char *key, uint64_t *value)
{
    size_t len = strlen(key);
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, len) == 0 && line[len] == ' ')
            return sscanf(line + len, "%" SCNu64, value) == 1;
    }
    return false;
}

static void take_pids(int dir, struct event *ev)
{
    uint64_t value;
    if (read_limit(dir, "pids.max", &value))
        EVENT_SET(ev, cgroup_state, pids_max, value);
    if (read_number(dir, "pids.current", &value))
        EVENT_SET(ev, cgroup_state, pids, value);
}

static void take_throttling(const char *stat, const char *time_key, uint64_t ns_a_unit,
                            struct event *ev)
{
    uint64_t periods, throttled, time;
    if (!find_key(stat, "nr_periods", &periods) || !find_key(stat, "nr_throttled", &throttled) ||
        !find_key(stat, time_key, &time))
        return;
    EVENT_SET(ev, cgroup_state, periods, periods);
    EVENT_SET(ev, cgroup_state, throttled, throttled);
    EVENT_SET(ev, cgroup_state, throttled_ns, time * ns_a_unit);
}

static bool read_key(int dir, const char *name, const char *key, uint64_t *value)
{
    char text[FILE_MAX];
    return read_file(dir, name, text) && find_key(text, key, value);
}

// Whether there is a cgroup below that has the file.
static bool is_below(int dir, const char *name)
{
    bool found = false;
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
    if (!entries) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    for (const struct dirent *e; !found && (e = readdir(entries));) {
        char path[sizeof(e->d_name) + 64];
        snprintf(path, sizeof(path), "%s/%s", e->d_name, name);
        found = e->d_type == DT_DIR && strcmp(e->d_name, ".") != 0 &&
                strcmp(e->d_name, "..") != 0 && faccessat(dir, path, F_OK, 0) == 0;
    }
    closedir(entries);
    return found;
}

// memory.events counts what is below as well, also what was there and is gone (Linux 5.2, commit
// 9852ae3fe529; before that, and when mounted with memory_localevents, it does not);
// memory.events.local does not (1e577f970f66). Without the latter nobody can say whose the kills
// are that a cgroup with others below it counts.
static void take_oom_kills(int dir, struct event *ev)
{
    uint64_t own, all;
    // the own ones first: one killed in between is below for this reading, and is never counted
    // twice
    if (read_key(dir, "memory.events.local", "oom_kill", &own)) {
        EVENT_SET(ev, cgroup_state, oom_kills, own);
        if (read_key(dir, "memory.events", "oom_kill", &all) && all >= own)
            EVENT_SET(ev, cgroup_state, oom_kills_below, all - own);
    } else if (read_key(dir, "memory.events", "oom_kill", &all) &&
               !is_below(dir, "memory.events")) {
        EVENT_SET(ev, cgroup_state, oom_kills, all);
    }
}

void cgroup_files_v2(int dir, struct event *ev)
{
    char text[FILE_MAX], quota[32];
    uint64_t value;
    if (read_file(dir, "cpu.max", text) && sscanf(text, "%31s %" SCNu64, quota, &value) == 2) {
        uint64_t us = strtoull(quota, NULL, 10);
        EVENT_SET(ev, cgroup_state, cpu_quota_ns, quota[0] == 'm' ? NO_LIMIT : us * 1000);
        EVENT_SET(ev, cgroup_state, cpu_period_ns, value * 1000);
    }
    if (read_file(dir, "cpu.stat", text)) {
        if (find_key(text, "usage_usec", &value))
            EVENT_SET(ev, cgroup_state, run_ns, value * 1000);
        take_throttling(text, "throttled_usec", 1000, ev);
    }
    if (read_limit(dir, "memory.max", &value))
        EVENT_SET(ev, cgroup_state, memory_max_bytes, value);
    if (read_number(dir, "memory.current", &value))
        EVENT_SET(ev, cgroup_state, memory_bytes, value);
    take_oom_kills(dir, ev);
    take_pids(dir, ev);
}

void cgroup_files_v1(int dir, struct event *ev)
{
    char text[FILE_MAX];
    uint64_t value;
    if (read_number(dir, "cpu.cfs_quota_us", &value))
        EVENT_SET(ev, cgroup_state, cpu_quota_ns, value == NO_LIMIT ? NO_LIMIT : value * 1000);
    if (read_number(dir, "cpu.cfs_period_us", &value))
        EVENT_SET(ev, cgroup_state, cpu_period_ns, value * 1000);
    if (read_file(dir, "cpu.stat", text))
        take_throttling(text, "throttled_time", 1, ev);
    if (read_number(dir, "cpuacct.usage", &value))
        EVENT_SET(ev, cgroup_state, run_ns, value);
    if (read_limit(dir, "memory.limit_in_bytes", &value))
        EVENT_SET(ev, cgroup_state, memory_max_bytes, value);
    if (read_number(dir, "memory.usage_in_bytes", &value))
        EVENT_SET(ev, cgroup_state, memory_bytes, value);
    if (read_file(dir, "memory.oom_control", text) && find_key(text, "oom_kill", &value))
        EVENT_SET(ev, cgroup_state, oom_kills, value);
    take_pids(dir, ev);
}

void cgroup_files_processes(int dir, uint64_t cgroup_id,
                            void (*each)(void *context, uint64_t pid, uint64_t cgroup_id),
                            void *context)
{
    int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
    uint64_t pid;
    if (!f) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while (fscanf(f, "%" SCNu64, &pid) == 1)
        each(context, pid, cgroup_id);
    fclose(f);
}
