// SPDX-License-Identifier: Apache-2.0
//
// cgroup_rows.c - the rows of the cgroup report: in the order of the tree, limits beside usage.

#include "helper/aggregate/cgroup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cgroup_column {
    struct column column;
    unsigned subject; // enum cgroup_subject that it needs; 0: none
};

static const struct cgroup_column columns[] = {
    {{"host", "HOST", UNIT_NONE, COLUMN_LABEL | COLUMN_WIDE}, 0},
    {{"hierarchy", "HIERARCHY", UNIT_NONE, COLUMN_LABEL}, 0},
    {{"path", "PATH", UNIT_NONE, COLUMN_LABEL | COLUMN_TREE | COLUMN_RENAMED}, 0},
    {{"cgroup_id", "ID", UNIT_ID, COLUMN_LABEL | COLUMN_WIDE}, 0},
    {{"state", "STATE", UNIT_NONE, COLUMN_SPARE}, 0},
    {{"processes", "PROCS", UNIT_COUNT, COLUMN_STATE}, 0},
    {{"run_ns", "CPU", UNIT_NS, COLUMN_COUNTER | COLUMN_SHARE}, SEEN_CPU},
    {{"wait_ns", "WAITED", UNIT_NS, COLUMN_COUNTER | COLUMN_SPARE}, SEEN_CPU},
    {{"cpu_limit_ppm", "CPU LIMIT", UNIT_PPM, COLUMN_STATE}, 0},
    {{"throttled_ppm", "THROTTLED", UNIT_PPM, COLUMN_STATE}, 0},
    {{"throttled_ns", "THROTTLED", UNIT_NS, COLUMN_WIDE | COLUMN_STATE}, 0},
    {{"periods", "PERIODS", UNIT_COUNT, COLUMN_WIDE | COLUMN_STATE}, 0},
    {{"throttled", "THROTTLED", UNIT_COUNT, COLUMN_WIDE | COLUMN_STATE}, 0},
    {{"used_ns", "CPU USED", UNIT_NS, COLUMN_STATE | COLUMN_SPARE}, 0},
    {{"memory_bytes", "MEMORY", UNIT_BYTES, COLUMN_STATE}, 0},
    {{"memory_max_bytes", "MEM LIMIT", UNIT_BYTES, COLUMN_STATE}, 0},
    {{"pids", "TASKS", UNIT_COUNT, COLUMN_STATE | COLUMN_SPARE}, 0},
    {{"pids_max", "TASK LIMIT", UNIT_COUNT, COLUMN_STATE | COLUMN_SPARE}, 0},
    {{"tx_bytes", "SENT", UNIT_BYTES, COLUMN_COUNTER | COLUMN_SPARE | COLUMN_SHARE}, SEEN_TRAFFIC},
    {{"rx_bytes", "RECEIVED", UNIT_BYTES, COLUMN_COUNTER | COLUMN_SPARE | COLUMN_SHARE},
     SEEN_TRAFFIC},
    {{"tx_packets", "PACKETS SENT", UNIT_PACKETS, COLUMN_COUNTER | COLUMN_WIDE}, SEEN_TRAFFIC},
    {{"rx_packets", "PACKETS RECEIVED", UNIT_PACKETS, COLUMN_COUNTER | COLUMN_WIDE}, SEEN_TRAFFIC},
    {{"connects", "CONNECTS", UNIT_COUNT, COLUMN_COUNTER | COLUMN_WIDE}, SEEN_NET},
    {{"accepts", "ACCEPTS", UNIT_COUNT, COLUMN_COUNTER | COLUMN_WIDE}, SEEN_NET},
    {{"retransmits", "RETRANSMITS", UNIT_COUNT, COLUMN_COUNTER | COLUMN_WIDE}, SEEN_NET},
    {{"read_bytes", "READ", UNIT_BYTES, COLUMN_COUNTER | COLUMN_SPARE}, SEEN_IO},
    {{"write_bytes", "WRITTEN", UNIT_BYTES, COLUMN_COUNTER | COLUMN_SPARE}, SEEN_IO},
    {{"reads", "READS", UNIT_COUNT, COLUMN_COUNTER | COLUMN_WIDE}, SEEN_IO},
    {{"writes", "WRITES", UNIT_COUNT, COLUMN_COUNTER | COLUMN_WIDE}, SEEN_IO},
    {{"latency_ns", "IO TIME", UNIT_NS, COLUMN_COUNTER | COLUMN_WIDE}, SEEN_IO},
    {{"max_latency_ns", "IO MAX", UNIT_NS, COLUMN_WIDE}, SEEN_IO},
    {{"direct_reclaims", "RECLAIMS", UNIT_COUNT, COLUMN_COUNTER | COLUMN_WIDE}, SEEN_MEM},
    {{"direct_reclaim_ns", "RECLAIM TIME", UNIT_NS, COLUMN_COUNTER | COLUMN_WIDE}, SEEN_MEM},
    {{"limit_reclaims", "LIMIT RECLAIMS", UNIT_COUNT, COLUMN_COUNTER | COLUMN_WIDE}, SEEN_MEM},
    {{"limit_reclaim_ns", "LIMIT RECLAIM TIME", UNIT_NS, COLUMN_COUNTER | COLUMN_WIDE}, SEEN_MEM},
    {{"oom_kills", "OOM KILLS", UNIT_COUNT, COLUMN_WIDE | COLUMN_STATE}, 0},
    {{"oom_kills_below", "OOM KILLS BELOW", UNIT_COUNT, COLUMN_WIDE | COLUMN_STATE}, 0},
    {{"moved_in", "MOVED IN", UNIT_COUNT, COLUMN_COUNTER | COLUMN_SPARE}, SEEN_MOVES},
    {{"moved_out", "MOVED OUT", UNIT_COUNT, COLUMN_COUNTER | COLUMN_SPARE}, SEEN_MOVES},
};

