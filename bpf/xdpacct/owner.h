// SPDX-License-Identifier: Apache-2.0
//
// owner.h - whose XDP program is on an interface.
#pragma once

#include "bpf/xdpacct/device.h"

// Fills what can be found out about program prog_id on the interface: its name, the link that holds
// it there, and the process that holds the link, or else the program, open.
void owner__find(struct xdp_owner *owner, unsigned ifindex, uint32_t prog_id);
