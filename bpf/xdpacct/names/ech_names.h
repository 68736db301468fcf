// SPDX-License-Identifier: Apache-2.0
//
// ech_names.h - names that stand in the clear in hellos whose real name is encrypted (RFC
// 9849, 6.1). Such a name says nothing of where the bytes go. Having the extension does not make a
// name one of these: most hellos carry it as GREASE beside their real name.
#pragma once

#include "bpf/xdpacct/names/host_name.h"

enum { ECH_NAMES_MAX = 64 };

// Those that are known beforehand, and the latest ones that DNS told of.
struct ech_names {
    unsigned count, next;
    struct host_name names[ECH_NAMES_MAX];
};

void ech_names__init(struct ech_names *e);
void ech_names__add(struct ech_names *e, const struct host_name *name);
bool ech_names__has(const struct ech_names *e, const struct host_name *name);