enum { COLUMNS = sizeof(columns) / sizeof(*columns), HIERARCHY = 1, PATH = 2 };

struct node {
    const struct cgroup_key *key; // NULL: the others, together
    const struct cgroup_cell *cell;
    struct text hierarchy, path;
};

bool cgroup_wanted(const struct cgroup_aggregate *a, uint32_t hierarchy, struct text path)
{
    const char *under = a->options->under, *wanted = a->options->hierarchy;
    if (under) {
        size_t len = strlen(under);
        while (len > 0 && under[len - 1] == '/')
            len--;
        if (path.len < len || memcmp(path.ptr, under, len) != 0 ||
            (path.len > len && path.ptr[len] != '/'))
            return false;
    }
    if (!wanted)
        return true;
    struct text text = intern_text(a->words, hierarchy);
    size_t len = strlen(wanted);
    for (size_t at = 0; at < text.len;) {
        const char *comma = memchr(text.ptr + at, ',', text.len - at);
        size_t word = comma ? (size_t)(comma - text.ptr) - at : text.len - at;
        if (word == len && memcmp(text.ptr + at, wanted, len) == 0)
            return true;
        at += word + 1;
    }
    return text.len == len && memcmp(text.ptr, wanted, len) == 0;
}

// A slash sorts before any other byte, so that what is below a cgroup follows it.
int cgroup_compare_paths(struct text a, struct text b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < n; i++)
        if (a.ptr[i] != b.ptr[i])
            return a.ptr[i] == '/'   ? -1
                   : b.ptr[i] == '/' ? 1
                                     : (int)(unsigned char)a.ptr[i] - (int)(unsigned char)b.ptr[i];
    return a.len < b.len ? -1 : a.len > b.len;
}

static int compare_nodes(const void *a, const void *b)
{
    const struct node *x = a, *y = b;
    int c = text_compare(x->hierarchy, y->hierarchy);
    c = c ? c : cgroup_compare_paths(x->path, y->path);
    if (c)
        return c;
    return x->key->id < y->key->id ? -1 : x->key->id > y->key->id;
}

static uint64_t use_of(const struct cgroup_cell *c)
{
    return c->run_ns + c->tx_bytes + c->rx_bytes + c->read_bytes + c->write_bytes;
}

// The busiest first, then those with most processes: what --top keeps.
static int compare_use(const void *a, const void *b)
{
    const struct cgroup_cell *x = ((const struct node *)a)->cell;
    const struct cgroup_cell *y = ((const struct node *)b)->cell;
    uint64_t ux = use_of(x), uy = use_of(y);
    if (ux != uy)
        return ux > uy ? -1 : 1;
    if (x->placed != y->placed)
        return x->placed > y->placed ? -1 : 1;
    return compare_nodes(a, b);
}

static struct cell last_cell(const struct cgroup_last *last)
{
    if (!last->at_us)
        return (struct cell){.kind = CELL_ABSENT};
    return last->value == CGROUP_NO_LIMIT ? cell_text(TEXT_LITERAL("none")) : cell_u64(last->value);
}

static struct cell cpu_limit_cell(const struct cgroup_cell *c)
{
    if (!c->cpu_quota_ns.at_us || c->cpu_quota_ns.value == CGROUP_NO_LIMIT ||
        !c->cpu_period_ns.value)
        return last_cell(&c->cpu_quota_ns);
    return cell_u64(
        (uint64_t)((unsigned __int128)c->cpu_quota_ns.value * 1000000 / c->cpu_period_ns.value));
}

