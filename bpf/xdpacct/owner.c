// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/owner.h"

#include <bpf/bpf.h>
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void read_name(struct xdp_owner *owner)
{
    struct bpf_prog_info info = {0};
    uint32_t size = sizeof(info);
    int fd = bpf_prog_get_fd_by_id(owner->prog_id);
    if (fd < 0)
        return;
    if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
        snprintf(owner->prog_name, sizeof(owner->prog_name), "%s", info.name);
    close(fd);
}

static bool link_is(int fd, unsigned ifindex, uint32_t prog_id)
{
    struct bpf_link_info info = {0};
    uint32_t size = sizeof(info);
    return bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && info.type == BPF_LINK_TYPE_XDP &&
           info.xdp.ifindex == ifindex && info.prog_id == prog_id;
}

static uint32_t find_link(unsigned ifindex, uint32_t prog_id)
{
    uint32_t id = 0;
    while (bpf_link_get_next_id(id, &id) == 0) {
        int fd = bpf_link_get_fd_by_id(id);
        if (fd < 0)
            continue;
        bool found = link_is(fd, ifindex, prog_id);
        close(fd);
        if (found)
            return id;
    }
    return 0;
}

// Whether /proc/PID/fdinfo/FD has the line "KEY:\tVALUE".
static bool fdinfo_says(const char *path, const char *key, uint32_t value)
{
    char line[128], wanted[64];
    bool found = false;
    snprintf(wanted, sizeof(wanted), "%s:\t%u\n", key, value);
    FILE *f = fopen(path, "re");
    while (f && !found && fgets(line, sizeof(line), f))
        found = strcmp(line, wanted) == 0;
    if (f)
        fclose(f);
    return found;
}

static bool process_holds(const char *pid, const char *key, uint32_t value)
{
    char path[512];
    snprintf(path, sizeof(path), "/proc/%s/fdinfo", pid);
    DIR *dir = opendir(path);
    bool found = false;
    for (struct dirent *e; dir && !found && (e = readdir(dir));) {
        if (!isdigit((unsigned char)e->d_name[0]))
            continue;
        snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", pid, e->d_name);
        found = fdinfo_says(path, key, value);
    }
    if (dir)
        closedir(dir);
    return found;
}

static void read_comm(struct xdp_owner *owner)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/comm", owner->pid);
    FILE *f = fopen(path, "re");
    if (f && fgets(owner->comm, sizeof(owner->comm), f))
        owner->comm[strcspn(owner->comm, "\n")] = '\0';
    if (f)
        fclose(f);
    for (char *c = owner->comm; *c; c++)
        if (!isprint((unsigned char)*c))
            *c = '?';
}

static void find_process(struct xdp_owner *owner, const char *key, uint32_t value)
{
    DIR *dir = opendir("/proc");
    for (struct dirent *e; dir && !owner->pid && (e = readdir(dir));)
        if (isdigit((unsigned char)e->d_name[0]) && process_holds(e->d_name, key, value))
            owner->pid = (int)strtol(e->d_name, NULL, 10);
    if (dir)
        closedir(dir);
    if (owner->pid)
        read_comm(owner);
}

void owner__find(struct xdp_owner *owner, unsigned ifindex, uint32_t prog_id)
{
    *owner = (struct xdp_owner){.prog_id = prog_id};
    read_name(owner);
    owner->link_id = find_link(ifindex, prog_id);
    if (owner->link_id)
        find_process(owner, "link_id", owner->link_id);
    else
        find_process(owner, "prog_id", prog_id);
}
