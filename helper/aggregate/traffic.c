// SPDX-License-Identifier: Apache-2.0
//
// traffic.c - the traffic report: takes `flow`, `reclass` and `traffic_totals` events and their
// summaries.

#include "helper/aggregate/traffic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS_MAX = 1000000, WORDS_MAX = 1 << 20, IFACES_MAX = 4096 };

static size_t keys_max(const struct report_options *o)
{
    return o->max_keys ? o->max_keys : KEYS_MAX;
}

static void traffic_destroy(void *self)
{
    struct traffic *t = self;
    keymap_free(t->cells);
    keymap_free(t->totals);
    intern_free(t->words);
    subscribers_free(t->subscribers);
    free(t);
}

// What a row is, if --by does not say: the subscriber; in summaries everything, as they are made to
// be summed up further.
static const char *default_by(const struct report_options *o)
{
    return o->format && strcmp(o->format, "ndjson") == 0
               ? "host,iface,sub,peer,proto,peer_port,name,evidence,unverified"
               : "sub";
}

static bool load_subscribers(struct traffic *t, const struct report_options *o)
{
    char error[SUBSCRIBERS_ERROR_MAX];
    if (!o->subscribers)
        return true;
    t->subscribers = subscribers_load(o->subscribers, error);
    if (!t->subscribers)
        fprintf(stderr, "netvitals: --subscribers: %s\n", error);
    return t->subscribers != NULL;
}

static void *traffic_create(const struct report_options *options)
{
    struct traffic *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->options = options;
    t->windows = windows_new(options);
    t->cells =
        keymap_new(sizeof(struct traffic_key), sizeof(struct traffic_cell), keys_max(options));
    t->totals = keymap_new(sizeof(struct totals_key), sizeof(struct totals_cell), IFACES_MAX);
    t->words = intern_new(WORDS_MAX);
    bool ready = t->cells && t->totals && t->words;
    if (!ready)
        fprintf(stderr, "netvitals: out of memory\n");
    if (ready && traffic_by_parse(options->by ? options->by : default_by(options), &t->by) &&
        load_subscribers(t, options))
        return t;
    traffic_destroy(t);
    errno = ready ? EINVAL : ENOMEM;
    return NULL;
}

static bool by(const struct traffic *t, enum traffic_dimension d)
{
    return t->by >> d & 1;
}

// ---- keys

static void set_sub(const struct traffic *t, struct traffic_key *key, struct ip_addr sub,
                    uint64_t at_us)
{
    struct text name =
        t->subscribers ? subscribers_find(t->subscribers, sub, at_us) : (struct text){0};
    key->has |= HAS_SUB;
    if (name.ptr)
        key->subscriber = intern_id(t->words, name);
    else
        key->sub = sub;
}

// The keys that flow, reclass and traffic_summary have in common, by the same names.
#define SET_KEYS(t, key, ev, event, at_us)                                                         \
    do {                                                                                           \
        if (by(t, BY_HOST))                                                                        \
            (key)->host = intern_id((t)->words, (ev)->host);                                       \
        if (by(t, BY_IFACE) && EVENT_HAS(ev, event, iface))                                        \
            (key)->iface = intern_id((t)->words, (ev)->event.iface);                               \
        if (by(t, BY_SUB) && EVENT_HAS(ev, event, sub))                                            \
            set_sub(t, key, (ev)->event.sub, at_us);                                               \
        if (by(t, BY_PEER) && EVENT_HAS(ev, event, peer))                                          \
            (key)->peer = (ev)->event.peer, (key)->has |= HAS_PEER;                                \
        if (by(t, BY_PROTO) && EVENT_HAS(ev, event, proto))                                        \
            (key)->proto = (uint8_t)(ev)->event.proto, (key)->has |= HAS_PROTO;                    \
        if (by(t, BY_PEER_PORT) && EVENT_HAS(ev, event, peer_port))                                \
            (key)->peer_port = (uint16_t)(ev)->event.peer_port, (key)->has |= HAS_PEER_PORT;       \
        if (by(t, BY_NAME) && EVENT_HAS(ev, event, name))                                          \
            (key)->name = intern_id((t)->words, (ev)->event.name);                                 \
        if (by(t, BY_EVIDENCE) && EVENT_HAS(ev, event, evidence))                                  \
            (key)->evidence = intern_id((t)->words, (ev)->event.evidence);                         \
        if (by(t, BY_UNVERIFIED))                                                                  \
            (key)->unverified = EVENT_HAS(ev, event, unverified) && (ev)->event.unverified;        \
    } while (0)

