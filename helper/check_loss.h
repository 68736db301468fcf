// SPDX-License-Identifier: Apache-2.0
//
// check_loss.h - `netvitals check loss`: whether the stream itself is complete.
#pragma once

#include "helper/session.h"

// Judges the loss budget: anything that is missing warns, or only a share of the events from
// --warn-loss on; a share from --crit-loss on is critical. A stream without end counts as missing
// unless options say live.
enum check_state check_loss(const struct session *s, struct check_result *result);
