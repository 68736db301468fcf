// SPDX-License-Identifier: Apache-2.0

#include "helper/progress.h"
#include "helper/steady_clock.h"
#include "helper/report/format.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint64_t quiet_us = 1000000, pace_us = 250000;

void progress_start(struct progress *p, const char *const *paths, size_t count)
{
    *p = (struct progress){.wanted = isatty(STDERR_FILENO)};
    for (size_t i = 0; i < count && p->wanted; i++) {
        struct stat st;
        p->wanted = stat(paths[i], &st) == 0 && S_ISREG(st.st_mode);
        p->total_bytes += p->wanted ? (uint64_t)st.st_size : 0;
    }
    p->wanted = p->wanted && p->total_bytes > 0;
    p->began_us = steady_now_us();
    p->next_us = p->began_us + quiet_us;
}

void progress_update(struct progress *p, uint64_t position)
{
    char done_text[QUANTITY_MAX], total_text[QUANTITY_MAX], left_text[QUANTITY_MAX];
    if (!p->wanted)
        return;
    uint64_t now_us = steady_now_us(), done = p->done_bytes + position;
    if (now_us < p->next_us || done == 0 || done > p->total_bytes)
        return;
    p->next_us = now_us + pace_us;
    p->shown = true;
    __extension__ unsigned __int128 spent_us = now_us - p->began_us;
    __extension__ unsigned __int128 percent = (unsigned __int128)done * 100;
    uint64_t left_s = (uint64_t)(spent_us * (p->total_bytes - done) / done) / 1000000;
    fprintf(stderr, "\rnetvitals: %s of %s read (%u %%), %s left\033[K",
            quantity_format(done, UNIT_BYTES, done_text),
            quantity_format(p->total_bytes, UNIT_BYTES, total_text),
            (unsigned)(percent / p->total_bytes), quantity_format(left_s, UNIT_S, left_text));
}

void progress_next_file(struct progress *p, uint64_t size)
{
    p->done_bytes += size;
}

void progress_clear(struct progress *p)
{
    if (p->shown)
        fputs("\r\033[K", stderr);
    p->shown = false;
}
