// SPDX-License-Identifier: Apache-2.0
//
// stamp.h - host and seq of a line that goes into the store. What else stands in the line stays as
// it is, byte for byte: the schema need not know it.
#pragma once

#include "helper/store/identity.h"
#include "schema/events.h"

// Whether a line, known to be a JSON object, names its host.
bool stamp_has_host(struct text line);

// Whether it has a seq, or a host that says nothing (null): stamp_add() would give it a second one.
bool stamp_is_begun(struct text line);

// Writes the line with host and seq behind its own keys, and a newline. Returns the length; 0 if it
// does not fit.
size_t stamp_add(const struct identity *id, struct text line, uint64_t seq, char *out, size_t size);

// The same in place of the host, host_hex and seq that the line has.
size_t stamp_replace(const struct identity *id, struct text line, uint64_t seq, char *out,
                     size_t size);
