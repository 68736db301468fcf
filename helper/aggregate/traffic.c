// SPDX-License-Identifier: Apache-2.0
//
// traffic.c - the traffic report: takes `flow`, `reclass`, `traffic_overflow` and `traffic_totals`
// events and their summaries.

#include "helper/aggregate/traffic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS_MAX = 1000000, IFACES_MAX = 4096, SUBSCRIBERS_MAX = 1 << 24 };

static size_t keys_max(const struct report_options *o)
{
    return o->max_keys ? o->max_keys : KEYS_MAX;
}

static void traffic_destroy(void *self)
{
    struct traffic *t = self;
    traffic_sums_close(&t->rows);
    traffic_sums_close(&t->timeline);
    traffic_sums_close(&t->accounts);
    traffic_sums_close(&t->overflow);
    keymap_free(t->totals);
    keymap_free(t->originals);
    intern_free(t->words);
    subscribers_free(t->subscribers);
    rules_free(t->rules);
    rules_free(t->rules_before);
    pseudonyms_free(t->pseudonyms);
    quotas_free(t->quotas);
    free(t->domains);
    free(t);
}

// ---- set-up

// What a row is, if --by does not say: the subscriber; in summaries all that flows tell, as they
// are made to be summed up further, and rated by other rules.
static const char *default_by(const struct report_options *o)
{
    if (o->format && strcmp(o->format, "ndjson") == 0)
        return o->rules ? "host,iface,sub,peer,proto,peer_port,name,app,rate,evidence,unverified"
                        : "host,iface,sub,peer,proto,peer_port,name,evidence,unverified";
    return o->rules ? "sub,app,rate,evidence" : "sub";
}

static bool choose_parts(const struct report_options *o, uint32_t *parts)
{
    if (!traffic_parts_parse(o->by ? o->by : default_by(o), parts))
        return false;
    if (*parts & PART_BIT(SUB))
        *parts |= PART_BIT(SUBSCRIBER);
    if (o->window_us)
        *parts |= PART_BIT(WINDOW);
    return true;
}

// Loads one file of an option into *member. False after a line on stderr.
#define LOAD(member, option, load, error)                                                          \
    (!(option) || ((member) = load(option, error)) != NULL ||                                      \
     (fprintf(stderr, "netvitals: %s\n", error), false))

static bool load_files(struct traffic *t, const struct report_options *o)
{
    char error[512];
    if ((o->rules_before || o->quota) && !o->rules) {
        fprintf(stderr, "netvitals: --diff and --quota need --rules FILE\n");
        return false;
    }
    bool loaded = LOAD(t->subscribers, o->subscribers, subscribers_load, error) &&
                  LOAD(t->rules, o->rules, rules_load, error) &&
                  LOAD(t->rules_before, o->rules_before, rules_load, error) &&
                  LOAD(t->pseudonyms, o->pseudonyms, pseudonyms_load, error) &&
                  LOAD(t->quotas, o->quota, quotas_load, error);
    if (loaded && t->quotas && !quotas_fit_rules(t->quotas, t->rules, o->quota, error)) {
        fprintf(stderr, "netvitals: %s\n", error);
        return false;
    }
    return loaded;
}

static bool allocate(struct traffic *t, const struct report_options *o, uint32_t parts)
{
    // plots are of what --by asks for, or else of where the bytes went
    const uint32_t drawn = o->by ? parts : o->rules ? PART_BIT(APP) : PART_BIT(NAME);
    const uint32_t account = PART_BIT(SUBSCRIBER) | PART_BIT(SUB) | PART_BIT(APP) | PART_BIT(RATE) |
                             PART_BIT(EVIDENCE) | PART_BIT(UNVERIFIED);
    const uint32_t before = o->rules_before ? PART_BIT(APP_BEFORE) | PART_BIT(RATE_BEFORE) : 0;
    t->words = intern_new(TRAFFIC_WORDS_MAX);
    t->totals = keymap_new(sizeof(struct totals_key), sizeof(struct totals_cell), IFACES_MAX);
    t->originals =
        keymap_new(sizeof(struct ip_addr), sizeof(struct traffic_original), SUBSCRIBERS_MAX);
    bool ok = t->words && t->totals && t->originals &&
              traffic_sums_open(&t->rows, parts, keys_max(o)) &&
              traffic_overflow_open(t, keys_max(o));
    if (ok)
        traffic_keep_words(t);
    if (t->windows.length_us)
        ok = ok && traffic_sums_open(&t->timeline, PART_BIT(WINDOW) | drawn, keys_max(o));
    if (o->rules)
        ok = ok && traffic_sums_open(&t->accounts, account | before, keys_max(o));
    t->parts = t->rows.parts | t->timeline.parts | t->accounts.parts;
    if (!ok)
        fprintf(stderr, "netvitals: out of memory\n");
    return ok;
}

static void *traffic_create(const struct report_options *options)
{
    struct traffic *t = calloc(1, sizeof(*t));
    uint32_t parts;
    if (!t)
        return NULL;
    t->options = options;
    t->windows = windows_new(options);
    bool called_well = choose_parts(options, &parts) && load_files(t, options);
    if (called_well && allocate(t, options, parts))
        return t;
    traffic_destroy(t);
    errno = called_well ? ENOMEM : EINVAL;
    return NULL;
}

