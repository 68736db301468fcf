// SPDX-License-Identifier: Apache-2.0
//
// live.h - `xdpacct -i IFACE`: attach, give up privileges, print what was counted until told to
// stop.
#pragma once

#include "bpf/common/loader.h"
#include "bpf/xdpacct/attach.h"
#include "bpf/xdpacct/config.h"
#include "bpf/xdpacct/program.h"

// Loads the program and attaches it as config says, falling back as it allows. d is the interface.
// EXIT_OK, or an exit code after a message that tells cause, evidence and cure.
int live_attach(const struct loader *l, const struct config *config, struct settings *settings,
                const struct prefix_sets *sets, const struct device *d, struct acct *a,
                struct attachment *at);

// Once attached: reads and writes open maps and files, and nothing else any more. EXIT_OK, or an
// exit code after a message.
int live_give_up_privileges(const struct loader *l);

// All of it. Returns an exit code.
int live_run(const struct loader *l, const struct config *config, struct settings *settings,
             const struct prefix_sets *sets);
