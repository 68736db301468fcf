// SPDX-License-Identifier: Apache-2.0
//
// cgroup_oom.c - how many processes were killed for want of memory, each counted once.
//
// A cgroup's own counter goes when the cgroup is removed, which is what service managers do behind
// a kill. The counters of what is below the cgroups above it keep it: what these grew by, less what
// is known of the cgroups that were read twice, are kills in cgroups that are gone.

#include "helper/aggregate/cgroup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node {
    uint32_t host, hierarchy; // interned
    struct text path;         // absent: nobody said
    uint64_t id;
    uint64_t own, below; // kills, by this cgroup's counters
    uint64_t known;      // those that the counters of cgroups below it know of
    size_t parent;       // number of the nearest one above it + 1; 0: none
};

static uint64_t grown(const struct cgroup_used_reading *first,
                      const struct cgroup_used_reading *last, uint64_t from, uint64_t to)
{
    return last->at_us > first->at_us && to > from ? to - from : 0;
}

static struct node node_of(const struct cgroup_aggregate *a, size_t i)
{
    const struct cgroup_key *key = keymap_key_at(a->cells, i);
    const struct cgroup_cell *cell = keymap_cell_at(a->cells, i);
    const struct cgroup_used_reading *first = &cell->first_used, *last = &cell->last_used;
    const bool read_twice = last->at_us > first->at_us && last->oom_kills >= first->oom_kills;
    return (struct node){
        .host = key->host,
        .hierarchy = key->hierarchy,
        .path = cgroup_path(a, cell),
        .id = key->id,
        .own = read_twice ? last->oom_kills - first->oom_kills : cell->oom_events,
        .below = grown(first, last, first->oom_kills_below, last->oom_kills_below),
    };
}

static int compare_nodes(const void *a, const void *b)
{
    const struct node *x = a, *y = b;
    if (x->host != y->host)
        return x->host < y->host ? -1 : 1;
    if (x->hierarchy != y->hierarchy)
        return x->hierarchy < y->hierarchy ? -1 : 1;
    return cgroup_compare_paths(x->path, y->path);
}

static bool is_above(const struct node *a, const struct node *b)
{
    size_t len = a->path.len;
    if (a->host != b->host || a->hierarchy != b->hierarchy || len == 0 || b->path.len <= len)
        return false;
    return memcmp(a->path.ptr, b->path.ptr, len) == 0 &&
           (a->path.ptr[len - 1] == '/' || b->path.ptr[len] == '/');
}

// A cgroup that was removed and made again has several counters, at one place of the tree.
static size_t merge_places(struct node *nodes, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct node *last = kept ? &nodes[kept - 1] : NULL;
        if (last && nodes[i].path.len && compare_nodes(last, &nodes[i]) == 0) {
            last->own += nodes[i].own;
            last->below += nodes[i].below;
        } else {
            nodes[kept++] = nodes[i];
        }
    }
    return kept;
}

// Nodes in the order of the tree.
static void find_parents(struct node *nodes, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        size_t above = i; // number + 1
        while (above && !is_above(&nodes[above - 1], &nodes[i]))
            above = nodes[above - 1].parent;
        nodes[i].parent = above;
    }
}

uint64_t cgroup_oom_kills(struct cgroup_aggregate *a, struct text *name)
{
    size_t cells = keymap_count(a->cells), count = 0;
    struct node *nodes = calloc(cells + 1, sizeof(*nodes));
    uint64_t all = 0;
    if (!nodes) {
        fprintf(stderr, "netvitals: out of memory: kills for want of memory are not counted\n");
        return 0;
    }
    for (size_t i = 0; i < cells; i++) {
        nodes[count] = node_of(a, i);
        count += nodes[count].own || nodes[count].below;
    }
    qsort(nodes, count, sizeof(*nodes), compare_nodes);
    count = merge_places(nodes, count);
    find_parents(nodes, count);
    for (size_t i = count; i-- > 0;) { // what is below comes before what it is below
        struct node *n = &nodes[i];
        uint64_t gone = n->below > n->known ? n->below - n->known : 0;
        if (n->parent)
            nodes[n->parent - 1].known += n->own + n->known + gone;
        if (!(n->own + gone) || !cgroup_wanted(a, n->hierarchy, n->path))
            continue;
        *name = n->path.ptr ? n->path : cgroup_unnamed(a, n->id);
        all += n->own + gone;
    }
    free(nodes);
    return all;
}
