// SPDX-License-Identifier: Apache-2.0
//
// tools.c - which tool needs what. What a script or loader itself says in REQUIRES, as bits.

#include "helper/doctor/doctor.h"

#include <stddef.h>

#define BIT(need)  (UINT32_C(1) << NEED_##need)
#define PRIVILEGED (BIT(kernel) | BIT(privileges) | BIT(namespace) | BIT(bpf))
#define SCRIPT     (PRIVILEGED | BIT(bpftrace) | BIT(btf) | BIT(tracefs) | BIT(lockdown) | BIT(memlock))

const struct tool doctor_tools[] = {
    {"sctphb", "SCTP heartbeats", SCRIPT | BIT(kprobes) | BIT(sctp) | BIT(sctp_btf)},
    {"sctppath", "SCTP paths and associations", SCRIPT | BIT(kprobes) | BIT(sctp) | BIT(sctp_btf)},
    {"cgroup", "cgroup scripts: cgtree, cgevents, cgcpu, cgnet, …", SCRIPT | BIT(cgroups)},
    {"xdpacct", "traffic accounting", PRIVILEGED | BIT(memlock) | BIT(xdp)},
    {"sockredir", "redirect of local TCP",
     PRIVILEGED | BIT(memlock) | BIT(cgroup_v2) | BIT(sockmap)},
    {0},
};
