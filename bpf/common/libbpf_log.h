// SPDX-License-Identifier: Apache-2.0
//
// libbpf_log.h - keeps what libbpf says instead of printing it, so that a failure message can quote
// the reason and a success prints nothing. NETVITALS_LIBBPF_LOG=1 in the environment prints all of
// it, debug lines and the verifier's log included, to stderr as well.
#pragma once

// Installs the callback and turns on libbpf's behaviour that needs no rlimit (memcg
// accounting, 5.11).
void libbpf_log_capture(void);

// The reason for the last failure, one line without newline, as libbpf or the kernel gave it: the
// kernel's own message (extack) if there is one, else the verifier's complaint, else libbpf's first
// warning. "" if libbpf said nothing. Valid until the next call into libbpf.
const char *libbpf_log_reason(void);

// Forgets what was said. Call it before an attempt that may be repeated in another way.
void libbpf_log_clear(void);
