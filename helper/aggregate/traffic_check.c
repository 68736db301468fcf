// SPDX-License-Identifier: Apache-2.0
//
// traffic_check.c - `netvitals check traffic`: whether the accounting is alive and complete, and
// whether quotas are kept.

#include "helper/aggregate/traffic.h"
#include "helper/report/perfdata.h"

#include <inttypes.h>
#include <stdio.h>

// Whether there are later totals of the interface: those of other bytes, --bytes wire or ip, are
// counted apart.
static bool went_on(const struct traffic *t, const struct totals_key *key, uint64_t to_us)
{
    for (size_t i = 0; i < keymap_count(t->totals); i++) {
        const struct totals_key *other = keymap_key_at(t->totals, i);
        const struct totals_cell *cell = keymap_cell_at(t->totals, i);
        if (other->host == key->host && other->iface == key->iface && cell->to_us > to_us)
            return true;
    }
    return false;
}

// The interface that has been silent for longest, with a text if that is longer than --max-age: of
// several mirrors, one that died must not hide behind the others.
static bool is_silent(const struct traffic *t, uint64_t now_us, struct check_result *result)
{
    uint64_t silent_us = t->options->max_age_us;
    const struct totals_key *silent = NULL;
    for (size_t i = 0; silent_us && i < keymap_count(t->totals); i++) {
        const struct totals_cell *cell = keymap_cell_at(t->totals, i);
        if (now_us <= cell->to_us || now_us - cell->to_us <= silent_us ||
            went_on(t, keymap_key_at(t->totals, i), cell->to_us))
            continue;
        silent_us = now_us - cell->to_us;
        silent = keymap_key_at(t->totals, i);
    }
    if (!silent)
        return false;
    struct text iface = intern_text(t->words, silent->iface);
    struct text host = intern_text(t->words, silent->host);
    snprintf(result->text, sizeof(result->text),
             "%.*s%s%.*s: last traffic_totals %" PRIu64 " s ago", (int)iface.len,
             iface.ptr ? iface.ptr : "", host.len ? " of " : "", (int)host.len,
             host.ptr ? host.ptr : "", silent_us / 1000000);
    return true;
}

static enum check_state check_completeness(const struct traffic *t, uint64_t seen, uint64_t missed,
                                           struct check_result *result)
{
    if (t->quotas && !traffic_counts_are_zero(&t->accounts.other)) {
        snprintf(result->text, sizeof(result->text),
                 "%lld bytes count for no quota: there are more subscribers than --max-keys",
                 (long long)traffic_volume(&t->accounts.other));
        return CHECK_WARNING;
    }
    if (!keymap_count(t->totals)) {
        snprintf(result->text, sizeof(result->text), "no traffic_totals came in");
        return CHECK_UNKNOWN;
    }
    if (!seen && !missed) {
        snprintf(result->text, sizeof(result->text),
                 "no byte was seen; does the mirror still deliver?");
        return CHECK_UNKNOWN;
    }
    snprintf(result->text, sizeof(result->text),
             "%" PRIu64 " bytes seen, %" PRIu64 " of them not accounted", seen, missed);
    return missed ? CHECK_WARNING : CHECK_OK;
}

enum check_state traffic_check(void *self, uint64_t now_us, struct check_result *result)
{
    const struct traffic *t = self;
    uint64_t seen = traffic_total(t, F_totals_summary_seen_bytes);
    uint64_t missed = traffic_total(t, F_totals_summary_overflow_bytes) +
                      traffic_total(t, F_totals_summary_bad_header_bytes);
    perfdata_add(result, "seen", seen, "B", (struct perf_limits){0});
    perfdata_add(result, "missed", missed, "B", (struct perf_limits){0});
    enum check_state quotas = t->quotas ? bill_check_quotas(t, result) : CHECK_OK;
    if (quotas == CHECK_CRITICAL)
        return quotas;
    if (is_silent(t, now_us, result))
        return CHECK_CRITICAL;
    return quotas != CHECK_OK ? quotas : check_completeness(t, seen, missed, result);
}