#define CELL_OF(ev, event)                                                                         \
    ((struct traffic_cell){(ev)->event.bytes_up, (ev)->event.bytes_down, (ev)->event.packets_up,   \
                           (ev)->event.packets_down})

// What decides on the window; 0 for a summary of all times.
static uint64_t time_of(const struct event *ev)
{
    return ev->type == EV_traffic_summary ? ev->traffic_summary.window_us : ev->ts_us;
}

static bool key_of(const struct traffic *t, const struct event *ev, struct traffic_key *key,
                   struct traffic_cell *cell)
{
    memset(key, 0, sizeof(*key)); // padding is part of the key
    switch (ev->type) {
    case EV_flow:
        SET_KEYS(t, key, ev, flow, ev->ts_us);
        *cell = CELL_OF(ev, flow);
        break;
    case EV_reclass:
        SET_KEYS(t, key, ev, reclass, ev->ts_us);
        *cell = CELL_OF(ev, reclass);
        break;
    case EV_traffic_summary:
        SET_KEYS(t, key, ev, traffic_summary, time_of(ev) ? time_of(ev) : ev->ts_us);
        *cell = CELL_OF(ev, traffic_summary);
        break;
    default:
        return false;
    }
    key->window_us = windows_start(&t->windows, time_of(ev));
    return true;
}

// ---- adding

void traffic_cell_add(struct traffic_cell *to, const struct traffic_cell *from)
{
    to->bytes_up += from->bytes_up;
    to->bytes_down += from->bytes_down;
    to->packets_up += from->packets_up;
    to->packets_down += from->packets_down;
}

bool traffic_cell_is_empty(const struct traffic_cell *c)
{
    return !(c->bytes_up | c->bytes_down | c->packets_up | c->packets_down);
}

static void add_cell(struct traffic *t, const struct traffic_key *key,
                     const struct traffic_cell *cell)
{
    struct traffic_cell *to = keymap_cell(t->cells, key, keymap_hash(t->cells, key));
    traffic_cell_add(to ? to : &t->other, cell);
}

// What was counted without its name, or with another, leaves there.
static void add_reclass_source(struct traffic *t, const struct event *ev, struct traffic_key key,
                               const struct traffic_cell *cell)
{
    key.name = key.evidence = key.unverified = 0;
    if (by(t, BY_NAME) && EVENT_HAS(ev, reclass, from_name))
        key.name = intern_id(t->words, ev->reclass.from_name);
    if (by(t, BY_EVIDENCE) && EVENT_HAS(ev, reclass, from_evidence))
        key.evidence = intern_id(t->words, ev->reclass.from_evidence);
    struct traffic_cell minus = {-cell->bytes_up, -cell->bytes_down, -cell->packets_up,
                                 -cell->packets_down};
    add_cell(t, &key, &minus);
}

// The cells with their windows merged into those of windows.
static struct keymap *rewindow(const struct traffic *t)
{
    struct keymap *merged =
        keymap_new(sizeof(struct traffic_key), sizeof(struct traffic_cell), keys_max(t->options));
    for (size_t i = 0; merged && i < keymap_count(t->cells); i++) {
        struct traffic_key key = *(const struct traffic_key *)keymap_key_at(t->cells, i);
        key.window_us = windows_start(&t->windows, key.window_us);
        struct traffic_cell *to = keymap_cell(merged, &key, keymap_hash(merged, &key));
        if (to) // there are no more keys than before
            traffic_cell_add(to, keymap_cell_at(t->cells, i));
    }
    return merged;
}

static void cover(struct traffic *t, uint64_t at_us)
{
    if (at_us == 0 || !windows_cover(&t->windows, at_us))
        return;
    struct keymap *merged = rewindow(t);
    if (merged) {
        keymap_free(t->cells);
        t->cells = merged;
    } else {
        t->out_of_memory = true;
    }
}

