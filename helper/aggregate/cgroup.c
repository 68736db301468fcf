// SPDX-License-Identifier: Apache-2.0
//
// cgroup.c - the report of cgroups: a row a cgroup, and what changed.

#include "helper/aggregate/cgroup.h"
#include "helper/cgroupfs/cgroupfs.h"
#include "schema/encode.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

enum { KEYS_MAX = 1000000, LIVE_US = 10000000, RESCAN_US = 1000000 };

static void cgroup_destroy(void *self)
{
    struct cgroup_aggregate *a = self;
    keymap_free(a->cells);
    keymap_free(a->places);
    intern_free(a->words);
    free(a->changes.items);
    free(a->limits.items);
    free(a);
}

static void *cgroup_create(const struct report_options *options)
{
    struct cgroup_aggregate *a = calloc(1, sizeof(*a));
    size_t max = options->max_keys ? options->max_keys : KEYS_MAX;
    if (!a)
        return NULL;
    a->options = options;
    a->cells = keymap_new(sizeof(struct cgroup_key), sizeof(struct cgroup_cell), max);
    a->places = keymap_new(sizeof(struct cgroup_place_key), sizeof(struct cgroup_place), KEYS_MAX);
    a->words = intern_new((uint32_t)(2 * max + 65536));
    if (!a->cells || !a->places || !a->words) {
        cgroup_destroy(a);
        fprintf(stderr, "netvitals: out of memory\n");
        return NULL;
    }
    return a;
}

struct text cgroup_path(const struct cgroup_aggregate *a, const struct cgroup_cell *cell)
{
    return intern_text(a->words, (uint32_t)cell->path.value);
}

struct text cgroup_unnamed(struct cgroup_aggregate *a, uint64_t id)
{
    char name[48];
    snprintf(name, sizeof(name), "(id %" PRIu64 ")", id);
    return intern_text(a->words, intern_id(a->words, text_of(name)));
}

// ---- which cgroup an event is about

// The keys that events of cgroups share.
struct subject {
    uint64_t id, hierarchy_id, path_bytes;
    struct text path, hierarchy;
    bool has_hierarchy_id;
};

static bool subject_of(const struct event *ev, struct subject *s)
{
    switch (ev->type) {
#define SUBJECT(event, cut_bytes)                                                                  \
    case EV_##event:                                                                               \
        *s = (struct subject){.id = ev->event.cgroup_id,                                           \
                              .hierarchy_id = ev->event.hierarchy_id,                              \
                              .path_bytes = (cut_bytes),                                           \
                              .path = ev->event.path,                                              \
                              .hierarchy = ev->event.hierarchy,                                    \
                              .has_hierarchy_id = EVENT_HAS(ev, event, hierarchy_id)};             \
        break;
#define SUBJECT_CUT(event)   SUBJECT(event, ev->event.path_bytes)
#define SUBJECT_WHOLE(event) SUBJECT(event, 0)
        SUBJECT_CUT(cgroup_mkdir)
        SUBJECT_CUT(cgroup_rmdir)
        SUBJECT_CUT(cgroup_release)
        SUBJECT_CUT(cgroup_rename)
        SUBJECT_CUT(cgroup_freeze)
        SUBJECT_CUT(cgroup_unfreeze)
        SUBJECT_CUT(cgroup_attach)
        SUBJECT_WHOLE(cgroup_frozen)
        SUBJECT_WHOLE(cgroup_populated)
        SUBJECT_WHOLE(cgroup_task)
        SUBJECT_WHOLE(cgroup_cpu)
        SUBJECT_WHOLE(cgroup_net)
        SUBJECT_WHOLE(cgroup_mem)
        SUBJECT_WHOLE(cgroup_oom)
        SUBJECT_WHOLE(cgroup_io)
        SUBJECT_WHOLE(cgroup_state)
        SUBJECT_WHOLE(cgroup_summary)
        SUBJECT_WHOLE(cgroup_change_summary)
#undef SUBJECT
#undef SUBJECT_WHOLE
#undef SUBJECT_CUT
    default:
        return false;
    }
    return true;
}

// Remembers what a number stands for, and gives it back.
static uint32_t learn_hierarchy(struct cgroup_aggregate *a, uint32_t host, uint64_t id,
                                struct text text)
{
    uint32_t word = intern_id(a->words, text);
    for (size_t i = 0; i < a->hierarchy_count; i++) {
        struct cgroup_hierarchy *h = &a->hierarchies[i];
        if (h->host == host && h->id == id) {
            if (text.ptr)
                h->text = word;
            return h->text;
        }
    }
    char unknown[32];
    if (!text.ptr) {
        if (id == 0)
            snprintf(unknown, sizeof(unknown), "v2");
        else
            snprintf(unknown, sizeof(unknown), "hierarchy %llu", (unsigned long long)id);
        word = intern_id(a->words, text_of(unknown));
    }
    if (a->hierarchy_count < CGROUP_HIERARCHIES_MAX)
        a->hierarchies[a->hierarchy_count++] = (struct cgroup_hierarchy){id, host, word};
    return word;
}

