// SPDX-License-Identifier: Apache-2.0
// LINK: helper/cgroupfs/cgroup_files.c schema/events.c schema/ip.c
//
// Kills for want of memory, from files as kernels with and without memory.events.local write them,
// in a folder of this test's.

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "helper/cgroupfs/cgroup_files.h"
#include "tests/unit/expect.h"

static const char *const names[] = {"memory.events", "memory.events.local", "memory.oom_control",
                                    "below/memory.events"};

static int write_file(int dir, const char *name, const char *text)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t len = strlen(text);
    bool good = fd >= 0 && write(fd, text, len) == (ssize_t)len;
    if (fd >= 0)
        close(fd);
    return good ? 0 : -1;
}

static void check(struct expect *e, const char *what, const struct event *ev, int64_t own,
                  int64_t below)
{
    EXPECT_U64(e, what, EVENT_HAS(ev, cgroup_state, oom_kills), own >= 0);
    EXPECT_U64(e, what, ev->cgroup_state.oom_kills, own >= 0 ? (uint64_t)own : 0);
    EXPECT_U64(e, what, EVENT_HAS(ev, cgroup_state, oom_kills_below), below >= 0);
    EXPECT_U64(e, what, ev->cgroup_state.oom_kills_below, below >= 0 ? (uint64_t)below : 0);
}

static struct event read_v2(int dir)
{
    struct event ev = {.type = EV_cgroup_state};
    cgroup_files_v2(dir, &ev);
    return ev;
}

static void run(struct expect *e, int dir)
{
    struct event ev;
    // as Linux 6.1 writes them
    write_file(dir, "memory.events",
               "low 0\nhigh 0\nmax 44\noom 3\noom_kill 5\noom_group_kill 1\n");
    write_file(dir, "memory.events.local", "low 0\nhigh 0\nmax 2\noom 2\noom_kill 2\n");
    ev = read_v2(dir);
    check(e, "own ones and those below", &ev, 2, 3);
    // 4.13 to 5.2
    unlinkat(dir, "memory.events.local", 0);
    ev = read_v2(dir);
    check(e, "without memory.events.local, nothing below", &ev, 5, -1);
    mkdirat(dir, "below", 0700);
    ev = read_v2(dir);
    check(e, "a cgroup below without the memory controller", &ev, 5, -1);
    write_file(dir, "below/memory.events", "oom_kill 5\n");
    ev = read_v2(dir);
    check(e, "the cgroup below counts them", &ev, -1, -1);
    write_file(dir, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n");
    ev = (struct event){.type = EV_cgroup_state};
    cgroup_files_v1(dir, &ev);
    check(e, "v1", &ev, 7, -1);
}

int main(void)
{
    struct expect e = {0};
    char path[] = "/tmp/netvitals-cgroup-files-XXXXXX";
    int dir = mkdtemp(path) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (dir < 0) {
        perror(path);
        return 1;
    }
    run(&e, dir);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlinkat(dir, names[i], 0);
    unlinkat(dir, "below", AT_REMOVEDIR);
    close(dir);
    rmdir(path);
    return expect_result(&e);
}