#define ADD_TOTALS(t, ev, event, from, to)                                                         \
    do {                                                                                           \
        const struct ev_##event *in = &(ev)->event;                                                \
        const uint64_t packets[TOTALS] = {in->seen_packets,                                        \
                                          in->accounted_packets,                                   \
                                          in->overflow_packets,                                    \
                                          in->not_ours_packets,                                    \
                                          in->non_ip_packets,                                      \
                                          in->bad_header_packets,                                  \
                                          in->outer_fragments_packets,                             \
                                          in->rejected_outer_packets};                             \
        const uint64_t bytes[TOTALS] = {in->seen_bytes,                                            \
                                        in->accounted_bytes,                                       \
                                        in->overflow_bytes,                                        \
                                        in->not_ours_bytes,                                        \
                                        in->non_ip_bytes,                                          \
                                        in->bad_header_bytes,                                      \
                                        in->outer_fragments_bytes,                                 \
                                        in->rejected_outer_bytes};                                 \
        add_totals(t, (ev)->host, in->iface, from, to, packets, bytes);                            \
    } while (0)

static void add_totals(struct traffic *t, struct text host, struct text iface, uint64_t from_us,
                       uint64_t to_us, const uint64_t packets[TOTALS], const uint64_t bytes[TOTALS])
{
    struct totals_key key = {.host = intern_id(t->words, host),
                             .iface = intern_id(t->words, iface)};
    struct totals_cell *cell = keymap_cell(t->totals, &key, keymap_hash(t->totals, &key));
    if (!cell) {
        t->out_of_memory = true;
        return;
    }
    if (cell->from_us == 0 || from_us < cell->from_us)
        cell->from_us = from_us;
    if (to_us > cell->to_us)
        cell->to_us = to_us;
    for (int c = 0; c < TOTALS; c++) {
        cell->packets[c] += packets[c];
        cell->bytes[c] += bytes[c];
    }
}

static void traffic_prefetch(void *self, const struct event *ev)
{
    struct traffic *t = self;
    struct traffic_key key;
    struct traffic_cell cell;
    if (key_of(t, ev, &key, &cell))
        keymap_prefetch(t->cells, keymap_hash(t->cells, &key));
}

static void traffic_add(void *self, const struct event *ev)
{
    struct traffic *t = self;
    struct traffic_key key;
    struct traffic_cell cell;
    if (ev->type == EV_traffic_totals) {
        ADD_TOTALS(t, ev, traffic_totals, ev->ts_us - ev->traffic_totals.interval_us, ev->ts_us);
        return;
    }
    if (ev->type == EV_totals_summary) {
        ADD_TOTALS(t, ev, totals_summary, ev->totals_summary.from_us, ev->totals_summary.to_us);
        return;
    }
    if (!key_of(t, ev, &key, &cell))
        return;
    cover(t, time_of(ev));
    key.window_us = windows_start(&t->windows, time_of(ev));
    if (ev->type == EV_traffic_summary && ev->traffic_summary.other) {
        traffic_cell_add(&t->other, &cell);
        return;
    }
    if (ev->type == EV_reclass)
        add_reclass_source(t, ev, key, &cell);
    add_cell(t, &key, &cell);
}

// ---- summaries

static void set_cell(struct event *out, const struct traffic_cell *c)
{
    EVENT_SET(out, traffic_summary, bytes_up, c->bytes_up);
    EVENT_SET(out, traffic_summary, bytes_down, c->bytes_down);
    EVENT_SET(out, traffic_summary, packets_up, c->packets_up);
    EVENT_SET(out, traffic_summary, packets_down, c->packets_down);
}

