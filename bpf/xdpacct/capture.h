// SPDX-License-Identifier: Apache-2.0
//
// capture.h - `xdpacct --read`: runs the XDP program over a capture file, packet by packet, by
// BPF_PROG_TEST_RUN.
//
// The time is the capture's: intervals, timestamps and the age of fragments follow the packets, so
// that reading a file again gives the same events.
#pragma once

#include "bpf/common/writer.h"
#include "bpf/xdpacct/config.h"
#include "bpf/xdpacct/naming.h"
#include "bpf/xdpacct/program.h"

// Reads config->read to its end or to a signal. Returns an exit code, after a message for all but
// EXIT_OK.
int capture_run(struct acct *a, const struct loader *l, const struct config *config,
                struct writer *w, struct naming *names);
