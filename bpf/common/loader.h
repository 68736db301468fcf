// SPDX-License-Identifier: Apache-2.0
//
// loader.h - the start-up order that every loader keeps, and how it fails.
//
//   loader_start      capture libbpf's log, ignore SIGPIPE, turn SIGINT and SIGTERM into a file
//   loader_require    capabilities and kernel type information are there, or exit 4 and one line
//   open, configure, load, attach: the loader's own; loader_fail says what went wrong
//   privileges_drop   keep what the main loop needs (privileges.h)
//   writer_begin, writer_ready (writer.h)
//   poll              over signal_fd and timers (interval.h) until a signal comes
//   writer_end, detach, writer_close
#pragma once

#include <stdbool.h>
#include <sys/capability.h>
#include "helper/cli.h"

struct loader {
    const struct program *program;
    int signal_fd; // readable when SIGINT or SIGTERM came
};

// Returns 0 or -errno (the message is printed). Call loader_finish at the end.
int loader_start(struct loader *l, const struct program *program);
void loader_finish(struct loader *l);

// The next signal that asks to stop, or 0. Does not block.
int loader_signal(const struct loader *l);

// Name of a stop signal for `end` events: "SIGINT", "SIGTERM".
const char *loader_signal_name(int signal);

struct loader_needs {
    const cap_value_t *caps; // effective; CAP_SYS_ADMIN stands in for CAP_BPF and CAP_PERFMON
    unsigned cap_count;
    bool btf; // /sys/kernel/btf/vmlinux
};

// EXIT_OK, or EXIT_CANNOT after one line that names what is missing and its cure.
int loader_require(const struct loader *l, const struct loader_needs *needs);

// Prints "NAME: cannot WHAT: REASON", REASON being libbpf's or the kernel's words where there are
// any, else the text of err (a positive or negative errno), and a cure where err has a known one.
// Returns EXIT_CANNOT for an err that says that this kernel or these privileges cannot, else
// EXIT_FAILED.
int loader_fail(const struct loader *l, int err, const char *what, ...)
    __attribute__((format(printf, 3, 4)));
