// SPDX-License-Identifier: Apache-2.0
//
// rtt_check.c - `netvitals check rtt`: the worst path decides, limits on age, p99 and loss add to
// it.

#include "helper/aggregate/rtt.h"

#include <inttypes.h>
#include <stdio.h>

static enum check_state worse(enum check_state a, enum check_state b)
{
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

enum check_state rtt_check(void *self, uint64_t now_us, struct check_result *result)
{
    const struct rtt *rtt = self;
    size_t count, bad = 0;
    uint64_t worst_p99_ns = 0, worst_loss_ppm = 0;
    enum check_state state = CHECK_OK;
    char first[256] = "";
    struct rtt_judged *judged = rtt_judge_all(rtt, now_us, &count);
    if (!judged) {
        snprintf(result->text, sizeof(result->text), "out of memory");
        return CHECK_UNKNOWN;
    }
    for (size_t i = 0; i < count; i++) {
        char why[192], ip[IP_TEXT_MAX];
        enum check_state s = check_path(&judged[i], rtt->options, now_us, why, sizeof(why));
        uint64_t p99_ns = rtt_path_quantile_ns(&judged[i].path, 990000);
        uint64_t loss_ppm = rtt_loss_ppm(&judged[i].path, now_us);
        worst_p99_ns = p99_ns > worst_p99_ns ? p99_ns : worst_p99_ns;
        worst_loss_ppm = loss_ppm > worst_loss_ppm ? loss_ppm : worst_loss_ppm;
        bad += s != CHECK_OK;
        if (s <= state)
            continue;
        ip_format(judged[i].key.raddr, ip);
        snprintf(first, sizeof(first), "%s:%u %s", ip, judged[i].key.rport, why);
        state = s;
    }
    rtt_judged_free(judged, count);
    if (count == 0) {
        snprintf(result->text, sizeof(result->text), "no heartbeat was seen; is sctphb running?");
        return CHECK_UNKNOWN;
    }
    if (bad)
        snprintf(result->text, sizeof(result->text), "%zu of %zu paths: %s", bad, count, first);
    else
        snprintf(result->text, sizeof(result->text), "%zu paths answer", count);
    snprintf(result->perfdata, sizeof(result->perfdata),
             "paths=%zu bad=%zu p99=%" PRIu64 "us;%" PRIu64 ";%" PRIu64 " loss=%" PRIu64
             ".%04" PRIu64 "%%",
             count, bad, worst_p99_ns / 1000, rtt->options->warn_p99_us, rtt->options->crit_p99_us,
             worst_loss_ppm / 10000, worst_loss_ppm % 10000);
    return state;
}
