// SPDX-License-Identifier: Apache-2.0

#include "bpf/sockredir/cgroup.h"
#include "helper/exit_codes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

// Where cgroup v2 is mounted; false if it is not.
static bool find_v2(char *path, size_t size)
{
    FILE *mounts = setmntent("/proc/self/mounts", "r");
    if (!mounts)
        return false;
    char line[4096];
    struct mntent entry;
    bool found = false;
    while (!found && getmntent_r(mounts, &entry, line, sizeof(line))) {
        found = strcmp(entry.mnt_type, "cgroup2") == 0;
        if (found)
            snprintf(path, size, "%s", entry.mnt_dir);
    }
    endmntent(mounts);
    return found;
}

static int refuse_without_v2(const struct loader *l)
{
    cli_error(l->program, "this host has no cgroup v2 mounted, and sock_ops programs attach to "
                          "nothing else; mount it: mount -t cgroup2 none DIR");
    return EXIT_CANNOT;
}

static int refuse(const struct loader *l, const char *path, const char *what)
{
    char v2[CGROUP_PATH_MAX];
    if (!find_v2(v2, sizeof(v2)))
        return refuse_without_v2(l);
    cli_error(l->program, "%s is %s; give one below %s", path, what, v2);
    return EXIT_USAGE;
}

int cgroup_open(struct cgroup_dir *dir, const struct loader *l, const char *path)
{
    *dir = (struct cgroup_dir){.path = path, .fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    struct statfs fs;
    struct stat st;
    if (dir->fd < 0) {
        cli_error(l->program, "cannot open the cgroup %s: %s", path, strerror(errno));
        return EXIT_USAGE;
    }
    int rc = EXIT_OK;
    bool known = fstatfs(dir->fd, &fs) == 0 && fstat(dir->fd, &st) == 0;
    if (known && fs.f_type == CGROUP_SUPER_MAGIC)
        rc =
            refuse(l, path, "a cgroup of a v1 hierarchy, to which sock_ops programs cannot attach");
    else if (!known || fs.f_type != CGROUP2_SUPER_MAGIC)
        rc = refuse(l, path, "not a cgroup");
    if (rc != EXIT_OK) {
        close(dir->fd);
        dir->fd = -1;
        return rc;
    }
    dir->id = st.st_ino; // kernfs: the inode number is the id
    return EXIT_OK;
}

int cgroup_open_root(struct cgroup_dir *dir, const struct loader *l, char mount[CGROUP_PATH_MAX])
{
    if (!find_v2(mount, CGROUP_PATH_MAX))
        return refuse_without_v2(l);
    return cgroup_open(dir, l, mount);
}
