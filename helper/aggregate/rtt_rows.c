// SPDX-License-Identifier: Apache-2.0
//
// rtt_rows.c - the rows of the rtt report, and the evidence below them.

#include "helper/aggregate/rtt.h"

static const struct column columns[] = {
    {"host", "HOST", UNIT_NONE, COLUMN_LABEL | COLUMN_WIDE},
    {"netns", "NETNS", UNIT_ID, COLUMN_LABEL | COLUMN_WIDE},
    {"assoc_id", "ASSOC", UNIT_ID, COLUMN_LABEL | COLUMN_WIDE},
    {"laddr", "LOCAL", UNIT_NONE, COLUMN_WIDE},
    {"lport", "LPORT", UNIT_PORT, COLUMN_LABEL | COLUMN_WIDE},
    {"raddr", "PEER", UNIT_NONE, COLUMN_LABEL},
    {"rport", "PORT", UNIT_PORT, COLUMN_LABEL},
    {"verdict", "VERDICT", UNIT_NONE, 0},
    {"sent", "SENT", UNIT_COUNT, COLUMN_COUNTER},
    {"acked", "ACKED", UNIT_COUNT, COLUMN_COUNTER | COLUMN_SPARE},
    {"missed", "MISSED", UNIT_COUNT, COLUMN_WIDE | COLUMN_COUNTER},
    {"late", "LATE", UNIT_COUNT, COLUMN_WIDE | COLUMN_COUNTER},
    {"discarded", "DISCARDED", UNIT_COUNT, COLUMN_WIDE | COLUMN_COUNTER},
    {"loss_ppm", "LOSS", UNIT_PPM, 0},
    {"min_ns", "MIN", UNIT_NS, COLUMN_WIDE},
    {"mean_ns", "MEAN", UNIT_NS, COLUMN_WIDE},
    {"p50_ns", "P50", UNIT_NS, 0},
    {"p90_ns", "P90", UNIT_NS, COLUMN_WIDE},
    {"p99_ns", "P99", UNIT_NS, 0},
    {"max_ns", "MAX", UNIT_NS, COLUMN_SPARE},
    {"jitter_ns", "JITTER", UNIT_NS, COLUMN_SPARE},
    {"kernel_srtt_us", "SRTT", UNIT_US, COLUMN_WIDE | COLUMN_STATE},
    {"last_ack_age_us", "LAST ACK", UNIT_US, COLUMN_STATE},
    {"last_recv_age_us", "PEER'S HB", UNIT_US, COLUMN_WIDE | COLUMN_STATE},
    {"pmtu_probes_sent", "PROBES", UNIT_COUNT, COLUMN_WIDE | COLUMN_COUNTER},
    {"pmtu_probes_acked", "PROBES ACKED", UNIT_COUNT, COLUMN_WIDE | COLUMN_COUNTER},
    {"evidence", "EVIDENCE", UNIT_NONE, COLUMN_WIDE | COLUMN_PROSE},
};

// Places in a row. The values are the columns behind the verdict, up to the evidence.
enum {
    RADDR = 5,
    VERDICT = 7,
    VALUES = sizeof(columns) / sizeof(*columns) - VERDICT - 2,
};

static struct cell age_cell(uint64_t now_us, uint64_t at_us)
{
    if (!at_us)
        return (struct cell){.kind = CELL_ABSENT};
    return cell_u64(now_us > at_us ? now_us - at_us : 0);
}

// The cells from `sent` on, up to the evidence.
static void fill_values(struct cell *c, const struct rtt_path *p, uint64_t now_us)
{
    const uint64_t counts[] = {p->sent, p->acked,     p->missed,
                               p->late, p->discarded, rtt_loss_ppm(p, now_us)};
    const uint64_t times[] = {p->min_ns,
                              rtt_path_mean_ns(p),
                              rtt_path_quantile_ns(p, 500000),
                              rtt_path_quantile_ns(p, 900000),
                              rtt_path_quantile_ns(p, 990000),
                              p->max_ns,
                              rtt_path_jitter_ns(p)};
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
        *c++ = cell_u64(counts[i]);
    for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++, c++)
        if (p->rtt.total)
            *c = cell_u64(times[i]);
    if (p->srtt.at_us)
        *c = cell_u64(p->srtt.value);
    c++;
    *c++ = age_cell(now_us, p->last_ack_us);
    *c++ = age_cell(now_us, p->last_recv_us);
    *c++ = cell_u64(p->probes_sent);
    *c++ = cell_u64(p->probes_acked);
}

static void fill_row(const struct rtt *rtt, struct table *t, const struct rtt_judged *j,
                     uint64_t now_us)
{
    struct cell *c = table_add_row(t);
    if (!c)
        return;
    *c++ = cell_text(intern_text(rtt->words, j->key.host));
    *c++ = cell_u64(j->key.netns);
    *c++ = cell_u64(j->key.assoc_id);
    *c++ = j->path.laddr_us ? cell_ip(t, j->path.laddr) : (struct cell){.kind = CELL_ABSENT};
    *c++ = cell_u64(j->key.lport);
    *c++ = cell_ip(t, j->key.raddr);
    *c++ = cell_u64(j->key.rport);
    *c++ = cell_text(text_of(rtt_verdict_name(j->verdict)));
    fill_values(c, &j->path, now_us);
    if (j->why[0])
        c[VALUES] = cell_copy(t, text_of(j->why));
}

// Paths beyond the limit, together: they have counts and quantiles, but no name and no verdict.
static void fill_other(const struct rtt *rtt, uint64_t now_us, struct report *report)
{
    if (rtt_other_is_empty(rtt))
        return;
    struct cell *c = table_add_row(&report->rows);
    if (c) {
        c[RADDR] = cell_text(TEXT_LITERAL("other"));
        fill_values(c + VERDICT + 1, &rtt->other, now_us);
    }
    report_note(report,
                "other: paths beyond the first %zu, together; --max-keys raises the limit\n",
                rtt_keys_max(rtt->options));
}

// People get the reasons below the table; every other format has the column `evidence`.
static void fill_evidence(struct report *report, const struct rtt_judged *judged, size_t count)
{
    for (size_t i = 0; judged && i < count; i++) {
        const struct rtt_judged *j = &judged[i];
        char ip[IP_TEXT_MAX];
        if (!j->why[0] || j->verdict >= VERDICT_CLOSED)
            continue;
        ip_format(j->key.raddr, ip);
        report_note(report, "%s:%u %s: %s\n", ip, j->key.rport, rtt_verdict_name(j->verdict),
                    j->why);
    }
}

void rtt_rows(const struct rtt *rtt, const struct rtt_judged *judged, size_t count, uint64_t now_us,
              struct report *report)
{
    table_add_columns(&report->rows, columns, sizeof(columns) / sizeof(*columns));
    for (size_t i = 0; judged && i < count; i++)
        fill_row(rtt, &report->rows, &judged[i], now_us);
    fill_evidence(report, judged, count);
    fill_other(rtt, now_us, report);
    if (rtt->out_of_memory || !judged)
        report_note(report, "out of memory: some events are missing above\n");
}
