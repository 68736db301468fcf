// SPDX-License-Identifier: Apache-2.0
//
// rtt.c - the report of SCTP heartbeats: a row a path.

#include "helper/aggregate/rtt.h"
#include "schema/encode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATHS_MAX = 1000000, WORDS_MAX = 65536 };

static void rtt_destroy(void *self)
{
    struct rtt *rtt = self;
    for (size_t i = 0; rtt->paths && i < keymap_count(rtt->paths); i++)
        rtt_path_release(keymap_cell_at(rtt->paths, i));
    rtt_path_release(&rtt->other);
    keymap_free(rtt->paths);
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
    rtt->paths = keymap_new(sizeof(struct rtt_path_key), sizeof(struct rtt_path), PATHS_MAX);
    rtt->assocs = keymap_new(sizeof(struct rtt_assoc_key), sizeof(struct rtt_assoc), PATHS_MAX);
    rtt->words = intern_new(WORDS_MAX);
    if (!rtt->paths || !rtt->assocs || !rtt->words) {
        rtt_destroy(rtt);
        fprintf(stderr, "netvitals: out of memory\n");
        return NULL;
    }
    return rtt;
}

// The key of an event of a path; false for any other event.
static bool path_key(struct rtt *rtt, const struct event *ev, struct rtt_path_key *key)
{
    memset(key, 0, sizeof(*key)); // padding is part of the key
    uint64_t window_us = rtt->options->window_us, at_us = ev->ts_us;
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
    if (ev->type == EV_rtt_summary)
        at_us = EVENT_HAS(ev, rtt_summary, window_us) ? ev->rtt_summary.window_us : 0;
    key->window_us = window_us ? at_us - at_us % window_us : 0;
    key->host = intern_id(rtt->words, ev->host);
    return true;
}

static void rtt_prefetch(void *self, const struct event *ev)
{
    struct rtt *rtt = self;
    struct rtt_path_key key;
    if (path_key(rtt, ev, &key))
        keymap_prefetch(rtt->paths, keymap_hash(rtt->paths, &key));
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
    struct rtt_path *path = keymap_cell(rtt->paths, &key, keymap_hash(rtt->paths, &key));
    if (!path) {
        path = &rtt->other;
        rtt->refused++;
    }
    if (!rtt_path_add(path, ev))
        rtt->out_of_memory = true;
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

// Windows of a path put together again.
static struct keymap *merge_windows(const struct rtt *rtt)
{
    struct keymap *merged =
        keymap_new(sizeof(struct rtt_path_key), sizeof(struct rtt_path), PATHS_MAX);
    for (size_t i = 0; merged && i < keymap_count(rtt->paths); i++) {
        struct rtt_path_key key = *(const struct rtt_path_key *)keymap_key_at(rtt->paths, i);
        key.window_us = 0;
        struct rtt_path *path = keymap_cell(merged, &key, keymap_hash(merged, &key));
        if (path)
            rtt_path_merge(path, keymap_cell_at(rtt->paths, i));
    }
    return merged;
}

struct rtt_judged *rtt_judge_all(const struct rtt *rtt, uint64_t now_us, size_t *count)
{
    struct keymap *merged = merge_windows(rtt);
    *count = merged ? keymap_count(merged) : 0;
    struct rtt_judged *judged = calloc(*count + 1, sizeof(*judged));
    for (size_t i = 0; judged && i < *count; i++) {
        struct rtt_judged *j = &judged[i];
        j->key = *(const struct rtt_path_key *)keymap_key_at(merged, i);
        j->path = *(struct rtt_path *)keymap_cell_at(merged, i); // takes the sketch over
        j->verdict = rtt_judge(&j->path, now_us, over_us(rtt, &j->key), j->why, sizeof(j->why));
    }
    keymap_free(merged);
    if (judged)
        qsort(judged, *count, sizeof(*judged), compare_judged);
    return judged;
}

void rtt_judged_free(struct rtt_judged *judged, size_t count)
{
    for (size_t i = 0; judged && i < count; i++)
        rtt_path_release(&judged[i].path);
    free(judged);
}

static const struct column columns[] = {
    {"host", "HOST", UNIT_NONE, COLUMN_LABEL | COLUMN_WIDE},
    {"netns", "NETNS", UNIT_ID, COLUMN_LABEL | COLUMN_WIDE},
    {"assoc_id", "ASSOC", UNIT_ID, COLUMN_LABEL | COLUMN_WIDE},
    {"laddr", "LOCAL", UNIT_NONE, COLUMN_LABEL | COLUMN_WIDE},
    {"lport", "LPORT", UNIT_PORT, COLUMN_LABEL | COLUMN_WIDE},
    {"raddr", "PEER", UNIT_NONE, COLUMN_LABEL},
    {"rport", "PORT", UNIT_PORT, COLUMN_LABEL},
    {"verdict", "VERDICT", UNIT_NONE, 0},
    {"sent", "SENT", UNIT_COUNT, COLUMN_COUNTER},
    {"acked", "ACKED", UNIT_COUNT, COLUMN_COUNTER},
    {"missed", "MISSED", UNIT_COUNT, COLUMN_WIDE | COLUMN_COUNTER},
    {"late", "LATE", UNIT_COUNT, COLUMN_WIDE | COLUMN_COUNTER},
    {"discarded", "DISCARDED", UNIT_COUNT, COLUMN_WIDE | COLUMN_COUNTER},
    {"loss_ppm", "LOSS", UNIT_PPM, 0},
    {"min_ns", "MIN", UNIT_NS, COLUMN_WIDE},
    {"mean_ns", "MEAN", UNIT_NS, COLUMN_WIDE},
    {"p50_ns", "P50", UNIT_NS, 0},
    {"p90_ns", "P90", UNIT_NS, COLUMN_WIDE},
    {"p99_ns", "P99", UNIT_NS, 0},
    {"max_ns", "MAX", UNIT_NS, 0},
    {"jitter_ns", "JITTER", UNIT_NS, 0},
    {"kernel_srtt_us", "SRTT", UNIT_US, COLUMN_WIDE},
    {"last_ack_age_us", "LAST ACK", UNIT_US, 0},
    {"last_recv_age_us", "PEER'S HB", UNIT_US, COLUMN_WIDE},
    {"pmtu_probes_sent", "PROBES", UNIT_COUNT, COLUMN_WIDE | COLUMN_COUNTER},
    {"pmtu_probes_acked", "PROBES ACKED", UNIT_COUNT, COLUMN_WIDE | COLUMN_COUNTER},
    {"evidence", "EVIDENCE", UNIT_NONE, COLUMN_WIDE | COLUMN_PROSE},
};

static struct cell age_cell(uint64_t now_us, uint64_t at_us)
{
    if (!at_us)
        return (struct cell){.kind = CELL_ABSENT};
    return cell_u64(now_us > at_us ? now_us - at_us : 0);
}

static void fill_row(const struct rtt *rtt, struct table *t, const struct rtt_judged *j,
                     uint64_t now_us)
{
    struct cell *c = table_add_row(t);
    const struct rtt_path *p = &j->path;
    if (!c)
        return;
    *c++ = cell_text(intern_text(rtt->words, j->key.host));
    *c++ = cell_u64(j->key.netns);
    *c++ = cell_u64(j->key.assoc_id);
    *c++ = p->laddr_us ? cell_ip(t, p->laddr) : (struct cell){.kind = CELL_ABSENT};
    *c++ = cell_u64(j->key.lport);
    *c++ = cell_ip(t, j->key.raddr);
    *c++ = cell_u64(j->key.rport);
    *c++ = cell_text(text_of(rtt_verdict_name(j->verdict)));
    const uint64_t counts[] = {p->sent, p->acked,     p->missed,
                               p->late, p->discarded, rtt_loss_ppm(p, now_us)};
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
        *c++ = cell_u64(counts[i]);
    const uint64_t times[] = {p->min_ns,
                              rtt_path_mean_ns(p),
                              rtt_path_quantile_ns(p, 500000),
                              rtt_path_quantile_ns(p, 900000),
                              rtt_path_quantile_ns(p, 990000),
                              p->max_ns,
                              rtt_path_jitter_ns(p)};
    for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++, c++)
        if (p->rtt.total)
            *c = cell_u64(times[i]);
    if (p->srtt.at_us)
        *c = cell_u64(p->srtt.value);
    c++;
    *c++ = age_cell(now_us, p->last_ack_us);
    *c++ = age_cell(now_us, p->last_recv_us);
    *c++ = cell_u64(p->probes_sent);
    *c++ = cell_u64(p->probes_acked);
    *c++ = cell_copy(t, text_of(j->why));
}