static void summarise_cell(const struct traffic *t, size_t i, summary_fn *emit, void *context)
{
    const struct traffic_key *key = keymap_key_at(t->cells, i);
    struct event out = {.type = EV_traffic_summary, .host = intern_text(t->words, key->host)};
    if (key->window_us)
        EVENT_SET(&out, traffic_summary, window_us, key->window_us);
    if (key->iface)
        EVENT_SET(&out, traffic_summary, iface, intern_text(t->words, key->iface));
    if (key->has & HAS_SUB && !key->subscriber)
        EVENT_SET(&out, traffic_summary, sub, key->sub);
    if (key->has & HAS_PEER)
        EVENT_SET(&out, traffic_summary, peer, key->peer);
    if (key->has & HAS_PROTO)
        EVENT_SET(&out, traffic_summary, proto, key->proto);
    if (key->has & HAS_PEER_PORT)
        EVENT_SET(&out, traffic_summary, peer_port, key->peer_port);
    if (key->name)
        EVENT_SET(&out, traffic_summary, name, intern_text(t->words, key->name));
    if (key->evidence)
        EVENT_SET(&out, traffic_summary, evidence, intern_text(t->words, key->evidence));
    if (key->unverified)
        EVENT_SET(&out, traffic_summary, unverified, 1);
    set_cell(&out, keymap_cell_at(t->cells, i));
    emit(context, &out);
}

#define SET_SUM(out, name, cell, class)                                                            \
    (EVENT_SET(out, totals_summary, name##_packets, (cell)->packets[class]),                       \
     EVENT_SET(out, totals_summary, name##_bytes, (cell)->bytes[class]))

static void summarise_totals(const struct traffic *t, size_t i, summary_fn *emit, void *context)
{
    const struct totals_key *key = keymap_key_at(t->totals, i);
    const struct totals_cell *cell = keymap_cell_at(t->totals, i);
    struct event out = {.type = EV_totals_summary, .host = intern_text(t->words, key->host)};
    EVENT_SET(&out, totals_summary, iface, intern_text(t->words, key->iface));
    EVENT_SET(&out, totals_summary, from_us, cell->from_us);
    EVENT_SET(&out, totals_summary, to_us, cell->to_us);
    SET_SUM(&out, seen, cell, TOTAL_SEEN);
    SET_SUM(&out, accounted, cell, TOTAL_ACCOUNTED);
    SET_SUM(&out, overflow, cell, TOTAL_OVERFLOW);
    SET_SUM(&out, not_ours, cell, TOTAL_NOT_OURS);
    SET_SUM(&out, non_ip, cell, TOTAL_NON_IP);
    SET_SUM(&out, bad_header, cell, TOTAL_BAD_HEADER);
    SET_SUM(&out, outer_fragments, cell, TOTAL_OUTER_FRAGMENTS);
    SET_SUM(&out, rejected_outer, cell, TOTAL_REJECTED_OUTER);
    emit(context, &out);
}

static void traffic_summarise(void *self, summary_fn *emit, void *context)
{
    const struct traffic *t = self;
    for (size_t i = 0; i < keymap_count(t->cells); i++)
        if (!traffic_cell_is_empty(keymap_cell_at(t->cells, i)))
            summarise_cell(t, i, emit, context);
    if (!traffic_cell_is_empty(&t->other)) {
        struct event out = {.type = EV_traffic_summary};
        EVENT_SET(&out, traffic_summary, other, 1);
        set_cell(&out, &t->other);
        emit(context, &out);
    }
    for (size_t i = 0; i < keymap_count(t->totals); i++)
        summarise_totals(t, i, emit, context);
}

static void traffic_fill(void *self, uint64_t now_us, struct report *report)
{
    (void)now_us;
    traffic_rows(self, report);
    traffic_timeline(self, report);
}

static const struct opt options[] = {
    OPT(struct report_options, subscribers, 0, "subscribers", OPT_TEXT, "FILE",
        "names of subscribers: lines of ADDRESS[/BITS] NAME [FROM [UNTIL]]"),
    {0},
};

const struct aggregate aggregate_traffic = {
    .name = "traffic",
    .title = "Traffic",
    .how_to_feed = "Feed it with:  sudo xdpacct -i IFACE --ours CIDR | netvitals report traffic",
    .options = options,
    .create = traffic_create,
    .prefetch = traffic_prefetch,
    .add = traffic_add,
    .fill = traffic_fill,
    .summarise = traffic_summarise,
    .check = traffic_check,
    .destroy = traffic_destroy,
};
