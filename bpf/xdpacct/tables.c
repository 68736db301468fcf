// SPDX-License-Identifier: Apache-2.0
//
// tables.c - sizes and makes the flow tables.
//
// A table has a line for every flow, which is two slots for each if all are IPv4, as long as there
// are two CPUs or one; with more CPUs, which share the flows between them, a table gets 2/CPUs of
// that. So 1 M flows take 64 MiB for each of two CPUs, and 64 MiB for the spare table.

#include "bpf/xdpacct/tables.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    FLOW_LINES_MIN = 64,
    SPILL_PART = 8, // the spill map holds max_flows / SPILL_PART flows
    SPILL_MIN = 1024,
    OVERFLOW_MAX = 65536, // subscribers; as many as the spill map has flows, up to here
    CPUS_PER_SPARE = 4,   // CPUs that change tables in one grace period share a spare table each
    // struct htab_elem, a bucket and the preallocation's list: 48 + 16 bytes, beside key and value
    SPILL_OVERHEAD_BYTES = 64,
};

static uint32_t power_of_two_from(uint64_t n)
{
    uint64_t p = 1;
    while (p < n)
        p *= 2;
    return (uint32_t)p;
}

// Calls add for each CPU number in a list like "0-3,8".
static int online_cpus(struct tables *t)
{
    FILE *f = fopen("/sys/devices/system/cpu/online", "re");
    if (!f)
        return -errno;
    t->cpus = calloc(CPUS_MAX, sizeof(*t->cpus));
    unsigned from, to;
    while (t->cpus && fscanf(f, "%u", &from) == 1) {
        to = from;
        int c = fgetc(f);
        if (c == '-' && fscanf(f, "%u", &to) == 1)
            c = fgetc(f);
        for (unsigned cpu = from; cpu <= to && cpu < CPUS_MAX && t->cpu_count < CPUS_MAX; cpu++)
            t->cpus[t->cpu_count++] = cpu;
        if (c != ',')
            break;
    }
    fclose(f);
    return !t->cpus ? -ENOMEM : t->cpu_count ? 0 : -EINVAL;
}

static size_t lines_bytes(const struct tables *t)
{
    return t->table_count * (size_t)t->flow_lines * sizeof(struct line);
}

static int make_lines(struct tables *t)
{
    LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
    uint64_t count = (uint64_t)t->table_count * t->flow_lines;
    if (count > UINT32_MAX)
        return -E2BIG;
    t->lines_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "xdpacct_lines", sizeof(uint32_t),
                                 sizeof(struct line), (uint32_t)count, &opts);
    if (t->lines_fd < 0)
        return -errno;
    void *lines = mmap(NULL, lines_bytes(t), PROT_READ | PROT_WRITE, MAP_SHARED, t->lines_fd, 0);
    if (lines == MAP_FAILED)
        return -errno;
    t->lines = lines;
    return 0;
}

static int make_spills(struct tables *t)
{
    for (int i = 0; i < 2 * SPILLS; i++) {
        bool flows = i < SPILLS;
        t->spill_fds[i] = bpf_map_create(
            BPF_MAP_TYPE_HASH, flows ? "xdpacct_spill" : "xdpacct_over", sizeof(struct flow_key),
            sizeof(struct flow_count), flows ? t->spill_entries : t->overflow_entries, NULL);
        if (t->spill_fds[i] < 0)
            return -errno;
    }
    return 0;
}

static int allocate(struct tables *t)
{
    t->table_of = calloc(t->cpu_count, sizeof(*t->table_of));
    t->spares = calloc(t->spare_count, sizeof(*t->spares));
    if (!t->table_of || !t->spares)
        return -ENOMEM;
    for (unsigned i = 0; i < t->cpu_count; i++)
        t->table_of[i] = i;
    for (unsigned i = 0; i < t->spare_count; i++)
        t->spares[i] = t->cpu_count + i;
    return 0;
}

static const struct tables no_tables = {
    .lines_fd = -1, .spill_fds = {-1, -1, -1, -1}, .spills_fd = -1};

int tables__make(struct tables *t, uint64_t max_flows)
{
    *t = no_tables;
    int err = online_cpus(t);
    if (err)
        return err;
    uint64_t lines = t->cpu_count > 2 ? max_flows * 2 / t->cpu_count : max_flows;
    t->flow_lines = power_of_two_from(lines < FLOW_LINES_MIN ? FLOW_LINES_MIN : lines);
    t->spill_entries =
        (uint32_t)(max_flows / SPILL_PART < SPILL_MIN ? SPILL_MIN : max_flows / SPILL_PART);
    t->overflow_entries = t->spill_entries < OVERFLOW_MAX ? t->spill_entries : OVERFLOW_MAX;
    t->spare_count = (t->cpu_count + CPUS_PER_SPARE - 1) / CPUS_PER_SPARE;
    t->table_count = t->cpu_count + t->spare_count;
    err = allocate(t);
    if (!err)
        err = make_lines(t);
    return err ? err : make_spills(t);
}

void tables__free(struct tables *t)
{
    if (t->lines)
        munmap(t->lines, lines_bytes(t));
    if (t->lines_fd >= 0)
        close(t->lines_fd);
    for (int i = 0; i < 2 * SPILLS; i++)
        if (t->spill_fds[i] >= 0)
            close(t->spill_fds[i]);
    free(t->cpus);
    free(t->table_of);
    free(t->spares);
    *t = no_tables;
}

void tables__settings(const struct tables *t, struct settings *out)
{
    out->table_log2 = (uint32_t)__builtin_ctz(t->flow_lines);
    out->hash_shift = 64 - out->table_log2;
}

uint64_t tables__bytes(const struct tables *t)
{
    uint64_t entry = sizeof(struct flow_key) + sizeof(struct flow_count) + SPILL_OVERHEAD_BYTES;
    return lines_bytes(t) + SPILLS * entry * ((uint64_t)t->spill_entries + t->overflow_entries);
}
