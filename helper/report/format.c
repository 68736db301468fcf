// SPDX-License-Identifier: Apache-2.0

#include "helper/report/format.h"
#include "helper/report/render.h"

#include <string.h>

const struct format formats[] = {
    {"text", "aligned table for people", render_text},
    {"json", "one object", render_json},
    {"csv", "RFC 4180", render_csv},
    {0},
};

const char *const format_names[] = {"text", "json", "ndjson", "csv", NULL};

const struct format *format_find(const char *name)
{
    for (const struct format *f = formats; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}
