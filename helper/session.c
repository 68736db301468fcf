// SPDX-License-Identifier: Apache-2.0

#include "helper/session.h"
#include "helper/exit_codes.h"
#include "helper/sorted_lines.h"
#include "helper/time_range.h"
#include "schema/encode.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { BAD_LINES_SHOWN_MAX = 10 };

static int parse_range(struct session *s, const struct report_options *o)
{
    uint64_t now_us = event_now_us();
    s->until_us = UINT64_MAX;
    if (o->since && !time_point_parse(o->since, now_us, &s->since_us)) {
        fprintf(stderr,
                "netvitals: --since '%s' is no time; write 2026-11-22T07:00:00Z, today or -2h\n",
                o->since);
        return EXIT_USAGE;
    }
    if (o->until && !time_point_parse(o->until, now_us, &s->until_us)) {
        fprintf(stderr,
                "netvitals: --until '%s' is no time; write 2026-11-22T07:00:00Z, today or -2h\n",
                o->until);
        return EXIT_USAGE;
    }
    if (s->since_us >= s->until_us) {
        fprintf(stderr, "netvitals: --since %s is not before --until %s\n",
                o->since ? o->since : "the epoch", o->until ? o->until : "the end of time");
        return EXIT_USAGE;
    }
    return EXIT_OK;
}

int session_open(struct session *s, const char *name, const struct report_options *options)
{
    *s = (struct session){.options = options};
    int rc = parse_range(s, options);
    if (rc != EXIT_OK)
        return rc;
    for (const struct aggregate *const *a = aggregates; *a; a++) {
        if (strcmp(name, "all") != 0 && strcmp(name, (*a)->name) != 0)
            continue;
        void *self = (*a)->create(options);
        if (!self)
            return errno == EINVAL ? EXIT_USAGE : EXIT_FAILED;
        s->kinds[s->count] = *a;
        s->selves[s->count++] = self;
    }
    return EXIT_OK;
}

void session_close(struct session *s)
{
    for (size_t i = 0; i < s->count; i++)
        s->kinds[i]->destroy(s->selves[i]);
    s->count = 0;
}

int session_open_like(struct session *s, const struct session *other)
{
    *s = (struct session){
        .options = other->options, .since_us = other->since_us, .until_us = other->until_us};
    for (size_t i = 0; i < other->count; i++) {
        void *self = other->kinds[i]->create(other->options);
        if (!self) {
            session_close(s);
            return EXIT_FAILED;
        }
        s->kinds[s->count] = other->kinds[i];
        s->selves[s->count++] = self;
    }
    return EXIT_OK;
}

static void extend_range(struct session *s, uint64_t from_us, uint64_t to_us)
{
    if (from_us && (s->from_us == 0 || from_us < s->from_us))
        s->from_us = from_us;
    if (to_us > s->to_us)
        s->to_us = to_us;
}

static void add_stream_summary(struct session *s, const struct event *ev)
{
    const struct ev_stream_summary *in = &ev->stream_summary;
    if (EVENT_HAS(ev, stream_summary, from_us) && EVENT_HAS(ev, stream_summary, to_us))
        extend_range(s, in->from_us, in->to_us);
    s->loss.events += in->events;
    s->loss.streams += in->streams;
    s->loss.streams_ended += in->streams_ended;
    s->loss.events_lost += in->events_lost;
    s->loss.lines_rejected += in->lines_rejected;
    s->loss.lines_unknown += in->lines_unknown;
    s->loss.bytes_unaccounted += in->bytes_unaccounted;
}

// Summaries repeat what was counted when their events were read.
static bool is_summary(enum event_type type)
{
    return type >= EV_stream_summary;
}

static void count_control(struct session *s, const struct event *ev)
{
    struct loss_budget *l = &s->loss;
    switch (ev->type) {
    case EV_begin:
        l->streams++;
        break;
    case EV_end:
        l->streams_ended++;
        break;
    case EV_lost:
        l->events_lost += ev->lost.events;
        if (EVENT_HAS(ev, lost, bytes))
            l->bytes_unaccounted += ev->lost.bytes;
        break;
    case EV_traffic_totals:
        l->bytes_unaccounted +=
            ev->traffic_totals.overflow_bytes + ev->traffic_totals.bad_header_bytes;
        break;
    default:
        break;
    }
}

// bpftrace's own notices carry no time, and are always in range.
static bool in_range(const struct session *s, const struct event *ev)
{
    return ev->ts_us == 0 || (ev->ts_us >= s->since_us && ev->ts_us < s->until_us);
}

// Counts the event. True if it is one for the aggregates.
static bool take_event(struct session *s, const struct event *ev)
{
    if (!in_range(s, ev))
        return false;
    if (ev->type == EV_stream_summary) {
        add_stream_summary(s, ev);
        return false;
    }
    if (!is_summary(ev->type)) {
        s->loss.events++;
        extend_range(s, ev->ts_us, ev->ts_us);
        count_control(s, ev);
    }
    return true;
}

static void aggregate_add(const struct aggregate *kind, void *self, const struct event *events,
                          size_t count)
{
    if (kind->add_batch)
        kind->add_batch(self, events, count);
    else
        for (size_t k = 0; k < count; k++)
            kind->add(self, &events[k]);
}

