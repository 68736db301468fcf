// SPDX-License-Identifier: Apache-2.0
//
// rtt.c - the report of SCTP heartbeats: a row a path.

#include "helper/aggregate/rtt.h"
#include "schema/encode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS_MAX = 1000000, WORDS_MAX = 65536 };

size_t rtt_keys_max(const struct report_options *options)
{
    return options->max_keys ? options->max_keys : KEYS_MAX;
}

static void release_paths(struct keymap *paths)
{
    for (size_t i = 0; paths && i < keymap_count(paths); i++)
        rtt_path_release(keymap_cell_at(paths, i));
    keymap_free(paths);
}

static void rtt_destroy(void *self)
{
    struct rtt *rtt = self;
    release_paths(rtt->paths);
    rtt_path_release(&rtt->other);
    keymap_free(rtt->assocs);
    intern_free(rtt->words);
    free(rtt);
}

static void *rtt_create(const struct report_options *options)
{
    struct rtt *rtt = calloc(1, sizeof(*rtt));
    if (!rtt)
        return NULL;
    rtt->options = options;
    rtt->windows = windows_new(options);
    rtt->paths = keymap_new(sizeof(struct rtt_path_key), sizeof(struct rtt_path),
                            rtt_keys_max(rtt->options));
    rtt->assocs =
        keymap_new(sizeof(struct rtt_assoc_key), sizeof(struct rtt_assoc), rtt_keys_max(options));
    rtt->words = intern_new(WORDS_MAX);
    if (!rtt->paths || !rtt->assocs || !rtt->words) {
        rtt_destroy(rtt);
        fprintf(stderr, "netvitals: out of memory\n");
        return NULL;
    }
    return rtt;
}

// What decides on the window; 0 for a summary of all times.
static uint64_t time_of(const struct event *ev)
{
    return ev->type == EV_rtt_summary ? ev->rtt_summary.window_us : ev->ts_us;
}

// The key of an event of a path; false for any other event.
static bool path_key(struct rtt *rtt, const struct event *ev, struct rtt_path_key *key)
{
    memset(key, 0, sizeof(*key)); // padding is part of the key
    switch (ev->type) {
#define PATH_EVENT(event)                                                                          \
    case EV_##event:                                                                               \
        key->netns = ev->event.netns;                                                              \
        key->assoc_id = ev->event.assoc_id;                                                        \
        key->raddr = ev->event.raddr;                                                              \
        key->lport = (uint16_t)ev->event.lport;                                                    \
        key->rport = (uint16_t)ev->event.rport;                                                    \
        break;
        PATH_EVENT(sctp_hb_sent)
        PATH_EVENT(sctp_hb_ack)
        PATH_EVENT(sctp_hb_miss)
        PATH_EVENT(sctp_hb_skip)
        PATH_EVENT(sctp_hb_recv)
        PATH_EVENT(sctp_pmtu_probe)
        PATH_EVENT(sctp_path)
        PATH_EVENT(rtt_summary)
#undef PATH_EVENT
    default:
        return false;
    }
    key->window_us = windows_start(&rtt->windows, time_of(ev));
    key->host = intern_id(rtt->words, ev->host);
    return true;
}

// In the order in which one of two said at the same time stands: what is over stays over.
static const char *const assoc_words[] = {"unknown",  "up",   "restart",
                                          "shutdown", "down", "aborted"};
enum { ASSOC_WORDS = sizeof(assoc_words) / sizeof(*assoc_words), FIRST_WORD_OVER = 3 };

static void set_assoc(struct rtt *rtt, const struct rtt_assoc_key *key, uint64_t at_us,
                      struct text word)
{
    struct rtt_assoc *cell = keymap_cell(rtt->assocs, key, keymap_hash(rtt->assocs, key));
    uint64_t number = ASSOC_WORDS;
    while (--number > 0 && !text_equal(word, text_of(assoc_words[number])))
        ;
    if (cell)
        latest_set(&cell->state, at_us, number, 0);
}

