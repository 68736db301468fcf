// SPDX-License-Identifier: Apache-2.0
//
// naming.h - `--names`: takes the copies that the XDP program makes of DNS answers and hellos, and
// puts names on `flow` events. All functions but naming__open take NULL for names off.
#pragma once

#include "bpf/common/writer.h"
#include "bpf/xdpacct/config.h"
#include "bpf/xdpacct/events.h"
#include "bpf/xdpacct/program.h"

struct naming;

// Makes what settings->names asks for; *out is NULL for off. Names of as many flows as
// config->max_flows are remembered. Only answers from `resolvers` are believed, all if there are
// none. `resolvers`, a and w stay the caller's and must outlive it. Call
// it before privileges are dropped. EXIT_OK, or an exit code after a message.
int naming__open(struct naming **out, const struct loader *l, struct acct *a,
                 const struct config *config, const struct settings *settings,
                 const struct prefix_set *resolvers, struct writer *w);
void naming__free(struct naming *n);

// A file that becomes readable when copies are there; -1 for names off.
int naming__fd(const struct naming *n);

// Takes the copies that are there, and writes a `name` event for each name that is new. Call it
// often, and between a drain and the writing of its flows.
void naming__take(struct naming *n);

// Sets the name of the flow on its event, and writes a `reclass` event if the flow was reported
// before under another one. The event's texts are valid until the next call.
void naming__flow(struct naming *n, const struct stamp *stamp, const struct flow_entry *flow,
                  struct event *ev);

// What names were made from in this interval, and what was missed: `names_totals`, `lost`.
void naming__totals(struct naming *n, const struct stamp *stamp);
