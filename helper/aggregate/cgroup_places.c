// SPDX-License-Identifier: Apache-2.0
//
// cgroup_places.c - the memory of who is where, which is what gives a move its source.
//
// The kernel says where a process goes, never where it was. A snapshot, forks and exits keep this
// memory right in between. Pids are reused, so the table grows with the largest number of processes
// alive, not with time.

#include "helper/aggregate/cgroup.h"

#include <string.h>

static struct cgroup_place *place_of(struct cgroup_aggregate *a, uint32_t host, uint32_t hierarchy,
                                     uint64_t pid, bool make)
{
    struct cgroup_place_key key;
    memset(&key, 0, sizeof(key)); // padding is part of the key
    key.pid = pid;
    key.host = host;
    key.hierarchy = hierarchy;
    if (make)
        return keymap_cell(a->places, &key, keymap_hash(a->places, &key));
    return keymap_find(a->places, &key);
}

// The cell it was in, or NULL.
static struct cgroup_cell *move(struct cgroup_place *place, struct cgroup_cell *to, uint64_t at_us)
{
    struct cgroup_cell *from = place->cell;
    if (from && from->placed)
        from->placed--;
    if (from)
        from->placed_us = at_us;
    if (to) {
        to->placed++;
        to->placed_us = at_us;
    }
    place->cell = to;
    return from;
}

static void add_attach(struct cgroup_aggregate *a, const struct event *ev,
                       const struct cgroup_key *key, struct cgroup_cell *cell)
{
    const struct ev_cgroup_attach *in = &ev->cgroup_attach;
    struct cgroup_change change = {
        .at_us = ev->ts_us,
        .cgroup_id = key->id,
        .pid = in->pid,
        .host = key->host,
        .hierarchy = key->hierarchy,
        .change = intern_id(a->words, TEXT_LITERAL("moved")),
        .path = (uint32_t)cell->path.value,
        .from_path = intern_id(a->words, in->from_path),
        .comm = intern_id(a->words, in->comm),
    };
    struct cgroup_place *place = place_of(a, key->host, key->hierarchy, in->pid, true);
    struct cgroup_cell *from = place ? move(place, cell, ev->ts_us) : NULL;
    cell->moved_in++;
    // A snapshot that is younger than this move has it there already.
    if (from && from != cell) {
        from->moved_out++;
        if (!change.from_path)
            change.from_path = (uint32_t)from->path.value;
    }
    cgroup_changes_add(&a->changes, a->words, &change);
}

static void add_fork(struct cgroup_aggregate *a, const struct event *ev, uint32_t host)
{
    const struct ev_cgroup_fork *in = &ev->cgroup_fork;
    for (size_t i = 0; i < a->hierarchy_count; i++) {
        const struct cgroup_hierarchy *h = &a->hierarchies[i];
        if (h->host != host || (in->elsewhere && h->id == 0))
            continue;
        const struct cgroup_place *parent = place_of(a, host, h->text, in->ppid, false);
        if (!parent || !parent->cell)
            continue;
        struct cgroup_cell *cell = parent->cell;
        struct cgroup_place *child = place_of(a, host, h->text, in->pid, true);
        if (child)
            move(child, cell, ev->ts_us);
    }
}

static void add_exit(struct cgroup_aggregate *a, const struct event *ev, uint32_t host)
{
    for (size_t i = 0; i < a->hierarchy_count; i++) {
        const struct cgroup_hierarchy *h = &a->hierarchies[i];
        struct cgroup_place *place =
            h->host == host ? place_of(a, host, h->text, ev->cgroup_exit.pid, false) : NULL;
        if (place)
            move(place, NULL, ev->ts_us);
    }
}

void cgroup_places_add(struct cgroup_aggregate *a, const struct event *ev,
                       const struct cgroup_key *key, struct cgroup_cell *cell)
{
    uint32_t host = intern_id(a->words, ev->host);
    switch (ev->type) {
    case EV_cgroup_task:
        if (ev->cgroup_task.pid == ev->cgroup_task.tgid) {
            struct cgroup_place *place =
                place_of(a, key->host, key->hierarchy, ev->cgroup_task.pid, true);
            // a look at this host tells where the process is now: what was said of it before the
            // events that are still to come must stand until they come
            if (place && !(a->scanning && place->cell))
                move(place, cell, ev->ts_us);
        }
        break;
    case EV_cgroup_attach:
        add_attach(a, ev, key, cell);
        break;
    case EV_cgroup_fork:
        add_fork(a, ev, host);
        break;
    case EV_cgroup_exit:
        add_exit(a, ev, host);
        break;
    default:
        break;
    }
}