void session_add_batch(struct session *s, const struct event *events, size_t count)
{
    // runs of events that the aggregates get
    for (size_t from = 0, to; from < count; from = to + 1) {
        for (to = from; to < count && take_event(s, &events[to]);)
            to++;
        for (size_t i = 0; i < s->count && to > from; i++)
            aggregate_add(s->kinds[i], s->selves[i], events + from, to - from);
    }
}

void session_add(struct session *s, const struct event *ev)
{
    session_add_batch(s, ev, 1);
}

void session_bad_line(struct session *s, uint64_t line, const char *why)
{
    s->loss.lines_rejected++;
    s->strict_failure |= s->options->strict;
    if (s->bad_lines_shown++ < BAD_LINES_SHOWN_MAX)
        fprintf(stderr, "netvitals: %s: line %" PRIu64 ": %s\n", s->source ? s->source : "-", line,
                why);
    else if (s->bad_lines_shown == BAD_LINES_SHOWN_MAX + 1)
        fprintf(stderr, "netvitals: further malformed lines are counted, not shown\n");
}

static void take_batch(void *context, const struct event *events, size_t count)
{
    session_add_batch(context, events, count);
}

static void take_bad_line(void *context, uint64_t line, const char *why)
{
    session_bad_line(context, line, why);
}

struct feed *session_feed(struct session *s)
{
    const struct feed_sink sink = {.events = take_batch, .bad_line = take_bad_line, .context = s};
    return feed_new(&sink);
}

void session_finish_feed(struct session *s, struct feed *feed)
{
    s->loss.lines_unknown += feed_counts(feed)->unknown;
}

void session_fill(const struct session *s, size_t i, uint64_t now_us, const char *const *sources,
                  size_t source_count, struct report *out)
{
    *out = (struct report){.name = s->kinds[i]->name,
                           .title = s->kinds[i]->title,
                           .how_to_feed = s->kinds[i]->how_to_feed,
                           .from_us = s->from_us,
                           .to_us = s->to_us,
                           .sources = sources,
                           .source_count = source_count,
                           .loss = s->loss};
    table_init(&out->rows, "rows", NULL);
    s->kinds[i]->fill(s->selves[i], now_us, out);
}

struct merging {
    const struct aggregate *kind;
    void *into;
};

static void merge_summary(void *context, const struct event *summary)
{
    const struct merging *m = context;
    m->kind->add(m->into, summary);
}

void session_merge(struct session *into, const struct session *from)
{
    if (from->to_us)
        extend_range(into, from->from_us, from->to_us);
    for (const struct loss_item *item = loss_items; item->key; item++)
        *(uint64_t *)((char *)&into->loss + item->offset) += loss_value(&from->loss, item);
    into->bad_lines_shown += from->bad_lines_shown;
    for (size_t i = 0; i < from->count; i++) {
        struct merging m = {from->kinds[i], into->selves[i]};
        if (m.kind->merge)
            m.kind->merge(into->selves[i], from->selves[i]);
        else
            m.kind->summarise(from->selves[i], merge_summary, &m);
    }
}

// ---- summaries

struct summaries {
    struct sorted_lines lines;
    uint64_t to_us;
    bool failed;
};

static void keep_line(void *context, const struct event *summary)
{
    struct summaries *all = context;
    struct event ev = *summary;
    if (is_summary(ev.type))
        ev.ts_us = all->to_us;
    char *room = sorted_lines_room(&all->lines, EVENT_LINE_MAX);
    size_t len = room ? event_encode(&ev, room, EVENT_LINE_MAX) : 0;
    if (len == 0 || !sorted_lines_keep(&all->lines, len))
        all->failed = true;
}

static void print_stream_summary(const struct session *s, FILE *out)
{
    char line[1024];
    struct event ev = {.type = EV_stream_summary, .ts_us = s->to_us};
    if (s->to_us) {
        EVENT_SET(&ev, stream_summary, from_us, s->from_us);
        EVENT_SET(&ev, stream_summary, to_us, s->to_us);
    }
    ev.stream_summary.events = s->loss.events;
    ev.stream_summary.streams = s->loss.streams;
    ev.stream_summary.streams_ended = s->loss.streams_ended;
    ev.stream_summary.events_lost = s->loss.events_lost;
    ev.stream_summary.lines_rejected = s->loss.lines_rejected;
    ev.stream_summary.lines_unknown = s->loss.lines_unknown;
    ev.stream_summary.bytes_unaccounted = s->loss.bytes_unaccounted;
    fwrite(line, 1, event_encode(&ev, line, sizeof(line)), out);
}

void session_print_summaries(const struct session *s, FILE *out)
{
    struct summaries all = {.to_us = s->to_us};
    print_stream_summary(s, out);
    for (size_t i = 0; i < s->count; i++)
        s->kinds[i]->summarise(s->selves[i], keep_line, &all);
    sorted_lines_print(&all.lines, out);
    if (all.failed)
        fprintf(stderr, "netvitals: some summaries were left out: out of memory\n");
    sorted_lines_free(&all.lines);
}

bool session_lost(const struct session *s)
{
    const struct loss_budget *l = &s->loss;
    return l->events_lost || l->lines_rejected || l->bytes_unaccounted ||
           l->streams_ended < l->streams;
}
