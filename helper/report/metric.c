// SPDX-License-Identifier: Apache-2.0

#include "helper/report/metric.h"

#include <stdio.h>
#include <string.h>

struct base_unit {
    const char *name;   // of the base unit, and of the suffix that it gives a metric
    const char *suffix; // that keys of this unit have
    unsigned decimals;
};

// "bytes_per_s" is a unit and a name at once.
static const struct base_unit *rate_unit_of(struct text key, enum unit unit)
{
    static const struct base_unit bytes = {"bytes_per_second", "bytes_per_s", 0};
    return unit == UNIT_BYTES && text_equal(key, text_of(bytes.suffix)) ? &bytes : NULL;
}

static const struct base_unit *base_unit_of(enum unit unit)
{
    static const struct base_unit ns = {"seconds", "_ns", 9}, us = {"seconds", "_us", 6},
                                  s = {"seconds", "_s", 0}, bytes = {"bytes", "_bytes", 0},
                                  packets = {"packets", "_packets", 0}, ppm = {"ratio", "_ppm", 6};
    switch (unit) {
    case UNIT_NS:
        return &ns;
    case UNIT_US:
        return &us;
    case UNIT_S:
        return &s;
    case UNIT_BYTES:
        return &bytes;
    case UNIT_PACKETS:
        return &packets;
    case UNIT_PPM:
        return &ppm;
    default:
        return NULL;
    }
}

static bool ends_with(struct text text, const char *suffix)
{
    size_t len = strlen(suffix);
    return text.len > len && memcmp(text.ptr + text.len - len, suffix, len) == 0;
}

bool metric_split_direction(struct text key, struct text *stem, struct text *direction)
{
    size_t len = ends_with(key, "_up") ? 2 : ends_with(key, "_down") ? 4 : 0;
    if (len == 0)
        return false;
    *stem = (struct text){key.ptr, key.len - len - 1};
    *direction = (struct text){key.ptr + key.len - len, len};
    return true;
}

bool metric_is_rate(const struct column *column)
{
    return rate_unit_of(text_of(column->key), column->unit) != NULL;
}

bool metric_is_state(const struct column *column)
{
    return column->unit == UNIT_NONE && !(column->flags & (COLUMN_LABEL | COLUMN_PROSE));
}

// "bytes_redirected" and "redirected_bytes" alike become "redirected" and the unit.
static struct text without_unit(struct text key, const struct base_unit *unit)
{
    size_t len = strlen(unit->name);
    if (ends_with(key, unit->suffix))
        return (struct text){key.ptr, key.len - strlen(unit->suffix)};
    if (key.len > len && memcmp(key.ptr, unit->name, len) == 0 && key.ptr[len] == '_')
        return (struct text){key.ptr + len + 1, key.len - len - 1};
    if (text_equal(key, text_of(unit->name)))
        return (struct text){key.ptr, 0};
    return key;
}

struct text metric_stem(struct text key, enum unit unit)
{
    const struct base_unit *base = base_unit_of(unit);
    return base && !rate_unit_of(key, unit) ? without_unit(key, base) : key;
}

void metric_of_histogram(const struct report *report, struct metric *out)
{
    const struct base_unit *unit = base_unit_of(report->histogram.unit);
    *out = (struct metric){.unit = unit ? unit->name : NULL, .decimals = unit ? unit->decimals : 0};
    snprintf(out->name, sizeof(out->name), "netvitals_%s%s%s", report->name, unit ? "_" : "",
             unit ? unit->name : "");
}

bool metric_of_column(const struct report *report, const struct table *table, size_t column,
                      struct metric *out)
{
    const struct column *c = &table->columns[column];
    if (c->unit == UNIT_NONE || (c->flags & (COLUMN_LABEL | COLUMN_TIME)))
        return false;
    struct text stem = text_of(c->key);
    const struct base_unit *rate = rate_unit_of(stem, c->unit);
    const struct base_unit *unit = rate ? rate : base_unit_of(c->unit);
    bool adds_up = (c->flags & COLUMN_COUNTER) != 0;
    *out =
        (struct metric){.adds_up = adds_up, .counter = adds_up && !(c->flags & COLUMN_CORRECTED)};
    metric_split_direction(stem, &stem, &out->direction);
    if (unit) {
        out->unit = unit->name;
        out->decimals = unit->decimals;
        stem = rate ? (struct text){stem.ptr, 0} : without_unit(stem, unit);
    }
    bool main_table = table == &report->rows;
    snprintf(out->name, sizeof(out->name), "netvitals_%s%s%s%s%.*s%s%s", report->name,
             main_table ? "" : "_", main_table ? "" : table->name, stem.len ? "_" : "",
             (int)stem.len, stem.ptr, unit ? "_" : "", unit ? unit->name : "");
    return true;
}
