// SPDX-License-Identifier: Apache-2.0
//
// lint_summary.c - summaries that no stream could have given.

#include "helper/aggregate/sketch.h"
#include "helper/lint/lint.h"

#include <inttypes.h>

static void check_rtt_values(struct lint *l, const struct ev_rtt_summary *s,
                             const struct sketch *sketch)
{
    if (s->min_ns > s->max_ns) {
        lint_say(l, "summary", "min_ns %" PRIu64 " is above max_ns %" PRIu64, s->min_ns, s->max_ns);
        return;
    }
    __extension__ typedef unsigned __int128 uint128;
    uint128 least = (uint128)s->min_ns * sketch->total, most = (uint128)s->max_ns * sketch->total;
    if (s->sum_ns < least || s->sum_ns > most)
        lint_say(l, "summary",
                 "sum_ns %" PRIu64 " does not lie between %" PRIu64 " times min_ns and max_ns",
                 s->sum_ns, sketch->total);
    uint32_t least_bucket, last_bucket;
    sketch_used(sketch, &least_bucket, &last_bucket);
    if (sketch_bucket(s->min_ns) != least_bucket || sketch_bucket(s->max_ns) != last_bucket)
        lint_say(l, "summary", "min_ns or max_ns lies outside the sketch");
}

static void check_rtt(struct lint *l, const struct event *ev)
{
    const struct ev_rtt_summary *s = &ev->rtt_summary;
    struct sketch sketch = {0};
    if (!EVENT_HAS(ev, rtt_summary, sketch)) {
        if (EVENT_HAS(ev, rtt_summary, min_ns) || EVENT_HAS(ev, rtt_summary, sum_ns))
            lint_say(l, "summary", "round-trip times without a sketch");
        return;
    }
    if (sketch_read(&sketch, s->sketch) != 0)
        lint_say(l, "summary",
                 "the sketch is malformed: 'index:count index:count', ascending, is expected");
    else if (sketch.total > s->acked + s->late)
        lint_say(l, "summary", "%" PRIu64 " round-trip times of %" PRIu64 " ACKs", sketch.total,
                 s->acked + s->late);
    else if (sketch.total)
        check_rtt_values(l, s, &sketch);
    sketch_free(&sketch);
}

static void check_stream(struct lint *l, const struct event *ev)
{
    const struct ev_stream_summary *s = &ev->stream_summary;
    if (s->streams_ended > s->streams)
        lint_say(l, "summary", "%" PRIu64 " streams ended, yet %" PRIu64 " began", s->streams_ended,
                 s->streams);
    if (EVENT_HAS(ev, stream_summary, from_us) && s->from_us > s->to_us)
        lint_say(l, "summary", "from_us is later than to_us");
}

void lint_summary(struct lint *l, const struct event *ev)
{
    if (ev->type == EV_rtt_summary)
        check_rtt(l, ev);
    else if (ev->type == EV_stream_summary)
        check_stream(l, ev);
}
