// SPDX-License-Identifier: Apache-2.0
//
// cgroup_check.c - `netvitals check cgroup`: the worst cgroup decides. A process killed for want of
// memory is critical; how much throttling is too much, and how full of its limits a cgroup may be,
// the options say.

#include "helper/aggregate/cgroup.h"
#include "helper/report/format.h"
#include "helper/report/perfdata.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct judged {
    uint64_t throttled_ppm, memory_ppm, tasks_ppm;
};

// The number in a column of a row; false where it is not known, or no number: a limit of "none".
static bool number_at(const struct table *t, size_t row, const char *key, uint64_t *value)
{
    for (size_t c = 0; c < t->column_count; c++) {
        const struct cell *cell = &t->cells[row * t->column_count + c];
        if (strcmp(t->columns[c].key, key) == 0 && cell->kind == CELL_U64) {
            *value = cell->u64;
            return true;
        }
    }
    return false;
}

static struct text text_at(const struct table *t, size_t row, const char *key)
{
    for (size_t c = 0; c < t->column_count; c++)
        if (strcmp(t->columns[c].key, key) == 0)
            return t->cells[row * t->column_count + c].text;
    return (struct text){NULL, 0};
}

static uint64_t share_ppm(const struct table *t, size_t row, const char *used, const char *limit)
{
    uint64_t value, max;
    if (!number_at(t, row, used, &value) || !number_at(t, row, limit, &max) || max == 0)
        return 0;
    __extension__ unsigned __int128 scaled = (unsigned __int128)value * 1000000;
    return (uint64_t)(scaled / max);
}

static struct judged judge(const struct table *t, size_t row)
{
    struct judged j = {0};
    number_at(t, row, "throttled_ppm", &j.throttled_ppm);
    j.memory_ppm = share_ppm(t, row, "memory_bytes", "memory_max_bytes");
    j.tasks_ppm = share_ppm(t, row, "pids", "pids_max");
    return j;
}

static enum check_state against(uint64_t value, uint64_t warn, uint64_t crit)
{
    return crit && value >= crit   ? CHECK_CRITICAL
           : warn && value >= warn ? CHECK_WARNING
                                   : CHECK_OK;
}

// The state of one cgroup, with what is worst about it in why.
static enum check_state state_of(const struct judged *j, const struct report_options *o, char *why,
                                 size_t size)
{
    const struct {
        const char *what;
        uint64_t ppm, warn, crit;
    } shares[] = {
        {"throttled", j->throttled_ppm, o->warn_throttled_ppm, o->crit_throttled_ppm},
        {"of its memory limit", j->memory_ppm, o->warn_full_ppm, o->crit_full_ppm},
        {"of its task limit", j->tasks_ppm, o->warn_full_ppm, o->crit_full_ppm},
    };
    enum check_state state = CHECK_OK;
    for (size_t i = 0; i < sizeof(shares) / sizeof(*shares); i++) {
        enum check_state s = against(shares[i].ppm, shares[i].warn, shares[i].crit);
        char share[QUANTITY_MAX];
        if (s <= state)
            continue;
        state = s;
        snprintf(why, size, "%s %s", quantity_format(shares[i].ppm, UNIT_PPM, share),
                 shares[i].what);
    }
    return state;
}

static void keep_largest(struct judged *into, const struct judged *j)
{
#define KEEP(member) into->member = j->member > into->member ? j->member : into->member
    KEEP(throttled_ppm);
    KEEP(memory_ppm);
    KEEP(tasks_ppm);
#undef KEEP
}

static enum check_state check_rows(const struct table *t, const struct report_options *o,
                                   uint64_t oom_kills, struct text oom_name,
                                   struct check_result *result)
{
    enum check_state state = oom_kills ? CHECK_CRITICAL : CHECK_OK;
    struct judged all = {0};
    struct text worst = oom_name;
    size_t bad = 0;
    char why[128] = "";
    if (oom_kills)
        snprintf(why, sizeof(why), "%" PRIu64 " killed for want of memory", oom_kills);
    for (size_t row = 0; row < t->row_count; row++) {
        struct judged j = judge(t, row);
        char reason[sizeof(why)];
        enum check_state s = state_of(&j, o, reason, sizeof(reason));
        keep_largest(&all, &j);
        bad += s != CHECK_OK;
        if (s <= state)
            continue;
        state = s;
        worst = text_at(t, row, "path");
        memcpy(why, reason, sizeof(why));
    }
    if (state != CHECK_OK)
        snprintf(result->text, sizeof(result->text), "%.*s: %s",
                 worst.len < 256 ? (int)worst.len : 256, worst.len ? worst.ptr : "", why);
    else
        snprintf(result->text, sizeof(result->text), "%zu cgroups within their limits",
                 t->row_count);
    const struct perf_limits none = {0};
    const struct perf_limits full = {.warn = o->warn_full_ppm, .crit = o->crit_full_ppm};
    perfdata_add(result, "cgroups", t->row_count, "", none);
    perfdata_add(result, "bad", bad, "", none);
    perfdata_add(result, "oom_kills", oom_kills, "", none);
    perfdata_add(
        result, "throttled", all.throttled_ppm, "%",
        (struct perf_limits){.warn = o->warn_throttled_ppm, .crit = o->crit_throttled_ppm});
    perfdata_add(result, "memory", all.memory_ppm, "%", full);
    perfdata_add(result, "tasks", all.tasks_ppm, "%", full);
    return state;
}

enum check_state cgroup_check(void *self, uint64_t now_us, struct check_result *result)
{
    struct cgroup_aggregate *a = self;
    struct report report = {.name = "cgroup"};
    (void)now_us;
    table_init(&report.rows, "rows", NULL);
    cgroup_rows(a, &report);
    enum check_state state = CHECK_UNKNOWN;
    struct text oom_name = {NULL, 0};
    uint64_t oom_kills = cgroup_oom_kills(a, &oom_name);
    if (report.rows.row_count)
        state = check_rows(&report.rows, a->options, oom_kills, oom_name, result);
    else
        snprintf(result->text, sizeof(result->text),
                 report.nothing_there ? "that cgroup is not there, see standard error"
                                      : "no event of a cgroup was seen; is cgtree running?");
    report_release(&report);
    return state;
}
