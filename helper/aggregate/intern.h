// SPDX-License-Identifier: Apache-2.0
//
// intern.h - texts as small numbers, so that keys of fixed size can hold host names and paths.
#pragma once

#include <stdint.h>
#include "schema/events.h"

struct intern;

// Number 0 is the absent text. At most max texts are kept; beyond it intern_id gives INTERN_OTHER.
enum { INTERN_NONE = 0, INTERN_OTHER = 1 };

struct intern *intern_new(uint32_t max);
void intern_free(struct intern *in);

// The number of text, the same for equal bytes. Copies what it has not seen.
uint32_t intern_id(struct intern *in, struct text text);

// The same, but a text that was not seen yet is only kept while there are fewer than `most`.
uint32_t intern_id_below(struct intern *in, struct text text, uint32_t most);

// The text of a number; it lives as long as in. Absent for INTERN_NONE, "other" for INTERN_OTHER.
struct text intern_text(const struct intern *in, uint32_t id);
