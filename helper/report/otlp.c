// SPDX-License-Identifier: Apache-2.0
//
// otlp.c - OpenTelemetry metrics as the JSON that OTLP/HTTP takes (opentelemetry-proto,
// docs/specification.md): 64-bit integers and times are strings, enums are numbers. Counters are
// sums of the report's time (delta temporality), monotonic ones unless corrections can take from
// them, everything else is a gauge; units are UCUM, so values stay the integers that they are.

#include "helper/report/metric.h"
#include "helper/report/render.h"

#include <inttypes.h>

enum { TEMPORALITY_DELTA = 1 };

static const char *ucum(enum unit unit)
{
    switch (unit) {
    case UNIT_NS:
        return "ns";
    case UNIT_US:
        return "us";
    case UNIT_S:
        return "s";
    case UNIT_BYTES:
        return "By";
    case UNIT_PACKETS:
        return "{packet}";
    case UNIT_PPM:
        return "[ppm]";
    default:
        return "1";
    }
}

static void print_attribute(FILE *out, bool *first, const char *key, const struct cell *cell)
{
    if (cell->kind == CELL_ABSENT)
        return;
    fprintf(out, "%s{\"key\":\"%s\",\"value\":{", *first ? "" : ",", key);
    if (cell->kind == CELL_TEXT) {
        fputs("\"stringValue\":", out);
        print_json_text(out, cell->text);
    } else {
        fputs("\"intValue\":\"", out);
        print_json_cell(out, cell);
        fputc('"', out);
    }
    fputs("}}", out);
    *first = false;
}

static void print_attributes(FILE *out, const struct table *t, const struct cell *row, bool states,
                             struct text direction)
{
    bool first = true;
    fputs("\"attributes\":[", out);
    for (size_t c = 0; c < t->column_count; c++)
        if ((t->columns[c].flags & COLUMN_LABEL) || (states && metric_is_state(&t->columns[c])))
            print_attribute(out, &first, t->columns[c].key, &row[c]);
    if (direction.ptr) {
        const struct cell cell = cell_text(direction);
        print_attribute(out, &first, "direction", &cell);
    }
    fputs("]", out);
}

// asInt is a signed 64-bit integer; what is beyond it is given as the nearest number of the other
// kind.
static void print_value(FILE *out, const struct cell *cell)
{
    if (cell->kind == CELL_U64 && cell->u64 > INT64_MAX) {
        fprintf(out, "\"asDouble\":%" PRIu64, cell->u64);
        return;
    }
    fputs("\"asInt\":\"", out);
    print_json_cell(out, cell);
    fputc('"', out);
}

static void print_point(FILE *out, const struct report *r, const struct table *t,
                        const struct cell *row, const struct cell *value, bool states,
                        struct text direction, bool *first)
{
    fprintf(out,
            "%s\n        {\"startTimeUnixNano\":\"%" PRIu64 "000\",\"timeUnixNano\":\"%" PRIu64
            "000\",",
            *first ? "" : ",", r->from_us, r->to_us);
    print_value(out, value);
    fputc(',', out);
    print_attributes(out, t, row, states, direction);
    fputc('}', out);
    *first = false;
}

static void open_metric(FILE *out, const struct report *r, const struct table *t, struct text stem,
                        const char *unit, unsigned flags, bool *first)
{
    bool main_table = t == &r->rows, counter = flags & COLUMN_COUNTER;
    fprintf(out, "%s\n      {\"name\":\"netvitals.%s%s%s.%.*s\",\"unit\":\"%s\",\"%s\":{",
            *first ? "" : ",", r->name, main_table ? "" : ".", main_table ? "" : t->name,
            (int)stem.len, stem.ptr, unit, counter ? "sum" : "gauge");
    if (counter)
        fprintf(out, "\"aggregationTemporality\":%d,\"isMonotonic\":%s,", TEMPORALITY_DELTA,
                flags & COLUMN_CORRECTED ? "false" : "true");
    fputs("\"dataPoints\":[", out);
    *first = false;
}

