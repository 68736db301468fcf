// SPDX-License-Identifier: Apache-2.0

#include "helper/store/position.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[16] = "netvitals-pos-1";

struct position_file {
    char magic[sizeof(magic)];
    uint64_t taken;
    uint64_t settled;
};

static int map_file(struct position *p, bool *fresh)
{
    struct stat st;
    if (flock(p->fd, LOCK_EX | LOCK_NB) != 0 || fstat(p->fd, &st) != 0)
        return -errno;
    // the blocks must be there: a full disk would show as SIGBUS at a store to the mapping
    int rc = posix_fallocate(p->fd, 0, sizeof(struct position_file));
    if (rc != 0)
        return -rc;
    void *mapped =
        mmap(NULL, sizeof(struct position_file), PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
    if (mapped == MAP_FAILED)
        return -errno;
    p->file = mapped;
    *fresh = st.st_size < (off_t)sizeof(struct position_file) ||
             memcmp(p->file->magic, magic, sizeof(magic)) != 0;
    if (*fresh) {
        memset(p->file, 0, sizeof(*p->file));
        memcpy(p->file->magic, magic, sizeof(magic));
    }
    return 0;
}

int position_open(struct position *p, int dir_fd, const char *host, uint32_t machine, bool *fresh)
{
    char file[SEGMENT_HOST_MAX + 32];
    snprintf(file, sizeof(file), ".%s.%08x.position", host, (unsigned)machine);
    *p = (struct position){.fd = openat(dir_fd, file, O_RDWR | O_CREAT | O_CLOEXEC, 0640)};
    if (p->fd < 0)
        return -errno;
    int rc = map_file(p, fresh);
    if (rc != 0)
        position_close(p);
    return rc;
}

void position_close(struct position *p)
{
    if (p->file)
        munmap(p->file, sizeof(*p->file));
    if (p->fd >= 0)
        close(p->fd);
    *p = (struct position){.fd = -1};
}

uint64_t position_taken(const struct position *p)
{
    return p->file->taken;
}

void position_set_taken(struct position *p, uint64_t taken)
{
    p->file->taken = taken;
}

uint64_t position_settled(const struct position *p)
{
    return p->file->settled;
}

void position_set_settled(struct position *p, uint64_t settled)
{
    p->file->settled = settled;
}