static void key_of(struct cgroup_aggregate *a, const struct event *ev, const struct subject *s,
                   struct cgroup_key *key)
{
    memset(key, 0, sizeof(*key)); // padding is part of the key
    key->host = intern_id(a->words, ev->host);
    key->id = s->id;
    if (s->has_hierarchy_id || !s->hierarchy.ptr)
        key->hierarchy = learn_hierarchy(a, key->host, s->hierarchy_id, s->hierarchy);
    else
        key->hierarchy = intern_id(a->words, s->hierarchy);
}

// ---- what it says

static void note_change(struct cgroup_aggregate *a, const struct event *ev,
                        const struct cgroup_key *key, const struct cgroup_cell *cell,
                        const char *change, struct cgroup_change more)
{
    more.at_us = ev->ts_us;
    more.cgroup_id = key->id;
    more.host = key->host;
    more.hierarchy = key->hierarchy;
    more.change = intern_id(a->words, text_of(change));
    more.path = (uint32_t)cell->path.value;
    cgroup_changes_add(&a->changes, a->words, &more);
}

static void note_made_or_removed(struct cgroup_aggregate *a, const struct event *ev,
                                 const struct cgroup_key *key, const struct cgroup_cell *cell,
                                 uint32_t old_path)
{
    static const struct {
        enum event_type type;
        const char *change;
    } words[] = {{EV_cgroup_mkdir, "made"},
                 {EV_cgroup_rmdir, "removed"},
                 {EV_cgroup_freeze, "told to freeze"},
                 {EV_cgroup_unfreeze, "told to thaw"}};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (ev->type == words[i].type)
            note_change(a, ev, key, cell, words[i].change, (struct cgroup_change){0});
    if (ev->type == EV_cgroup_frozen)
        note_change(a, ev, key, cell, ev->cgroup_frozen.frozen ? "frozen" : "thawed",
                    (struct cgroup_change){0});
    if (ev->type == EV_cgroup_rename)
        note_change(a, ev, key, cell, "renamed", (struct cgroup_change){.from_path = old_path});
    if (ev->type == EV_cgroup_oom)
        note_change(a, ev, key, cell, "oom",
                    (struct cgroup_change){.pid = ev->cgroup_oom.pid,
                                           .comm = intern_id(a->words, ev->cgroup_oom.comm)});
}

static void set_path(struct cgroup_aggregate *a, const struct event *ev, const struct subject *s,
                     struct cgroup_cell *cell)
{
    if (!s->path.ptr || !s->path.len)
        return;
    uint64_t at_us = ev->ts_us;
    if (ev->type == EV_cgroup_summary)
        at_us = ev->cgroup_summary.path_us;
    uint32_t word = intern_id(a->words, s->path);
    if (s->path_bytes > s->path.len) // the start of a path: any whole one is better
        at_us = 1;
    if (word != cell->path.value)
        cgroup_last_set(&cell->path, at_us, word);
    else if (at_us > cell->path.at_us)
        cell->path.at_us = at_us;
}

static void add_change_summary(struct cgroup_aggregate *a, const struct event *ev,
                               const struct cgroup_key *key)
{
    const struct ev_cgroup_change_summary *in = &ev->cgroup_change_summary;
    enum cgroup_limit limit;
    if (cgroup_limit_find(in->change, &limit)) {
        struct cgroup_cell *cell = keymap_cell(a->cells, key, keymap_hash(a->cells, key));
        if (cell)
            cgroup_limit_add(&a->limits, &cell->limits[limit], in->at_us, in->now);
        return;
    }
    const struct cgroup_change change = {
        .at_us = in->at_us,
        .cgroup_id = key->id,
        .pid = in->pid,
        .host = key->host,
        .hierarchy = key->hierarchy,
        .change = intern_id(a->words, in->change),
        .path = intern_id(a->words, in->path),
        .from_path = intern_id(a->words, in->from_path),
        .comm = intern_id(a->words, in->comm),
    };
    cgroup_changes_add(&a->changes, a->words, &change);
}

// ---- the host's own cgroup filesystem

static void cgroup_add(void *self, const struct event *ev);

static void scan(struct cgroup_aggregate *a, uint64_t now_us)
{
    if (a->scanning)
        return;
    a->scanning = true;
    a->scanned_us = now_us;
    cgroupfs_scan(cgroup_add, a);
    a->scanning = false;
}

// An older producer does not name its host: what comes to us live is from this one, then.
static bool is_from_here(const struct event *ev)
{
    struct utsname here;
    return !ev->host.ptr || (uname(&here) == 0 && text_equal(ev->host, text_of(here.nodename)));
}

// A producer on this host that says so now: what it cannot know is read from the filesystem. A file
// says the same whenever it is read.
static void notice_live(struct cgroup_aggregate *a, const struct event *ev)
{
    uint64_t now_us = event_now_us();
    if (a->options->stored || ev->seq || !is_from_here(ev) || ev->ts_us + LIVE_US < now_us ||
        ev->ts_us > now_us + LIVE_US)
        return;
    a->live = true;
    scan(a, now_us);
}

