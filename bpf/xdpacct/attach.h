// SPDX-License-Identifier: Apache-2.0
//
// attach.h - puts the program on an interface by a link, which goes when this process goes, however
// it ends.
#pragma once

#include <stdbool.h>
#include "bpf/common/loader.h"
#include "bpf/xdpacct/causes.h"
#include "bpf/xdpacct/device.h"

enum xdp_mode { MODE_AUTO, MODE_NATIVE, MODE_GENERIC, MODE_OFFLOAD };

enum xdp_mode xdp_mode_of(const char *name);
const char *xdp_mode_name(enum xdp_mode mode);

struct attachment {
    int link_fd; // -1: not attached
    enum xdp_mode mode;
};

// Tries one mode. Returns 0, or the errno of the refusal (positive) with the kernel's words, if it
// had any, in text. Never replaces a program that is there.
int attach_try(struct attachment *a, const struct device *d, int prog_fd, enum xdp_mode mode,
               char text[CAUSE_TEXT_MAX]);

void attachment__close(struct attachment *a);