// The kernel counts since the cgroup was made; with two readings the report shows what was added.
static uint64_t added(uint64_t first_us, uint64_t last_us, uint64_t first, uint64_t last)
{
    return last_us > first_us && last >= first ? last - first : last;
}

// Share of its periods' time in which it was held back. The kernel counts periods only while the
// cgroup wants a CPU, so idle time does not thin it; it adds up the CPUs that were held back, so
// that a cgroup of many threads can have more than 100 %.
static struct cell throttled_share(const struct cgroup_cell *c)
{
    const struct cgroup_throttle_reading *first = &c->first_throttle, *last = &c->last_throttle;
    if (!last->at_us || !c->cpu_period_ns.value)
        return (struct cell){.kind = CELL_ABSENT};
    uint64_t periods = added(first->at_us, last->at_us, first->periods, last->periods);
    uint64_t ns = added(first->at_us, last->at_us, first->throttled_ns, last->throttled_ns);
    if (!periods)
        return cell_u64(0);
    return cell_u64((uint64_t)((unsigned __int128)ns * 1000000 / periods / c->cpu_period_ns.value));
}

static void fill_readings(struct cell *throttled_ns, struct cell *used, struct cell *oom_kills,
                          const struct cgroup_cell *c)
{
    const struct cgroup_throttle_reading *ft = &c->first_throttle, *lt = &c->last_throttle;
    const struct cgroup_used_reading *fu = &c->first_used, *lu = &c->last_used;
    if (lt->at_us) {
        throttled_ns[0] = cell_u64(added(ft->at_us, lt->at_us, ft->throttled_ns, lt->throttled_ns));
        throttled_ns[1] = cell_u64(added(ft->at_us, lt->at_us, ft->periods, lt->periods));
        throttled_ns[2] = cell_u64(added(ft->at_us, lt->at_us, ft->throttled, lt->throttled));
    }
    if (lu->at_us) {
        *used = cell_u64(added(fu->at_us, lu->at_us, fu->used_ns, lu->used_ns));
        oom_kills[0] = cell_u64(added(fu->at_us, lu->at_us, fu->oom_kills, lu->oom_kills));
        if (lu->oom_kills_below) // else there were none, or nobody can say
            oom_kills[1] =
                cell_u64(added(fu->at_us, lu->at_us, fu->oom_kills_below, lu->oom_kills_below));
    } else if (c->oom_events) {
        oom_kills[0] = cell_u64(c->oom_events);
    }
}

static struct cell processes_cell(const struct cgroup_cell *c)
{
    if (c->placed_us && c->placed_us >= c->processes.at_us)
        return cell_u64(c->placed);
    return last_cell(&c->processes);
}

static void fill_values(struct cell *c, const struct cgroup_cell *cell)
{
    *c++ = processes_cell(cell);
    *c++ = cell_u64(cell->run_ns);
    *c++ = cell_u64(cell->wait_ns);
    *c++ = cpu_limit_cell(cell);
    *c++ = throttled_share(cell);
    struct cell *throttled_ns = c;
    c += 3;
    struct cell *used = c++;
    *c++ = last_cell(&cell->memory_bytes);
    *c++ = last_cell(&cell->memory_max_bytes);
    *c++ = last_cell(&cell->pids);
    *c++ = last_cell(&cell->pids_max);
    const uint64_t counts[] = {
        cell->tx_bytes,       cell->rx_bytes,         cell->tx_packets,
        cell->rx_packets,     cell->connects,         cell->accepts,
        cell->retransmits,    cell->read_bytes,       cell->write_bytes,
        cell->reads,          cell->writes,           cell->latency_ns,
        cell->max_latency_ns, cell->direct_reclaims,  cell->direct_reclaim_ns,
        cell->limit_reclaims, cell->limit_reclaim_ns,
    };
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
        *c++ = cell_u64(counts[i]);
    fill_readings(throttled_ns, used, c, cell);
    c += 2;
    *c++ = cell_u64(cell->moved_in);
    *c++ = cell_u64(cell->moved_out);
}

// Takes back what nothing was said about.
static void hide_unseen(const struct cgroup_aggregate *a, const struct cgroup_cell *cell,
                        struct cell *row)
{
    unsigned seen = a->seen & ~(cgroup_knows_traffic(cell) ? 0u : (unsigned)SEEN_TRAFFIC);
    for (size_t i = 0; i < COLUMNS; i++)
        if (columns[i].subject && !(columns[i].subject & seen))
            row[i] = (struct cell){.kind = CELL_ABSENT};
}

