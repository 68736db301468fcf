// SPDX-License-Identifier: Apache-2.0
//
// input_divide.h - reading with several threads: each has a session of its own,
// the first the caller's, and the others are merged into that at the end.
#pragma once

#include "helper/input.h"
#include "helper/progress.h"
#include "helper/store/store_paths.h"

// Cuts plain files into parts between two lines, compressed ones not, and reads the parts with
// options->jobs threads. Returns an exit code. The line numbers of malformed lines count from the
// start of their part, which the message names.
int input_divide(const struct input *in, const struct store_paths *paths,
                 struct progress *progress);
