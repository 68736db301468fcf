// SPDX-License-Identifier: Apache-2.0
//
// render.h - the renderers that formats.def names, one a file.
#pragma once

#include "helper/report/format.h"

#define FORMAT(name, plots, help)                                                                  \
    void render_##name(FILE *out, const struct report *const *reports, size_t count,               \
                       const struct render_options *options);
#define FORMAT_OF_EVENTS(name, help)
#include "helper/report/formats.def"
