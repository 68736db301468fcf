// SPDX-License-Identifier: Apache-2.0
//
// rtt_check.c - `netvitals check rtt`: the worst path decides, limits on age, p99 and loss add to
// it.

#include "helper/aggregate/rtt.h"
#include "helper/report/perfdata.h"

#include <inttypes.h>
#include <stdio.h>

// What is known to be critical stays so, whatever else could not be found out.
static enum check_state worse(enum check_state a, enum check_state b)
{
    if (a == CHECK_CRITICAL || b == CHECK_CRITICAL)
        return CHECK_CRITICAL;
    return a > b ? a : b;
}

// The state of one path against the limits, with the reason in why.
static enum check_state check_path(const struct rtt_judged *j, const struct report_options *o,
                                   uint64_t now_us, char *why, size_t size)
{
    uint64_t p99_ns = rtt_path_quantile_ns(&j->path, 990000),
             loss_ppm = rtt_loss_ppm(&j->path, now_us);
    uint64_t age_us = now_us > j->path.last_ack_us ? now_us - j->path.last_ack_us : 0;
    enum check_state state = rtt_verdict_state(j->verdict);
    snprintf(why, size, "%s%s%s", rtt_verdict_name(j->verdict), j->why[0] ? ": " : "", j->why);
    if (j->verdict == VERDICT_CLOSED || state == CHECK_CRITICAL)
        return state;
    if (o->crit_loss_ppm && loss_ppm >= o->crit_loss_ppm) {
        snprintf(why, size, "loss %" PRIu64 ".%" PRIu64 " %%", loss_ppm / 10000,
                 loss_ppm / 1000 % 10);
        return CHECK_CRITICAL;
    }
    if (o->crit_p99_us && p99_ns / 1000 >= o->crit_p99_us) {
        snprintf(why, size, "p99 %" PRIu64 " us", p99_ns / 1000);
        return CHECK_CRITICAL;
    }
    // Silence that the verdict explains (switched off, DATA flows) is no fault.
    bool busy = j->path.skip.value == SKIP_DATA && j->path.skip.at_us > j->path.last_sent_us;
    bool explained = j->verdict == VERDICT_DISABLED || (j->verdict == VERDICT_QUIET && busy);
    if (o->max_age_us && !explained && j->path.last_ack_us && age_us > o->max_age_us) {
        snprintf(why, size, "last accepted ACK %" PRIu64 " s ago", age_us / 1000000);
        return CHECK_CRITICAL;
    }
    if (o->warn_loss_ppm && loss_ppm >= o->warn_loss_ppm) {
        snprintf(why, size, "loss %" PRIu64 ".%" PRIu64 " %%", loss_ppm / 10000,
                 loss_ppm / 1000 % 10);
        return worse(state, CHECK_WARNING);
    }
    if (o->warn_p99_us && p99_ns / 1000 >= o->warn_p99_us) {
        snprintf(why, size, "p99 %" PRIu64 " us", p99_ns / 1000);
        return worse(state, CHECK_WARNING);
    }
    return state;
}

// What all paths come to.
struct summary {
    enum check_state state;
    size_t bad;
    uint64_t worst_p99_ns, worst_loss_ppm;
    char first[256]; // the first of the worst
};

static struct summary check_paths(const struct rtt_judged *judged, size_t count,
                                  const struct report_options *o, uint64_t now_us)
{
    struct summary all = {.state = CHECK_OK};
    for (size_t i = 0; i < count; i++) {
        char why[192], ip[IP_TEXT_MAX];
        enum check_state s = check_path(&judged[i], o, now_us, why, sizeof(why));
        uint64_t p99_ns = rtt_path_quantile_ns(&judged[i].path, 990000);
        uint64_t loss_ppm = rtt_loss_ppm(&judged[i].path, now_us);
        all.worst_p99_ns = p99_ns > all.worst_p99_ns ? p99_ns : all.worst_p99_ns;
        all.worst_loss_ppm = loss_ppm > all.worst_loss_ppm ? loss_ppm : all.worst_loss_ppm;
        all.bad += s != CHECK_OK;
        if (s <= all.state)
            continue;
        ip_format(judged[i].key.raddr, ip);
        snprintf(all.first, sizeof(all.first), "%s:%u %s", ip, judged[i].key.rport, why);
        all.state = s;
    }
    return all;
}

