// SPDX-License-Identifier: Apache-2.0

#include "bpf/sockredir/ports.h"

#include <string.h>

// Reads digits at *at; false without one, or above 65535.
static bool number(const char **at, unsigned *out)
{
    unsigned value = 0;
    const char *start = *at;
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        value = value * 10 + (unsigned)(**at - '0');
        if (value > 65535)
            return false;
    }
    *out = value;
    return *at != start;
}

bool ports_parse(const char *text, uint64_t bits[PORT_WORDS])
{
    memset(bits, text ? 0 : 0xff, PORT_WORDS * sizeof(*bits));
    if (!text)
        return true;
    do {
        unsigned first, last;
        if (!number(&text, &first))
            return false;
        last = first;
        if (*text == '-') {
            text++;
            if (!number(&text, &last) || last < first)
                return false;
        }
        for (unsigned port = first; port <= last; port++)
            bits[port / 64] |= UINT64_C(1) << port % 64;
    } while (*text++ == ',');
    return text[-1] == '\0';
}
