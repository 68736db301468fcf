// SPDX-License-Identifier: Apache-2.0
//
// tunnel_ids.h - the ids of --tunnel-id: VNIs of VXLAN and GENEVE, keys of GRE, sessions of ERSPAN.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include "helper/cli.h"

struct tunnel_ids {
    uint32_t *items;
    size_t count; // 0: the option was not given
};

// Reads the items, each a comma list of numbers, decimal or 0x… EXIT_OK, EXIT_USAGE after a
// message, or EXIT_FAILED without memory. The caller frees with tunnel_ids__free.
int tunnel_ids__parse(const struct program *program, const struct opt_list *list,
                      struct tunnel_ids *out);
void tunnel_ids__free(struct tunnel_ids *ids);
