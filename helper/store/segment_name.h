// SPDX-License-Identifier: Apache-2.0
//
// segment_name.h - the names of a store's files, which are its index:
//
//   20261122T070000Z-20261122T075959Z.web1.3f9a12cd.1-48211.v1.ndjson.zst
//   20261122T080000Z-open.web1.3f9a12cd.48212.v1.ndjson.zst.part             being written
//
// The time range of the events (UTC, whole seconds, both inclusive), the host, the machine, the
// positions of the first and the last line in that host's store, the version of the schema.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "schema/events.h"

enum { SEGMENT_HOST_MAX = 120, SEGMENT_NAME_MAX = 256 };

#define SEGMENT_OPEN UINT64_MAX // to_s of a segment that is being written

struct segment_name {
    uint64_t from_s, to_s;           // seconds since the Unix epoch
    char host[SEGMENT_HOST_MAX + 1]; // as segment_host_spell() spells it
    uint32_t machine;
    uint64_t first, last; // positions, from 1; last is 0 while the segment is open
    uint64_t schema;      // SCHEMA_VERSION of the writer
};

// Writes the name with its NUL.
void segment_name_format(const struct segment_name *name, char out[SEGMENT_NAME_MAX]);

// False if file is not the name of a segment.
bool segment_name_parse(const char *file, struct segment_name *out);

// The host as it stands in names: letters, digits, '-' and '_', dots between them; other bytes as
// %XX; cut at SEGMENT_HOST_MAX.
void segment_host_spell(struct text host, char out[SEGMENT_HOST_MAX + 1]);

// The second of a timestamp, kept within the years that a name can spell.
uint64_t segment_second(uint64_t ts_us);
