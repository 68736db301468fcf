// SPDX-License-Identifier: Apache-2.0
//
// probe.h - `xdpacct probe -i IFACE`: counts everything for some seconds and tells which options
// fit what came.
#pragma once

#include "helper/cli.h"

extern const struct command probe_command;
