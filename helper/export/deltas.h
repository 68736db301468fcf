// SPDX-License-Identifier: Apache-2.0
//
// deltas.h - the counters of a report as what was added since the report before, and sums of that.
//
// What a row had the last time is kept by what the row is of, not by where it was shown, and for
// the rows that --top does not show, too. So it does not matter whether a row comes out of `other`
// or goes into it: what is added to a row counts where the row is shown now, what it had before
// stays where it was counted then. Over all reports, the sums over all rows are those of the whole
// stream; a counter that never goes down never gets a negative delta.
#pragma once

#include "helper/report/report.h"

// Of one report. Zero: nothing was sent before, so the first deltas are the whole.
struct deltas {
    struct table had[1 + REPORT_SECTIONS_MAX]; // labels and counters of the last time
    size_t count;
    struct table sums; // of deltas_sum_rows()
};

// Makes deltas of the counters of `shown`, in its rows and in its sections, and keeps what they are
// now; takes out what happened before the last time. `everything` is the same report with all rows;
// it may be `shown` itself. False if there is no memory: `shown` is spoilt then, and the next
// deltas begin where these would have.
bool deltas_take(struct deltas *d, const struct report *everything, struct report *shown);

// Makes sums of the counters of the rows of `shown`: of all deltas that a row was given while it
// was shown, and so for `other`. Where --top decides what is shown, a row's count itself would be
// in `other` first and then not, which somebody who compares readings takes for a counter that
// began anew. Sections are left alone. False as deltas_take().
bool deltas_sum_rows(struct deltas *d, const struct report *everything, struct report *shown);

void deltas_release(struct deltas *d);
