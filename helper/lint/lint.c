// SPDX-License-Identifier: Apache-2.0
//
// lint.c - rules for all events: keys, clocks, sequence numbers.

#include "helper/lint/lint.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS_MAX = 100000, WORDS_MAX = 65536 };

// 2001-09-09 and 2286-11-20: ten digits of seconds. A timestamp outside is of another unit.
static const uint64_t ts_min_us = UINT64_C(1000000000000000),
                      ts_max_us = UINT64_C(10000000000000000);
// CPUs write into one stream side by side: so far it may run out of order.
static const uint64_t disorder_us = 1000000;

// What a host's lines said last.
struct lint_clock {
    uint64_t ts_us, seq;
    uint64_t streams; // see lint_streams()
};

bool lint_open(struct lint *l, FILE *out)
{
    *l = (struct lint){.out = out};
    l->words = intern_new(WORDS_MAX);
    l->hosts = keymap_new(sizeof(uint64_t), sizeof(struct lint_clock), KEYS_MAX);
    l->paths = keymap_new(lint_path_key_size(), lint_path_size(), KEYS_MAX);
    l->intervals = keymap_new(lint_interval_key_size(), lint_interval_size(), KEYS_MAX);
    l->counters = keymap_new(lint_counters_key_size(), lint_counters_size(), KEYS_MAX);
    if (l->words && l->hosts && l->paths && l->intervals && l->counters)
        return true;
    lint_close(l);
    return false;
}

void lint_close(struct lint *l)
{
    intern_free(l->words);
    keymap_free(l->hosts);
    keymap_free(l->paths);
    keymap_free(l->intervals);
    keymap_free(l->counters);
    *l = (struct lint){0};
}

void lint_source(struct lint *l, const char *name)
{
    l->source = name;
    l->sources++;
    l->line = 0;
    for (size_t i = 0; i < keymap_count(l->hosts); i++) {
        struct lint_clock *clock = keymap_cell_at(l->hosts, i);
        *clock = (struct lint_clock){.streams = clock->streams + 1};
    }
}

static struct lint_clock *clock_of(struct lint *l, const struct event *ev)
{
    uint64_t host = intern_id(l->words, ev->host);
    return keymap_cell(l->hosts, &host, keymap_hash(l->hosts, &host));
}

uint64_t lint_streams(struct lint *l, const struct event *ev)
{
    const struct lint_clock *clock = clock_of(l, ev);
    return clock ? clock->streams : 0;
}

void lint_say(struct lint *l, const char *rule, const char *format, ...)
{
    va_list args;
    l->findings++;
    if (l->shown_max && l->findings > l->shown_max)
        return;
    fprintf(l->out, "%s:%" PRIu64 ": %s: ", l->source, l->line, rule);
    va_start(args, format);
    vfprintf(l->out, format, args);
    va_end(args);
    fputc('\n', l->out);
}

static bool has_key(const struct event_info *info, struct text key)
{
    static const char *const common[] = {"type", "ts_us", "host", "host_hex", "seq"};
    for (size_t i = 0; i < sizeof(common) / sizeof(*common); i++)
        if (text_equal(key, text_of(common[i])))
            return true;
    bool hex = key.len > 4 && memcmp(key.ptr + key.len - 4, "_hex", 4) == 0;
    for (unsigned i = 0; i < info->field_count; i++) {
        struct text name = {info->fields[i].key, info->fields[i].key_len};
        if (text_equal(key, name) || (hex && info->fields[i].type == FIELD_TEXT &&
                                      text_equal((struct text){key.ptr, key.len - 4}, name)))
            return true;
    }
    return false;
}

// The decoder only counts unknown keys: here they get their names.
static void say_unknown_keys(struct lint *l, struct text raw, const struct event_info *info)
{
    struct json_tokener *tokener = json_tokener_new();
    struct json_object *object =
        tokener ? json_tokener_parse_ex(tokener, raw.ptr, (int)raw.len) : NULL;
    if (json_object_is_type(object, json_type_object)) {
        json_object_object_foreach(object, key, value)
        {
            (void)value;
            if (!has_key(info, text_of(key)))
                lint_say(l, "unknown-key", "%s has no key '%s'", info->name, key);
        }
    }
    json_object_put(object);
    if (tokener)
        json_tokener_free(tokener);
}

