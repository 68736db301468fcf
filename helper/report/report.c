// SPDX-License-Identifier: Apache-2.0

#include "helper/report/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Versions of clang-format differ in the braces of a macro.
// clang-format off
#define ITEM(member, unit, help) {#member, unit, offsetof(struct loss_budget, member), help}
// clang-format on

const struct loss_item loss_items[] = {
    ITEM(events, UNIT_COUNT, "events read"),
    ITEM(streams, UNIT_COUNT, "streams that began"),
    ITEM(streams_ended, UNIT_COUNT, "streams that ended in order"),
    ITEM(events_lost, UNIT_COUNT, "events that the producers could not deliver"),
    ITEM(lines_rejected, UNIT_COUNT, "malformed lines"),
    ITEM(lines_unknown, UNIT_COUNT, "lines of an unknown type"),
    ITEM(bytes_unaccounted, UNIT_BYTES, "traffic seen and not attributed"),
#undef ITEM
    {0},
};

uint64_t loss_value(const struct loss_budget *loss, const struct loss_item *item)
{
    uint64_t value;
    memcpy(&value, (const char *)loss + item->offset, sizeof(value));
    return value;
}

struct table *report_add_section(struct report *r, const char *name, const char *title)
{
    if (r->section_count == REPORT_SECTIONS_MAX)
        return NULL;
    struct table *t = &r->sections[r->section_count++];
    table_init(t, name, title);
    return t;
}

static bool reserve_note(struct report *r, size_t need)
{
    if (need <= r->note_size)
        return true;
    size_t size = need > 2 * r->note_size ? need : 2 * r->note_size;
    char *note = realloc(r->note, size);
    if (!note)
        return false;
    r->note = note;
    r->note_size = size;
    return true;
}

void report_note(struct report *r, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    if (len >= 0 &&
        reserve_note(r, r->note_len + (size_t)len + 1)) { // else it is left out: no memory
        vsnprintf(r->note + r->note_len, r->note_size - r->note_len, format, again);
        r->note_len += (size_t)len;
    }
    va_end(again);
    va_end(args);
}

const char *report_why_empty(const struct report *r)
{
    return r->why_empty ? r->why_empty : "no such events in the input";
}

void report_release(struct report *r)
{
    table_free(&r->rows);
    for (size_t i = 0; i < r->section_count; i++)
        table_free(&r->sections[i]);
    free(r->histogram.rows);
    r->histogram = (struct histogram){0};
    free(r->note);
    r->note = NULL;
    r->note_len = r->note_size = 0;
}
