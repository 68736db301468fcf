// SPDX-License-Identifier: Apache-2.0
//
// exit_codes.h - what every program of netvitals exits with. `netvitals check` alone keeps the
// monitoring-plugin codes (0 ok, 1 warning, 2 critical, 3 unknown).
#pragma once

enum exit_code {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_BAD_INPUT = 3, // --strict
    EXIT_CANNOT = 4,    // this kernel or these privileges cannot
    EXIT_LOST = 5,      // --fail-on-loss
};