static bool has_numbers(const struct table *t, size_t column)
{
    for (size_t row = 0; row < t->row_count; row++) {
        enum cell_kind kind = t->cells[row * t->column_count + column].kind;
        if (kind == CELL_U64 || kind == CELL_I64)
            return true;
    }
    return false;
}

static void print_columns(FILE *out, const struct report *r, const struct table *t,
                          bool *first_metric)
{
    for (size_t c = 0; c < t->column_count; c++) {
        const struct column *column = &t->columns[c];
        struct text stem = text_of(column->key), direction = {0};
        bool first = true;
        if (column->unit == UNIT_NONE || (column->flags & COLUMN_LABEL) || !has_numbers(t, c))
            continue;
        metric_split_direction(stem, &stem, &direction);
        stem = metric_stem(stem, column->unit);
        if (stem.len == 0) // bytes_up: the name is the unit
            stem = text_of(column->unit == UNIT_BYTES ? "bytes" : "packets");
        open_metric(out, r, t, stem, ucum(column->unit), column->flags, first_metric);
        for (size_t row = 0; row < t->row_count; row++) {
            const struct cell *cells = &t->cells[row * t->column_count];
            if (cells[c].kind == CELL_U64 || cells[c].kind == CELL_I64)
                print_point(out, r, t, cells, &cells[c], false, direction, &first);
        }
        fputs("]}}", out);
    }
}

// Words (a verdict) are attributes of a gauge of value 1.
static void print_states(FILE *out, const struct report *r, const struct table *t,
                         bool *first_metric)
{
    const struct cell one = cell_u64(1);
    bool any = false, first = true;
    for (size_t c = 0; c < t->column_count; c++)
        any |= metric_is_state(&t->columns[c]);
    if (!any || t->row_count == 0)
        return;
    open_metric(out, r, t, TEXT_LITERAL("info"), "1", 0, first_metric);
    for (size_t row = 0; row < t->row_count; row++)
        print_point(out, r, t, &t->cells[row * t->column_count], &one, true, (struct text){0},
                    &first);
    fputs("]}}", out);
}

static void print_loss(FILE *out, const struct report *r, bool *first_metric)
{
    const struct table none = {.name = ""};
    for (const struct loss_item *item = loss_items; item->key; item++) {
        const struct cell value = cell_u64(loss_value(&r->loss, item));
        bool first = true;
        fprintf(out,
                "%s\n      "
                "{\"name\":\"netvitals.%s\",\"unit\":\"%s\",\"sum\":{\"aggregationTemporality\":%d,"
                "\"isMonotonic\":true,\"dataPoints\":[",
                *first_metric ? "" : ",", item->key, ucum(item->unit), TEMPORALITY_DELTA);
        *first_metric = false;
        print_point(out, r, &none, NULL, &value, false, (struct text){0}, &first);
        fputs("]}}", out);
    }
}

void render_otlp(FILE *out, const struct report *const *reports, size_t count,
                 const struct render_options *options)
{
    bool first = true;
    (void)options;
    fputs("{\"resourceMetrics\":[{\n  "
          "\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{"
          "\"stringValue\":\"netvitals\"}}]},\n  \"scopeMetrics\":[{\n    "
          "\"scope\":{\"name\":\"netvitals\","
          "\"version\":\"" NETVITALS_VERSION "\"},\n    \"metrics\":[",
          out);
    if (count)
        print_loss(out, reports[0], &first);
    for (size_t i = 0; i < count; i++) {
        const struct report *r = reports[i];
        print_columns(out, r, &r->rows, &first);
        print_states(out, r, &r->rows, &first);
        for (size_t s = 0; s < r->section_count; s++) {
            if (r->sections[s].plot_only)
                continue;
            print_columns(out, r, &r->sections[s], &first);
            print_states(out, r, &r->sections[s], &first);
        }
    }
    fputs("\n    ]}]}]}\n", out);
}