static void add_assoc(struct rtt *rtt, const struct event *ev)
{
    struct rtt_assoc_key key;
    memset(&key, 0, sizeof(key)); // padding is part of the key
    key.host = intern_id(rtt->words, ev->host);
    switch (ev->type) {
#define ASSOC_EVENT(event, at_us)                                                                  \
    case EV_##event:                                                                               \
        key.netns = ev->event.netns;                                                               \
        key.assoc_id = ev->event.assoc_id;                                                         \
        key.lport = (uint16_t)ev->event.lport;                                                     \
        key.rport = (uint16_t)ev->event.rport;                                                     \
        set_assoc(rtt, &key, at_us, ev->event.state);                                              \
        break;
        ASSOC_EVENT(sctp_assoc, ev->ts_us)
        ASSOC_EVENT(assoc_summary, ev->assoc_summary.state_us)
#undef ASSOC_EVENT
    default:
        break;
    }
}

// The paths with their windows merged into those of windows; their sketches are copies. NULL if
// there is no memory for all of them.
static struct keymap *rewindow(const struct rtt *rtt, const struct windows *windows)
{
    struct keymap *merged = keymap_new(sizeof(struct rtt_path_key), sizeof(struct rtt_path),
                                       rtt_keys_max(rtt->options));
    for (size_t i = 0; merged && i < keymap_count(rtt->paths); i++) {
        struct rtt_path_key key = *(const struct rtt_path_key *)keymap_key_at(rtt->paths, i);
        key.window_us = windows_start(windows, key.window_us);
        struct rtt_path *path = keymap_cell(merged, &key, keymap_hash(merged, &key));
        if (!path || !rtt_path_merge(path, keymap_cell_at(rtt->paths, i))) {
            release_paths(merged);
            return NULL;
        }
    }
    return merged;
}

// Makes room for the window of a timestamp.
static void cover(struct rtt *rtt, uint64_t at_us)
{
    if (at_us == 0 || !windows_cover(&rtt->windows, at_us))
        return;
    struct keymap *merged = rewindow(rtt, &rtt->windows);
    if (merged) {
        release_paths(rtt->paths);
        rtt->paths = merged;
    } else {
        rtt->out_of_memory = true;
    }
}

// Where an event of a path is added up.
static struct rtt_path *path_of(struct rtt *rtt, const struct event *ev,
                                const struct rtt_path_key *key, uint64_t hash)
{
    bool other = ev->type == EV_rtt_summary && ev->rtt_summary.other;
    struct rtt_path *path = other ? NULL : keymap_cell(rtt->paths, key, hash);
    return path ? path : &rtt->other;
}

static void rtt_add(void *self, const struct event *ev)
{
    struct rtt *rtt = self;
    struct rtt_path_key key;
    if (ev->type == EV_sctp_assoc || ev->type == EV_assoc_summary) {
        add_assoc(rtt, ev);
        return;
    }
    if (!path_key(rtt, ev, &key))
        return;
    cover(rtt, time_of(ev));
    key.window_us = windows_start(&rtt->windows, time_of(ev));
    if (!rtt_path_add(path_of(rtt, ev, &key, keymap_hash(rtt->paths, &key)), ev))
        rtt->out_of_memory = true;
}

enum { BATCH_MAX = 32 };

// A few events whose windows do not grow, as that moves every path.
static void add_few(struct rtt *rtt, const struct event *events, size_t count)
{
    struct rtt_path_key keys[BATCH_MAX];
    struct rtt_path *paths[BATCH_MAX];
    uint64_t hashes[BATCH_MAX];
    bool of_path[BATCH_MAX];
    for (size_t i = 0; i < count; i++) {
        of_path[i] = path_key(rtt, &events[i], &keys[i]);
        hashes[i] = keymap_hash(rtt->paths, &keys[i]);
        keymap_prefetch_slot(rtt->paths, hashes[i]);
    }
    for (size_t i = 0; i < count; i++)
        keymap_prefetch(rtt->paths, hashes[i]);
    for (size_t i = 0; i < count; i++) {
        paths[i] = of_path[i] ? path_of(rtt, &events[i], &keys[i], hashes[i]) : NULL;
        // the bucket of a round trip is a line of its own in a table of kilobytes
        if (of_path[i] && events[i].type == EV_sctp_hb_ack)
            sketch_prefetch(&paths[i]->rtt, events[i].sctp_hb_ack.rtt_ns);
    }
    for (size_t i = 0; i < count; i++) {
        if (!of_path[i])
            rtt_add(rtt, &events[i]);
        else if (!rtt_path_add(paths[i], &events[i]))
            rtt->out_of_memory = true;
    }
}