// People get the reasons below the table; every other format has the column `evidence`.
static void fill_evidence(struct report *report, const struct rtt_judged *judged, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct rtt_judged *j = &judged[i];
        char ip[IP_TEXT_MAX];
        if (!j->why[0] || j->verdict >= VERDICT_CLOSED)
            continue;
        ip_format(j->key.raddr, ip);
        report_note(report, "%s:%u %s: %s\n", ip, j->key.rport, rtt_verdict_name(j->verdict), j->why);
    }
}

static void rtt_fill(void *self, uint64_t now_us, struct report *report)
{
    const struct rtt *rtt = self;
    size_t count;
    struct rtt_judged *judged = rtt_judge_all(rtt, now_us, &count);
    table_add_columns(&report->rows, columns, sizeof(columns) / sizeof(*columns));
    for (size_t i = 0; judged && i < count; i++)
        fill_row(rtt, &report->rows, &judged[i], now_us);
    fill_evidence(report, judged, count);
    if (rtt->options->assocs) {
        struct assoc_list assocs;
        if (assoc_list_read(rtt->options->assocs, &assocs))
            rtt_contradict(&assocs, judged, count, report);
        assoc_list_free(&assocs);
    }
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

static void rtt_summarise(void *self, summary_fn *emit, void *context)
{
    const struct rtt *rtt = self;
    char *sketch = malloc(EVENT_LINE_MAX);
    for (size_t i = 0; sketch && i < keymap_count(rtt->paths); i++)
        summarise_path(rtt, i, sketch, emit, context);
    for (size_t i = 0; i < keymap_count(rtt->assocs); i++)
        summarise_assoc(rtt, i, emit, context);
    free(sketch);
}

static const struct opt options[] = {
    OPT(struct report_options, assocs, 0, "assocs", OPT_TEXT, "FILE",
        "hold the report against /proc/net/sctp/assocs, or a copy of it", .value_if_absent = ""),
    {0},
};

const struct aggregate aggregate_rtt = {
    .name = "rtt",
    .title = "SCTP heartbeats",
    .how_to_feed = "Feed it with:  sudo scripts/sctp/sctphb.bt | netvitals report rtt",
    .options = options,
    .create = rtt_create,
    .prefetch = rtt_prefetch,
    .add = rtt_add,
    .fill = rtt_fill,
    .summarise = rtt_summarise,
    .check = rtt_check,
    .destroy = rtt_destroy,
};
