// SPDX-License-Identifier: Apache-2.0

#include "helper/check_loss.h"
#include "helper/report/format.h"
#include "helper/report/perfdata.h"

#include <inttypes.h>

static void write_text(const struct loss_budget *l, uint64_t cut_short, struct check_result *result)
{
    char bytes[QUANTITY_MAX];
    int at = snprintf(result->text, sizeof(result->text),
                      "%" PRIu64 " of %" PRIu64 " events lost, %" PRIu64
                      " malformed lines, %s not accounted",
                      l->events_lost, l->events + l->events_lost, l->lines_rejected,
                      quantity_format(l->bytes_unaccounted, UNIT_BYTES, bytes));
    if (cut_short && at > 0 && (size_t)at < sizeof(result->text))
        snprintf(result->text + at, sizeof(result->text) - (size_t)at,
                 ", %" PRIu64 " streams without end", cut_short);
}

enum check_state check_loss(const struct session *s, struct check_result *result)
{
    const struct loss_budget *l = &s->loss;
    const struct report_options *o = s->options;
    uint64_t missing = l->events_lost + l->lines_rejected, all = l->events + missing;
    uint64_t cut_short =
        !o->live && l->streams_ended < l->streams ? l->streams - l->streams_ended : 0;
    if (all == 0) {
        snprintf(result->text, sizeof(result->text), "no event was read");
        return CHECK_UNKNOWN;
    }
    __extension__ unsigned __int128 scaled = (unsigned __int128)missing * 1000000;
    uint64_t loss_ppm = (uint64_t)(scaled / all);
    write_text(l, cut_short, result);
    perfdata_add(result, "lost", l->events_lost, "c", (struct perf_limits){0});
    perfdata_add(result, "rejected", l->lines_rejected, "c", (struct perf_limits){0});
    perfdata_add(result, "unaccounted", l->bytes_unaccounted, "B", (struct perf_limits){0});
    perfdata_add(result, "loss", loss_ppm, "%",
                 (struct perf_limits){.warn = o->warn_loss_ppm, .crit = o->crit_loss_ppm});
    if (o->crit_loss_ppm && loss_ppm >= o->crit_loss_ppm)
        return CHECK_CRITICAL;
    if (o->warn_loss_ppm)
        return loss_ppm >= o->warn_loss_ppm ? CHECK_WARNING : CHECK_OK;
    return missing || l->bytes_unaccounted || cut_short ? CHECK_WARNING : CHECK_OK;
}