// The contradictions with the kernel's list of associations.
struct contradictions {
    enum check_state state; // unknown: the list could not be read
    size_t count;
    char text[ASSOC_ERROR_MAX]; // of the first of the worst, or why there are none
};

static void take_contradiction(void *context, const struct rtt_contradiction *found)
{
    struct contradictions *all = context;
    char ip[IP_TEXT_MAX];
    all->count += found->state != CHECK_OK;
    if (found->state <= all->state)
        return;
    all->state = found->state;
    ip_format(found->raddr, ip);
    snprintf(all->text, sizeof(all->text),
             "%s:%u of association %" PRIu64 ": the kernel says %s, the heartbeats %s: %s", ip,
             found->rport, found->assoc_id, found->kernel, found->heartbeats, found->detail);
}

static struct contradictions contradict(const char *assocs_path, const struct rtt_judged *judged,
                                        size_t count, bool listened)
{
    struct contradictions all = {.state = CHECK_OK};
    struct assoc_list assocs;
    if (!assocs_path)
        return all;
    if (!assoc_list_read(assocs_path, &assocs, all.text)) {
        all.state = CHECK_UNKNOWN;
        return all;
    }
    if (listened)
        rtt_contradict(&assocs, judged, count, take_contradiction, &all);
    assoc_list_free(&assocs);
    return all;
}

static void write_text(const struct summary *paths, size_t count,
                       const struct contradictions *against, struct check_result *result)
{
    const size_t size = sizeof(result->text);
    char of_paths[sizeof(paths->first) + 64];
    if (paths->bad)
        snprintf(of_paths, sizeof(of_paths), "%zu of %zu paths: %s", paths->bad, count,
                 paths->first);
    else
        snprintf(of_paths, sizeof(of_paths), "%zu paths answer", count);
    if (against->state == CHECK_UNKNOWN)
        snprintf(result->text, size, "%s; %s", against->text, of_paths);
    else if (against->count)
        snprintf(result->text, size, "%s; %zu contradicted: %s", of_paths, against->count,
                 against->text);
    else
        snprintf(result->text, size, "%s", of_paths);
}

enum check_state rtt_check(void *self, uint64_t now_us, struct check_result *result)
{
    const struct rtt *rtt = self;
    const struct report_options *o = rtt->options;
    const struct perf_limits none = {0};
    size_t count;
    struct rtt_judged *judged = rtt_judge_all(rtt, now_us, &count);
    if (!judged) {
        snprintf(result->text, sizeof(result->text), "out of memory");
        return CHECK_UNKNOWN;
    }
    struct summary paths = check_paths(judged, count, o, now_us);
    // now_us is 0 without any event: then nobody listened, and silence contradicts nothing
    struct contradictions against = contradict(o->assocs, judged, count, now_us != 0);
    rtt_judged_free(judged, count);
    if (count == 0 && against.state == CHECK_OK) {
        snprintf(result->text, sizeof(result->text), "no heartbeat was seen; is sctphb running?");
        return CHECK_UNKNOWN;
    }
    write_text(&paths, count, &against, result);
    perfdata_add(result, "paths", count, "", none);
    perfdata_add(result, "bad", paths.bad, "", none);
    perfdata_add(result, "p99", paths.worst_p99_ns / 1000, "us",
                 (struct perf_limits){.warn = o->warn_p99_us, .crit = o->crit_p99_us});
    perfdata_add(result, "loss", paths.worst_loss_ppm, "%",
                 (struct perf_limits){.warn = o->warn_loss_ppm, .crit = o->crit_loss_ppm});
    if (o->assocs && against.state != CHECK_UNKNOWN)
        perfdata_add(result, "contradictions", against.count, "", none);
    return worse(paths.state, against.state);
}
