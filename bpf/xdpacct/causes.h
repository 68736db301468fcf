// SPDX-License-Identifier: Apache-2.0
//
// causes.h - why an XDP program cannot be attached, and what to do about it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "bpf/xdpacct/device.h"

enum { CAUSE_TEXT_MAX = 768 };

// Explains a refusal: err as the kernel gave it (positive), text the words it gave with it ("" for
// none), native whether native mode was asked for. Writes "CAUSE; EVIDENCE; COMMAND" into out.
// Returns false if it is none of the known causes; out then says what is known all the same.
bool cause_of_refusal(const struct device *d, int err, const char *text, bool native,
                      char out[CAUSE_TEXT_MAX]);

// What would stop a native attach by what is known of the device, without trying. Returns false,
// and "" in out, if nothing is known to.
bool cause_foreseen(const struct device *d, char out[CAUSE_TEXT_MAX]);