// ---- adding

// Versions of clang-format differ in the braces of a macro.
// clang-format off
#define VIEW_OF(ev, event, at)                                                                     \
    {                                                                                              \
        .iface = (ev)->event.iface, .name = (ev)->event.name, .evidence = (ev)->event.evidence,    \
        .sub = (ev)->event.sub, .has_sub = EVENT_HAS(ev, event, sub), .peer = (ev)->event.peer,    \
        .has_peer = EVENT_HAS(ev, event, peer), .proto = (uint8_t)(ev)->event.proto,               \
        .peer_port = (uint16_t)(ev)->event.peer_port, .unverified = (ev)->event.unverified != 0,   \
        .at_us = (at), .owned_us = (at), .rated_us = (at)                                          \
    }
// clang-format on

// Versions of clang-format differ in the braces of a macro.
// clang-format off
#define COUNTS_OF(ev, event)                                                                       \
    {                                                                                              \
        traffic_count((ev)->event.bytes_up), traffic_count((ev)->event.bytes_down),                \
        traffic_count((ev)->event.packets_up), traffic_count((ev)->event.packets_down)             \
    }
// clang-format on

static void add_queue(struct traffic *t)
{
    if (!t->queued)
        return;
    traffic_sums_add_items(&t->rows, t->queue, t->queued, false);
    if (t->timeline.cells)
        traffic_sums_add_items(&t->timeline, t->queue, t->queued, true);
    if (t->accounts.cells)
        traffic_sums_add_items(&t->accounts, t->queue, t->queued, false);
    t->queued = 0;
}

// The next item of the queue, its facts still to be found.
static struct traffic_item *queue_item(struct traffic *t, const struct flow_view *view,
                                       const struct traffic_counts *counts, int sign)
{
    if (t->queued == TRAFFIC_QUEUE_MAX)
        add_queue(t);
    struct traffic_item *item = &t->queue[t->queued++];
    item->counts = *counts;
    item->sign = sign;
    item->timed = view->at_us != 0;
    return item;
}

// The timeline with its windows merged into the present, longer ones.
static void rewindow(struct traffic *t)
{
    struct traffic_sums longer;
    if (!traffic_sums_open(&longer, t->timeline.parts, keys_max(t->options))) {
        t->out_of_memory = true;
        return;
    }
    longer.other = t->timeline.other;
    for (size_t i = 0; i < keymap_count(t->timeline.cells); i++) {
        struct traffic_facts facts;
        traffic_key_unpack(longer.parts, keymap_key_at(t->timeline.cells, i), &facts);
        facts.window_us = windows_start(&t->windows, facts.window_us);
        traffic_sums_add(&longer, &facts, keymap_cell_at(t->timeline.cells, i), 1);
    }
    traffic_sums_close(&t->timeline);
    t->timeline = longer;
}

// Items that wait are of the windows as they were.
void traffic_cover(struct traffic *t, uint64_t at_us)
{
    if (!t->timeline.cells || !at_us || !windows_cover(&t->windows, at_us))
        return;
    add_queue(t);
    rewindow(t);
}

static void add_view(struct traffic *t, const struct event *ev, const struct flow_view *view,
                     const struct traffic_counts *counts, int sign)
{
    traffic_cover(t, view->at_us);
    traffic_find_facts(t, ev->host, view, &queue_item(t, view, counts, sign)->facts);
}

static uint64_t start_of(uint64_t end_us, uint64_t length_us)
{
    return length_us < end_us ? end_us - length_us : end_us;
}

static void add_flow(struct traffic *t, const struct event *ev)
{
    struct flow_view view = VIEW_OF(ev, flow, ev->ts_us);
    const struct traffic_counts counts = COUNTS_OF(ev, flow);
    view.rated_us = start_of(ev->ts_us, ev->flow.interval_us);
    add_view(t, ev, &view, &counts, 1);
}

// What was counted without its name, or with another, moves to it: now, but for the subscriber and
// by the rules of the time when it was counted, or what is taken back would not be what was given.
static void add_reclass(struct traffic *t, const struct event *ev)
{
    struct flow_view view = VIEW_OF(ev, reclass, ev->ts_us);
    const struct traffic_counts counts = COUNTS_OF(ev, reclass);
    if (EVENT_HAS(ev, reclass, flow_ts_us)) {
        view.owned_us = ev->reclass.flow_ts_us;
        view.rated_us = start_of(ev->reclass.flow_ts_us, ev->reclass.interval_us);
    }
    add_view(t, ev, &view, &counts, 1);
    view.name = ev->reclass.from_name;
    view.evidence = ev->reclass.from_evidence;
    view.unverified = 0;
    add_view(t, ev, &view, &counts, -1);
}

