// SPDX-License-Identifier: Apache-2.0
//
// rtt_assocs.h - what the kernel says of its associations (/proc/net/sctp/assocs and remaddr), to
// be held against what the heartbeats say.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "schema/ip.h"

enum { ASSOC_ADDRESSES_MAX = 32 };

struct assoc {
    uint64_t assoc_id;
    uint16_t lport, rport;
    int state; // 3 is ESTABLISHED (enum sctp_state, include/net/sctp/constants.h)
    size_t address_count;
    struct ip_addr addresses[ASSOC_ADDRESSES_MAX]; // the peer's
};

struct assoc_list {
    struct assoc *items;
    size_t count;
};

enum { ASSOC_ERROR_MAX = 256 };

// Reads a file with the text of /proc/net/sctp/assocs; "" is this host's. Addresses that only the
// remaddr file beside it has are added. Free with assoc_list_free; false: nothing is to be freed,
// and error is the reason.
bool assoc_list_read(const char *path, struct assoc_list *out, char error[ASSOC_ERROR_MAX]);
void assoc_list_free(struct assoc_list *list);

const struct assoc *assoc_list_find(const struct assoc_list *list, uint64_t assoc_id);

// "ESTABLISHED", "SHUTDOWN_SENT", …
const char *assoc_state_name(int state);
enum { ASSOC_ESTABLISHED = 3 };
