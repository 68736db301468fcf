// SPDX-License-Identifier: Apache-2.0

#include "helper/report/format.h"
#include "helper/report/render.h"

#include <string.h>

const struct format formats[] = {
#define FORMAT(name, plots, help)    {#name, help, plots, render_##name},
#define FORMAT_OF_EVENTS(name, help) {#name, help, false, NULL},
#include "helper/report/formats.def"
    {0},
};

const char *const format_names[] = {
#define FORMAT(name, plots, help)    #name,
#define FORMAT_OF_EVENTS(name, help) #name,
#include "helper/report/formats.def"
    NULL,
};

const struct format *format_find(const char *name)
{
    for (const struct format *f = formats; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}
