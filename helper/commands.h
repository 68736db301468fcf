// SPDX-License-Identifier: Apache-2.0
//
// commands.h - the commands of netvitals, one a file cmd_NAME.c.
#pragma once

#include "helper/cli.h"

extern const struct command command_push;
extern const struct command command_report;
extern const struct command command_check;
extern const struct command command_doctor;
extern const struct command command_lint;
extern const struct command command_record;
extern const struct command command_schema;
extern const struct command command_serve;