// Ids that nobody has named yet: look again, but not for each of them.
static void look_for(struct cgroup_aggregate *a, const struct cgroup_cell *cell)
{
    uint64_t now_us = a->live && !a->scanning && !cell->path.at_us ? event_now_us() : 0;
    if (now_us > a->scanned_us + RESCAN_US)
        scan(a, now_us);
}

static void note_seen(struct cgroup_aggregate *a, const struct event *ev)
{
    const struct ev_cgroup_summary *s = &ev->cgroup_summary;
    bool traffic = ev->type == EV_cgroup_net ? EVENT_HAS(ev, cgroup_net, tx_bytes)
                                             : EVENT_HAS(ev, cgroup_summary, tx_bytes);
    unsigned net = SEEN_NET | (traffic ? SEEN_TRAFFIC : 0u);
    switch (ev->type) {
    case EV_cgroup_cpu:
        a->seen |= SEEN_CPU;
        break;
    case EV_cgroup_net:
        a->seen |= net;
        break;
    case EV_cgroup_io:
        a->seen |= SEEN_IO;
        break;
    case EV_cgroup_mem:
        a->seen |= SEEN_MEM;
        break;
    case EV_cgroup_attach:
        a->seen |= SEEN_MOVES;
        break;
    case EV_cgroup_summary:
        a->seen |= (s->run_ns | s->wait_ns ? SEEN_CPU : 0u) |
                   (s->tx_bytes | s->rx_bytes | s->connects | s->accepts ? net : 0u) |
                   (s->reads | s->writes ? SEEN_IO : 0u) |
                   (s->direct_reclaims | s->limit_reclaims ? SEEN_MEM : 0u) |
                   (s->moved_in | s->moved_out ? SEEN_MOVES : 0u);
        break;
    default:
        break;
    }
}

static void add_named(struct cgroup_aggregate *a, const struct event *ev, const struct subject *s)
{
    struct cgroup_key key;
    key_of(a, ev, s, &key);
    note_seen(a, ev);
    if (ev->type == EV_cgroup_change_summary) {
        add_change_summary(a, ev, &key);
        return;
    }
    bool other = ev->type == EV_cgroup_summary && ev->cgroup_summary.other;
    struct cgroup_cell *cell =
        other ? NULL : keymap_cell(a->cells, &key, keymap_hash(a->cells, &key));
    if (!cell) {
        cgroup_cell_add(&a->other, ev);
        a->has_other = true;
        return;
    }
    uint32_t old_path = (uint32_t)cell->path.value;
    set_path(a, ev, s, cell);
    look_for(a, cell);
    cgroup_limits_take(a, cell, ev);
    cgroup_cell_add(cell, ev);
    note_made_or_removed(a, ev, &key, cell, old_path);
    cgroup_places_add(a, ev, &key, cell);
}

static void cgroup_add(void *self, const struct event *ev)
{
    struct cgroup_aggregate *a = self;
    struct subject subject;
    if (subject_of(ev, &subject))
        add_named(a, ev, &subject);
    else if (ev->type == EV_cgroup_hierarchy)
        learn_hierarchy(a, intern_id(a->words, ev->host), ev->cgroup_hierarchy.hierarchy_id,
                        ev->cgroup_hierarchy.hierarchy);
    else if (ev->type == EV_cgroup_fork || ev->type == EV_cgroup_exit)
        cgroup_places_add(a, ev, NULL, NULL);
    else if (ev->type == EV_begin && ev->begin.tool.len > 2 &&
             memcmp(ev->begin.tool.ptr, "cg", 2) == 0)
        notice_live(a, ev);
}

static void cgroup_fill(void *self, uint64_t now_us, struct report *report)
{
    struct cgroup_aggregate *a = self;
    (void)now_us;
    // A live report shows today's limits, not those of its start
    if (a->live && a->options->follow_us)
        scan(a, event_now_us());
    cgroup_rows(a, report);
    cgroup_timeline(a, report);
}

static const struct opt options[] = {
    OPT(struct report_options, hierarchy, 0, "hierarchy", OPT_TEXT, "NAME",
        "cgroup: only this hierarchy: v2, or a v1 controller"),
    OPT(struct report_options, under, 0, "under", OPT_TEXT, "PATH",
        "cgroup: only this cgroup and those below it"),
    OPT(struct report_options, snapshot, 0, "snapshot", OPT_FLAG, NULL,
        "cgroup: read this host's cgroup filesystem; no input is needed"),
    {0},
};

const struct aggregate aggregate_cgroup = {
    .name = "cgroup",
    .title = "Cgroups",
    .in_order = true, // ids get names, and processes places, from earlier events
    .how_to_feed =
        "Feed it with:  sudo scripts/cgroup/cgtree.bt | netvitals report cgroup, or call "
        "netvitals report cgroup --snapshot",
    .options = options,
    .create = cgroup_create,
    .add = cgroup_add,
    .fill = cgroup_fill,
    .summarise = cgroup_summarise,
    .check = cgroup_check,
    .destroy = cgroup_destroy,
};