static void rtt_add_batch(void *self, const struct event *events, size_t count)
{
    struct rtt *rtt = self;
    for (size_t at = 0, few; at < count; at += few) {
        few = rtt->windows.grows ? 1 : count - at < BATCH_MAX ? count - at : BATCH_MAX;
        if (few == 1)
            rtt_add(rtt, &events[at]);
        else
            add_few(rtt, events + at, few);
    }
}

// When the association of a path ended, or 0.
static uint64_t over_us(const struct rtt *rtt, const struct rtt_path_key *path)
{
    struct rtt_assoc_key key;
    memset(&key, 0, sizeof(key));
    key.netns = path->netns;
    key.assoc_id = path->assoc_id;
    key.host = path->host;
    key.lport = path->lport;
    key.rport = path->rport;
    const struct rtt_assoc *assoc = keymap_find(rtt->assocs, &key);
    return assoc && assoc->state.value >= FIRST_WORD_OVER ? assoc->state.at_us : 0;
}

static int compare_judged(const void *a, const void *b)
{
    const struct rtt_judged *x = a, *y = b;
    if (x->verdict != y->verdict)
        return x->verdict < y->verdict ? -1 : 1;
    if (x->key.netns != y->key.netns)
        return x->key.netns < y->key.netns ? -1 : 1;
    if (x->key.assoc_id != y->key.assoc_id)
        return x->key.assoc_id < y->key.assoc_id ? -1 : 1;
    int addresses = memcmp(&x->key.raddr, &y->key.raddr, sizeof(x->key.raddr));
    if (addresses)
        return addresses;
    return memcmp(&x->key.lport, &y->key.lport, 2 * sizeof(x->key.lport));
}

struct rtt_judged *rtt_judge_all(const struct rtt *rtt, uint64_t now_us, size_t *count)
{
    struct keymap *merged = rewindow(rtt, &(struct windows){0});
    *count = merged ? keymap_count(merged) : 0;
    struct rtt_judged *judged = merged ? calloc(*count + 1, sizeof(*judged)) : NULL;
    if (!judged) {
        release_paths(merged);
        fprintf(stderr, "netvitals: no memory to judge %zu paths; a lower --max-keys needs less\n",
                keymap_count(rtt->paths));
        return NULL;
    }
    for (size_t i = 0; i < *count; i++) {
        struct rtt_judged *j = &judged[i];
        j->key = *(const struct rtt_path_key *)keymap_key_at(merged, i);
        j->path = *(struct rtt_path *)keymap_cell_at(merged, i); // takes the sketch over
        j->verdict = rtt_judge(&j->path, now_us, over_us(rtt, &j->key), j->why, sizeof(j->why));
    }
    keymap_free(merged);
    qsort(judged, *count, sizeof(*judged), compare_judged);
    return judged;
}

void rtt_judged_free(struct rtt_judged *judged, size_t count)
{
    for (size_t i = 0; judged && i < count; i++)
        rtt_path_release(&judged[i].path);
    free(judged);
}

static void rtt_fill(void *self, uint64_t now_us, struct report *report)
{
    const struct rtt *rtt = self;
    size_t count;
    struct rtt_judged *judged = rtt_judge_all(rtt, now_us, &count);
    rtt_rows(rtt, judged, count, now_us, report);
    rtt_histogram(judged, judged ? count : 0, report);
    if (rtt->windows.length_us)
        rtt_timeline(rtt, judged, count, report);
    if (rtt->options->assocs)
        rtt_contradictions(rtt->options->assocs, judged, judged ? count : 0, report);
    rtt_judged_free(judged, count);
}

