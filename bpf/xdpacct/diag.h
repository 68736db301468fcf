// SPDX-License-Identifier: Apache-2.0
//
// diag.h - `xdpacct diag -i IFACE`: what would stop an attach here, and the command that cures it.
#pragma once

#include "helper/cli.h"

extern const struct command diag_command;