// What a summary does not tell although rules may ask for it.
static unsigned lacks_of(const struct event *ev, const struct flow_view *view)
{
    return (view->name.ptr && !ev->traffic_summary.full_name ? RULES_ASK_NAME : 0) |
           (view->has_peer ? 0 : RULES_ASK_PEER) |
           (EVENT_HAS(ev, traffic_summary, proto) ? 0 : RULES_ASK_PORT) |
           (view->at_us ? 0 : RULES_ASK_TIME) | (view->has_sub ? 0 : RULES_ASK_SUBSCRIBER);
}

static void add_summary(struct traffic *t, const struct event *ev)
{
    const struct ev_traffic_summary *s = &ev->traffic_summary;
    const struct traffic_counts counts = {s->bytes_up, s->bytes_down, s->packets_up,
                                          s->packets_down};
    struct flow_view view = VIEW_OF(ev, traffic_summary, s->window_us);
    if (s->other) {
        traffic_counts_add(&t->rows.other, &counts, 1);
        traffic_counts_add(&t->accounts.other, &counts, 1);
        return;
    }
    view.subscriber = s->subscriber;
    traffic_cover(t, view.at_us);
    struct traffic_facts *facts = &queue_item(t, &view, &counts, 1)->facts;
    traffic_find_facts(t, ev->host, &view, facts);
    if (t->rules) {
        t->lacks |= lacks_of(ev, &view);
    } else { // what the rules of the day said stands
        facts->app = intern_id(t->words, s->app);
        facts->rate = intern_id(t->words, s->rate);
    }
}

// Keeps the versions in alphabetical order, so that it does not matter which stream came first.
void traffic_add_producer(struct traffic *t, struct text version)
{
    uint32_t word = intern_id(t->words, version);
    for (size_t i = 0; i < TRAFFIC_PRODUCERS && word; i++) {
        struct text have = intern_text(t->words, t->producers[i]);
        if (t->producers[i] == word)
            return;
        if (have.ptr && strcmp(have.ptr, intern_text(t->words, word).ptr) < 0)
            continue;
        uint32_t next = t->producers[i];
        t->producers[i] = word;
        word = next;
    }
    t->more_producers |= word != 0;
}

static void take_event(struct traffic *t, const struct event *ev)
{
    switch (ev->type) {
    case EV_flow:
        add_flow(t, ev);
        break;
    case EV_reclass:
        add_reclass(t, ev);
        break;
    case EV_traffic_summary:
        add_summary(t, ev);
        break;
    case EV_traffic_overflow:
        traffic_add_overflow(t, ev);
        break;
    case EV_overflow_summary:
        traffic_add_overflow_summary(t, ev);
        break;
    case EV_traffic_totals:
    case EV_totals_summary:
        traffic_add_totals(t, ev);
        break;
    case EV_begin:
        if (EVENT_HAS(ev, begin, version) && text_equal(ev->begin.tool, TEXT_LITERAL("xdpacct")))
            traffic_add_producer(t, ev->begin.version);
        break;
    default:
        break;
    }
}

static void traffic_add_batch(void *self, const struct event *events, size_t count)
{
    struct traffic *t = self;
    for (size_t i = 0; i < count; i++)
        take_event(t, &events[i]);
    add_queue(t);
}

static void traffic_add(void *self, const struct event *ev)
{
    traffic_add_batch(self, ev, 1);
}

#define ROW(...) OPT(struct report_options, __VA_ARGS__)
static const struct opt options[] = {
    ROW(subscribers, 0, "subscribers", OPT_TEXT, "FILE",
        "names of subscribers: lines of ADDRESS[/BITS] NAME [FROM [UNTIL]]"),
    ROW(rules, 0, "rules", OPT_TEXT, "FILE",
        "apps and rates: adds the keys app and rate, and the bill"),
    ROW(rules_before, 0, "diff", OPT_TEXT, "FILE",
        "show what changes for whom from these rules to --rules"),
    ROW(quota, 0, "quota", OPT_TEXT, "FILE", "quotas: lines of SUBSCRIBER RATE BYTES [WARN%]"),
    ROW(full_names, 0, "full-names", OPT_FLAG, NULL,
        "host names in full, not their registrable domain"),
    ROW(pseudonyms, 0, "pseudonyms", OPT_TEXT, "KEYFILE",
        "replace subscribers' addresses by keyed hashes"),
    {0},
};

static void traffic_fill(void *self, uint64_t now_us, struct report *report)
{
    struct traffic *t = self;
    (void)now_us;
    traffic_rows(t, report);
    if (t->timeline.cells)
        traffic_timeline(t, report);
    if (t->rules)
        bill_fill(t, report);
    traffic_overflow_section(t, report);
    traffic_totals(t, report);
}

const struct aggregate aggregate_traffic = {
    .name = "traffic",
    .title = "Traffic",
    .how_to_feed = "Feed it with:  sudo xdpacct -i IFACE --ours CIDR | netvitals report traffic",
    .options = options,
    .create = traffic_create,
    .add = traffic_add,
    .add_batch = traffic_add_batch,
    .fill = traffic_fill,
    .summarise = traffic_summarise,
    .merge = traffic_merge,
    .check = traffic_check,
    .destroy = traffic_destroy,
};
