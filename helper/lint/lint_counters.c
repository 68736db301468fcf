// SPDX-License-Identifier: Apache-2.0
//
// lint_counters.c - counters that run backwards.

#include "helper/lint/lint.h"

#include <inttypes.h>
#include <string.h>

struct lint_counters_key {
    uint64_t cgroup_id, hierarchy_id; // the kernel's number; 0 is v2
    uint32_t host, hierarchy;         // its name where there is no number
};

// The counters of cgroup_state: all are the kernel's own, and go on whoever reads them. Not among
// them: oom_kills_below, the difference of two files that are read one after the other.
static const struct {
    const char *key;
    size_t offset;
    unsigned field;
} counters[] = {
#define COUNTER(name)                                                                              \
    {                                                                                              \
#name, offsetof(struct event, cgroup_state.name), F_cgroup_state_##name                    \
    }
    COUNTER(run_ns),       COUNTER(periods),   COUNTER(throttled),
    COUNTER(throttled_ns), COUNTER(oom_kills),
#undef COUNTER
};
enum { COUNTERS = sizeof(counters) / sizeof(counters[0]) };

struct lint_counters {
    uint64_t at_us; // 0: nothing is known
    uint64_t streams;
    uint64_t value[COUNTERS];
    bool known[COUNTERS];
};

size_t lint_counters_size(void)
{
    return sizeof(struct lint_counters);
}

size_t lint_counters_key_size(void)
{
    return sizeof(struct lint_counters_key);
}

// False where hosts or hierarchies are too many to be told apart.
static bool key_of(struct lint *l, const struct event *ev, uint64_t cgroup_id, bool has_number,
                   uint64_t number, struct text name, struct lint_counters_key *key)
{
    bool named = !has_number && name.ptr && !text_equal(name, TEXT_LITERAL("v2"));
    *key = (struct lint_counters_key){
        .cgroup_id = cgroup_id,
        .hierarchy_id = named ? 0 : number,
        .host = intern_id(l->words, ev->host),
        .hierarchy = named ? intern_id(l->words, name) : INTERN_NONE,
    };
    return key->host != INTERN_OTHER && key->hierarchy != INTERN_OTHER;
}

#define KEY_OF(l, ev, event, key)                                                                  \
    key_of(l, ev, (ev)->event.cgroup_id, EVENT_HAS(ev, event, hierarchy_id),                       \
           (ev)->event.hierarchy_id, (ev)->event.hierarchy, key)

// A stream begins anew also after the host did, and a key that is left out means that the
// controller was off: counters that come after either may be lower. So may those of a line that is
// older than the one before.
static void check_state(struct lint *l, const struct event *ev)
{
    struct lint_counters_key key;
    struct lint_counters *last =
        KEY_OF(l, ev, cgroup_state, &key)
            ? keymap_cell(l->counters, &key, keymap_hash(l->counters, &key))
            : NULL;
    if (!last)
        return;
    uint64_t streams = lint_streams(l, ev);
    bool goes_on = last->at_us && last->streams == streams && ev->ts_us >= last->at_us;
    for (size_t i = 0; i < COUNTERS; i++) {
        uint64_t value;
        bool has = (ev->present >> counters[i].field & 1) != 0;
        memcpy(&value, (const char *)ev + counters[i].offset, sizeof(value));
        if (goes_on && has && last->known[i] && value < last->value[i])
            lint_say(l, "counter",
                     "%s %" PRIu64 " after %" PRIu64
                     ": a counter of the kernel, and nothing says that cgroup %" PRIu64
                     " was made anew",
                     counters[i].key, value, last->value[i], key.cgroup_id);
        last->known[i] = has;
        last->value[i] = value;
    }
    last->at_us = ev->ts_us;
    last->streams = streams;
}

static void forget(struct lint *l, const struct lint_counters_key *key)
{
    struct lint_counters *last = keymap_find(l->counters, key);
    if (last)
        *last = (struct lint_counters){0};
}

void lint_counters(struct lint *l, const struct event *ev)
{
    struct lint_counters_key key;
    bool changed = ev->type == EV_cgroup_mkdir     ? KEY_OF(l, ev, cgroup_mkdir, &key)
                   : ev->type == EV_cgroup_rmdir   ? KEY_OF(l, ev, cgroup_rmdir, &key)
                   : ev->type == EV_cgroup_release ? KEY_OF(l, ev, cgroup_release, &key)
                                                   : false;
    if (changed)
        forget(l, &key);
    else if (ev->type == EV_cgroup_state)
        check_state(l, ev);
}
