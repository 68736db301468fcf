// SPDX-License-Identifier: Apache-2.0
// LINK: helper/export/deltas.c helper/report/table.c helper/report/report.c schema/*.c
//
// What deltas of rows add up to, for whoever adds them up by their labels, against counts that the
// test keeps itself: rows grow at random, change places with the rows in `other`, get a new name,
// and (where there are corrections) hand over to each other until nothing is left.

#include "helper/export/deltas.h"
#include "tests/unit/expect.h"

#include <stdlib.h>

enum { ROWS = 12, TOP = 4, ROUNDS = 40, RUNS = 100 };

static const struct column columns[] = {
    {"name", "", UNIT_NONE, COLUMN_LABEL | COLUMN_RENAMED},
    {"id", "", UNIT_ID, COLUMN_LABEL},
    {"age", "", UNIT_US, COLUMN_STATE},
    {"count", "", UNIT_COUNT, COLUMN_COUNTER},
};
enum { NAME, ID, AGE, COUNT, COLUMNS };

struct run {
    struct expect *expect;
    bool corrected;
    bool summed;  // the sums of deltas are read, not the deltas
    uint64_t top; // 0: all rows are shown
    int64_t counts[ROWS];
    bool always_shown[ROWS]; // or not there at all
    bool named[ROWS];
    int64_t received[ROWS], received_other;
    struct deltas deltas;
};

static void check(struct run *r, const char *what, int64_t got, int64_t want)
{
    EXPECT_U64(r->expect, what, (uint64_t)got, (uint64_t)want);
}

static void open_table(const struct run *r, struct table *t)
{
    table_init(t, "rows", NULL);
    table_add_columns(t, columns, COLUMNS);
    if (r->corrected)
        t->columns[COUNT].flags |= COLUMN_CORRECTED;
}

static struct cell count_cell(int64_t count)
{
    return count < 0 ? cell_i64(count) : cell_u64((uint64_t)count);
}

static void add_row(const struct run *r, struct table *t, size_t i)
{
    struct cell *c = table_add_row(t);
    char name[16];
    snprintf(name, sizeof(name), r->named[i] ? "name %zu" : "(id %zu)", i);
    c[NAME] = cell_copy(t, text_of(name));
    c[ID] = cell_u64(i);
    c[AGE] = cell_u64(7);
    c[COUNT] = count_cell(r->counts[i]);
}

// How many have more, or as much and a smaller number: the place of a row.
static size_t place_of(const struct run *r, size_t i)
{
    size_t place = 0;
    for (size_t k = 0; k < ROWS; k++)
        place += r->counts[k] > r->counts[i] || (r->counts[k] == r->counts[i] && k < i);
    return place;
}

// A row with nothing in it is not there, as in a report.
static void fill(const struct run *r, struct table *t, uint64_t top)
{
    int64_t rest = 0;
    open_table(r, t);
    for (size_t i = 0; i < ROWS; i++) {
        if (top && place_of(r, i) >= top)
            rest += r->counts[i];
        else if (r->counts[i])
            add_row(r, t, i);
    }
    struct cell *c = rest ? table_add_row(t) : NULL;
    if (c) {
        c[NAME] = cell_text(TEXT_LITERAL("other"));
        c[COUNT] = count_cell(rest);
    }
}

static int64_t number(const struct cell *c)
{
    return c->kind == CELL_I64 ? c->i64 : (int64_t)c->u64;
}

static void receive(struct run *r, const struct table *t)
{
    for (size_t row = 0; row < t->row_count; row++) {
        const struct cell *c = &t->cells[row * COLUMNS];
        bool other = c[ID].kind == CELL_ABSENT;
        int64_t *received = other ? &r->received_other : &r->received[c[ID].u64];
        int64_t delta = number(&c[COUNT]) - (r->summed ? *received : 0);
        if (!r->corrected && delta < 0)
            check(r, "a counter that never goes down goes down by", -delta, 0);
        *received += delta;
    }
}

static void change(struct run *r)
{
    for (int n = 0; n < 4; n++) {
        size_t from = (size_t)random() % ROWS, to = (size_t)random() % ROWS;
        int64_t all = r->counts[from], some = all ? random() % all : 0;
        int64_t moved = !r->corrected ? 0 : random() % 2 ? all : some;
        r->counts[from] -= moved;
        r->counts[to] += moved;
        r->counts[random() % ROWS] += random() % 1000;
        r->named[random() % ROWS] = true;
    }
    for (size_t i = 0; i < ROWS; i++)
        r->always_shown[i] &= !r->counts[i] || !r->top || place_of(r, i) < r->top;
}

static void send_one(struct run *r)
{
    struct report shown = {.name = "r"}, everything = {.name = "r"};
    int64_t total = 0, received = 0;
    fill(r, &shown.rows, r->top);
    fill(r, &everything.rows, 0);
    const struct report *all = r->top ? &everything : &shown;
    bool taken =
        r->summed ? deltas_sum_rows(&r->deltas, all, &shown) : deltas_take(&r->deltas, all, &shown);
    check(r, "taken", taken, true);
    receive(r, &shown.rows);
    for (size_t i = 0; i < ROWS; i++) {
        total += r->counts[i];
        received += r->received[i];
        if (r->always_shown[i])
            check(r, "of a row that was always shown", r->received[i], r->counts[i]);
    }
    check(r, "of all rows", received + r->received_other, total);
    report_release(&shown);
    report_release(&everything);
}

// A row that comes out of `other` has there what it had there, and in its name what came then.
static void test_places(struct expect *expect, bool summed)
{
    struct run r = {.expect = expect, .summed = summed, .top = 1};
    r.counts[0] = 100;
    r.counts[1] = 10;
    send_one(&r);
    r.counts[1] += 1000;
    send_one(&r);
    r.counts[0] += 5;
    send_one(&r);
    check(&r, "first in the table, then in other", r.received[0], 100);
    check(&r, "first in other, then in the table", r.received[1], 1000);
    check(&r, "other", r.received_other, 10 + 5);
    deltas_release(&r.deltas);
}

int main(void)
{
    struct expect expect = {0};
    srandom(1);
    test_places(&expect, false);
    test_places(&expect, true);
    for (int run = 0; run < RUNS; run++) {
        struct run r = {.expect = &expect,
                        .corrected = run % 2,
                        .top = run / 2 % 2 ? TOP : 0,
                        .summed = run / 4 % 2};
        for (size_t i = 0; i < ROWS; i++)
            r.always_shown[i] = true;
        for (int round = 0; round < ROUNDS; round++) {
            change(&r);
            send_one(&r);
        }
        deltas_release(&r.deltas);
    }
    return expect_result(&expect);
}
