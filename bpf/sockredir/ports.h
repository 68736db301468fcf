// SPDX-License-Identifier: Apache-2.0
//
// ports.h - "5432,8000-8100" as a set of ports.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "bpf/sockredir/redirect.h"

// Sets the bits of the listed ports; all of them for NULL. False if text is not such a list.
bool ports_parse(const char *text, uint64_t bits[PORT_WORDS]);
