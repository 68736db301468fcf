// SPDX-License-Identifier: Apache-2.0
//
// render.h - the renderers that formats[] names, one a file.
#pragma once

#include "helper/report/format.h"

void render_text(FILE *out, const struct report *const *reports, size_t count,
                 const struct render_options *options);
void render_json(FILE *out, const struct report *const *reports, size_t count,
                 const struct render_options *options);
void render_csv(FILE *out, const struct report *const *reports, size_t count,
                const struct render_options *options);
