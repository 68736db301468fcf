// SPDX-License-Identifier: Apache-2.0

#include "bpf/common/interval.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

int interval_open(uint64_t interval_us)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    struct timespec step = {.tv_sec = (time_t)(interval_us / 1000000),
                            .tv_nsec = (long)(interval_us % 1000000) * 1000};
    struct itimerspec spec = {.it_interval = step, .it_value = step};
    if (timerfd_settime(fd, 0, &spec, NULL) != 0) {
        int err = errno;
        close(fd);
        return -err;
    }
    return fd;
}

uint64_t interval_read(int fd)
{
    uint64_t count;
    return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}
