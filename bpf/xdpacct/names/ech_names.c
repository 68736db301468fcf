// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/names/ech_names.h"

#include <string.h>

static const char *const known[] = {"cloudflare-ech.com"};

enum { KNOWN_COUNT = sizeof(known) / sizeof(known[0]) };

void ech_names__init(struct ech_names *e)
{
    for (unsigned i = 0; i < KNOWN_COUNT; i++)
        host_name_set(&e->names[i], (const uint8_t *)known[i], strlen(known[i]));
    e->count = e->next = KNOWN_COUNT;
}

bool ech_names__has(const struct ech_names *e, const struct host_name *name)
{
    for (unsigned i = 0; i < e->count; i++)
        if (host_name_equal(&e->names[i], name))
            return true;
    return false;
}

void ech_names__add(struct ech_names *e, const struct host_name *name)
{
    if (name->len == 0 || ech_names__has(e, name))
        return;
    e->names[e->next] = *name;
    if (e->count < ECH_NAMES_MAX)
        e->count++;
    e->next = e->next + 1 < ECH_NAMES_MAX ? e->next + 1 : KNOWN_COUNT;
}