static void summarise_path(const struct rtt *rtt, size_t i, char *sketch, summary_fn *emit,
                           void *context)
{
    const struct rtt_path_key *key = keymap_key_at(rtt->paths, i);
    const struct rtt_path *path = keymap_cell_at(rtt->paths, i);
    struct event out = {.type = EV_rtt_summary, .host = intern_text(rtt->words, key->host)};
    EVENT_SET(&out, rtt_summary, netns, key->netns);
    EVENT_SET(&out, rtt_summary, assoc_id, key->assoc_id);
    EVENT_SET(&out, rtt_summary, lport, key->lport);
    EVENT_SET(&out, rtt_summary, rport, key->rport);
    EVENT_SET(&out, rtt_summary, raddr, key->raddr);
    if (key->window_us)
        EVENT_SET(&out, rtt_summary, window_us, key->window_us);
    rtt_path_summary(path, &out, sketch);
    emit(context, &out);
}

static void summarise_assoc(const struct rtt *rtt, size_t i, summary_fn *emit, void *context)
{
    const struct rtt_assoc_key *key = keymap_key_at(rtt->assocs, i);
    const struct rtt_assoc *assoc = keymap_cell_at(rtt->assocs, i);
    struct event out = {.type = EV_assoc_summary, .host = intern_text(rtt->words, key->host)};
    EVENT_SET(&out, assoc_summary, netns, key->netns);
    EVENT_SET(&out, assoc_summary, assoc_id, key->assoc_id);
    EVENT_SET(&out, assoc_summary, lport, key->lport);
    EVENT_SET(&out, assoc_summary, rport, key->rport);
    EVENT_SET(&out, assoc_summary, state_us, assoc->state.at_us);
    EVENT_SET(&out, assoc_summary, state, text_of(assoc_words[assoc->state.value]));
    emit(context, &out);
}

bool rtt_other_is_empty(const struct rtt *rtt)
{
    const struct rtt_path *p = &rtt->other;
    uint64_t counts = p->sent | p->acked | p->missed | p->late | p->discarded | p->received |
                      p->probes_sent | p->probes_acked;
    uint64_t registers = p->rtt.total | p->state.at_us | p->skip.at_us | p->timing.at_us;
    return (counts | registers) == 0;
}

static void summarise_other(const struct rtt *rtt, char *sketch, summary_fn *emit, void *context)
{
    struct event out = {.type = EV_rtt_summary};
    if (rtt_other_is_empty(rtt))
        return;
    EVENT_SET(&out, rtt_summary, other, 1);
    rtt_path_summary(&rtt->other, &out, sketch);
    emit(context, &out);
}

static void rtt_summarise(void *self, summary_fn *emit, void *context)
{
    const struct rtt *rtt = self;
    char *sketch = malloc(EVENT_LINE_MAX);
    for (size_t i = 0; sketch && i < keymap_count(rtt->paths); i++)
        summarise_path(rtt, i, sketch, emit, context);
    if (sketch)
        summarise_other(rtt, sketch, emit, context);
    for (size_t i = 0; i < keymap_count(rtt->assocs); i++)
        summarise_assoc(rtt, i, emit, context);
    free(sketch);
}

static const struct opt options[] = {
    OPT(struct report_options, assocs, 0, "assocs", OPT_TEXT, "FILE",
        "hold the heartbeats against /proc/net/sctp/assocs, or a copy of it; check: critical where "
        "they contradict each other",
        .value_if_absent = ""),
    {0},
};

const struct aggregate aggregate_rtt = {
    .name = "rtt",
    .title = "SCTP heartbeats",
    .how_to_feed = "Feed it with:  sudo scripts/sctp/sctphb.bt | netvitals report rtt",
    .options = options,
    .create = rtt_create,
    .add = rtt_add,
    .add_batch = rtt_add_batch,
    .fill = rtt_fill,
    .summarise = rtt_summarise,
    .check = rtt_check,
    .destroy = rtt_destroy,
};