// People do not get columns of which nothing is known.
static void add_columns(const struct cgroup_aggregate *a, struct table *t)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        struct column column = columns[i].column;
        if (columns[i].subject && !(columns[i].subject & a->seen))
            column.flags |= COLUMN_WIDE;
        table_add_columns(t, &column, 1);
    }
}

static const char *state_of(const struct cgroup_cell *c)
{
    return c->gone_us ? "gone" : c->frozen.value ? "frozen" : "live";
}

static void fill_node(const struct cgroup_aggregate *a, struct table *t, const struct node *n)
{
    struct cell *c = table_add_row(t);
    if (!c)
        return;
    if (n->key->host)
        c[0] = cell_text(intern_text(a->words, n->key->host));
    c[HIERARCHY] = cell_text(n->hierarchy);
    c[PATH] = cell_copy(t, n->path);
    c[PATH + 1] = cell_u64(n->key->id);
    c[PATH + 2] = cell_text(text_of(state_of(n->cell)));
    fill_values(c + PATH + 3, n->cell);
    hide_unseen(a, n->cell, c);
}

// All that are wanted, in tree order behind the first `top`.
static struct node *collect(struct cgroup_aggregate *a, size_t *count)
{
    size_t all = keymap_count(a->cells);
    struct node *nodes = calloc(all + 1, sizeof(*nodes));
    *count = 0;
    for (size_t i = 0; nodes && i < all; i++) {
        struct node *n = &nodes[*count];
        n->key = keymap_key_at(a->cells, i);
        n->cell = keymap_cell_at(a->cells, i);
        n->hierarchy = intern_text(a->words, n->key->hierarchy);
        n->path = cgroup_path(a, n->cell);
        if (cgroup_wanted(a, n->key->hierarchy, n->path))
            ++*count;
    }
    for (size_t i = 0; nodes && i < *count; i++) {
        struct node *n = &nodes[i];
        if (!n->path.ptr)
            n->path = cgroup_unnamed(a, n->key->id);
    }
    return nodes;
}

// Adds a cgroup to the others. Their processes add up; when that was does not matter any more.
static void fold(struct cgroup_cell *other, const struct cgroup_cell *cell)
{
    struct cell processes = processes_cell(cell);
    cgroup_cell_merge(other, cell);
    if (processes.kind == CELL_U64) {
        other->placed += processes.u64;
        other->placed_us = UINT64_MAX;
    }
}

// --under or --hierarchy named what is not there: an empty report alone would look like idleness.
static void say_not_there(struct cgroup_aggregate *a, struct report *report)
{
    const char *under = a->options->under, *hierarchy = a->options->hierarchy;
    size_t known = keymap_count(a->cells);
    if (!known || (!under && !hierarchy))
        return;
    report->nothing_there = true;
    if (a->said_not_there)
        return;
    a->said_not_there = true;
    fprintf(stderr,
            "netvitals: there is no cgroup %s%s%s%s; %zu others are known: a path is as in "
            "/proc/PID/cgroup, and 'netvitals report cgroup --snapshot' shows all of this host\n",
            under ? under : "", under && hierarchy ? " " : "", hierarchy ? "on hierarchy " : "",
            hierarchy ? hierarchy : "", known);
}

void cgroup_rows(struct cgroup_aggregate *a, struct report *report)
{
    size_t count;
    struct node *nodes = collect(a, &count);
    struct cgroup_cell other = a->other;
    size_t shown = count, folded = 0;
    add_columns(a, &report->rows);
    if (!nodes)
        return;
    if (!count)
        say_not_there(a, report);
    if (a->options->top && count > a->options->top) {
        qsort(nodes, count, sizeof(*nodes), compare_use);
        shown = a->options->top;
        folded = count - shown;
        for (size_t i = shown; i < count; i++)
            fold(&other, nodes[i].cell);
    }
    qsort(nodes, shown, sizeof(*nodes), compare_nodes);
    for (size_t i = 0; i < shown; i++)
        fill_node(a, &report->rows, &nodes[i]);
    if (folded || a->has_other) {
        struct cell *c = table_add_row(&report->rows);
        if (c) {
            c[PATH] = cell_text(TEXT_LITERAL("other"));
            fill_values(c + PATH + 3, &other);
            hide_unseen(a, &other, c);
        }
        report_note(report,
                    "other: %zu cgroups beyond --top, and those beyond --max-keys, together\n",
                    folded);
    }
    free(nodes);
}
