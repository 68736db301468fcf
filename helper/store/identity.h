// SPDX-License-Identifier: Apache-2.0
//
// identity.h - as whom a recorder writes into a store that others may write to as well.
#pragma once

#include "helper/store/segment_name.h"

enum { IDENTITY_HOST_MAX = 256 };

struct identity {
    char host[IDENTITY_HOST_MAX];           // as it stands in events
    char quoted[6 * IDENTITY_HOST_MAX + 3]; // the same as a JSON string
    char spelt[SEGMENT_HOST_MAX + 1];       // as it stands in names of segments
    uint32_t machine;
    uint64_t last; // position of the last line in its complete segments
};

// host NULL is this host's name, machine NULL the contents of /etc/machine-id. If dir holds
// segments of another machine that calls itself the same, the host becomes HOST#MACHINE, and stderr
// says so: the paths and cgroups of two hosts must not be added up as if they were one's. 0 or
// -errno.
int identity_find(struct identity *id, const char *dir, const char *host, const char *machine);
