// SPDX-License-Identifier: Apache-2.0
//
// rules_words.h - single words of a rule file. Private to rules_*.c. Each reads the whole word or
// returns false.
#pragma once

#include "helper/rules/rules_data.h"

// "udp/443", "tcp/5000-5100", "icmp/0"
bool rules_word_port(struct text word, struct port_range *out);
// "38631", "AS38631"
bool rules_word_asn(struct text word, uint32_t *out);
// "mon", "mon-fri", "sat,sun"
bool rules_word_days(struct text word, uint8_t *days);
// "22:00-06:00"
bool rules_word_clock(struct text word, struct time_window *out);
// "+09:00", "-03:30", "Z": seconds east of UTC
bool rules_word_zone(struct text word, int32_t *out);

// All lines of a rule file into rules. False with the message in error.
bool rules_parse_lines(struct rules *rules, const char *path, const char *text, size_t len,
                       char *error);