static void check_time(struct lint *l, const struct event *ev)
{
    if (ev->ts_us == 0 && (ev->type == EV_ready || ev->type == EV_lost))
        return; // bpftrace's own notices carry no time
    if (ev->ts_us < ts_min_us || ev->ts_us >= ts_max_us) {
        const char *unit = ev->ts_us >= ts_max_us             ? "nanoseconds?"
                           : ev->ts_us >= ts_min_us / 1000    ? "milliseconds?"
                           : ev->ts_us >= ts_min_us / 1000000 ? "seconds?"
                                                              : "no time since the epoch";
        lint_say(l, "time", "ts_us %" PRIu64 " is no time in microseconds: %s", ev->ts_us, unit);
        return;
    }
    struct lint_clock *clock = clock_of(l, ev);
    if (!clock)
        return;
    if (ev->ts_us + disorder_us < clock->ts_us)
        lint_say(l, "time", "ts_us runs back by %" PRIu64 " us", clock->ts_us - ev->ts_us);
    clock->ts_us = ev->ts_us;
    if (ev->seq && clock->seq && ev->seq <= clock->seq)
        lint_say(l, "sequence", "seq %" PRIu64 " after %" PRIu64 ": a repeated or reordered line",
                 ev->seq, clock->seq);
    else if (ev->seq && clock->seq && ev->seq > clock->seq + 1)
        lint_say(l, "sequence", "seq %" PRIu64 " after %" PRIu64 ": %" PRIu64 " events are missing",
                 ev->seq, clock->seq, ev->seq - clock->seq - 1);
    if (ev->seq)
        clock->seq = ev->seq;
}

static void count_streams(struct lint *l, const struct event *ev)
{
    struct lint_clock *clock = ev->type == EV_begin || ev->type == EV_end ? clock_of(l, ev) : NULL;
    if (clock)
        clock->streams++;
}

static bool is_unspecified(struct ip_addr ip)
{
    static const struct ip_addr v6_any;
    static const struct ip_addr v4_any = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0}};
    return ip_equal(ip, v6_any) || ip_equal(ip, v4_any);
}

static void check_addresses(struct lint *l, const struct event *ev)
{
    const struct event_info *info = &event_table[ev->type];
    if (ev->type == EV_rtt_summary && ev->rtt_summary.other)
        return;
    for (unsigned i = 0; i < info->field_count; i++) {
        const struct field_info *f = &info->fields[i];
        struct ip_addr ip;
        if (f->type != FIELD_IP || !(ev->present >> i & 1))
            continue;
        memcpy(&ip, (const char *)ev + f->offset, sizeof(ip));
        if (is_unspecified(ip))
            lint_say(l, "address", "%s is the unspecified address", f->key);
    }
}

static void check_interval(struct lint *l, const struct event *ev)
{
    const struct event_info *info = &event_table[ev->type];
    for (unsigned i = 0; i < info->field_count; i++) {
        uint64_t value;
        if (strcmp(info->fields[i].key, "interval_us") != 0 || !(ev->present >> i & 1))
            continue;
        memcpy(&value, (const char *)ev + info->fields[i].offset, sizeof(value));
        if (value == 0)
            lint_say(l, "interval", "interval_us is 0");
        else if (value > UINT64_C(7) * 86400 * 1000000)
            lint_say(l, "interval", "interval_us %" PRIu64 " is longer than a week: nanoseconds?",
                     value);
    }
}

void lint_line(struct lint *l, struct text raw, const struct event *ev, uint64_t unknown_keys)
{
    if (!ev) {
        lint_say(l, "unknown-type", "the schema has no such event; see 'netvitals schema'");
        return;
    }
    if (unknown_keys)
        say_unknown_keys(l, raw, &event_table[ev->type]);
    count_streams(l, ev);
    check_time(l, ev);
    check_addresses(l, ev);
    check_interval(l, ev);
    lint_words(l, ev);
    lint_sctp(l, ev);
    lint_traffic(l, ev);
    lint_counters(l, ev);
    lint_summary(l, ev);
}
