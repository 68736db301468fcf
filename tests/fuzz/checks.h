// SPDX-License-Identifier: Apache-2.0
//
// checks.h - what must hold for every name that a parser gives out.
#pragma once

#include <stdlib.h>
#include "bpf/xdpacct/names/host_name.h"

static inline void check(bool holds)
{
    if (!holds)
        abort();
}

// A name is what host_name_set would make of it again: its characters, labels and length are sound.
static inline void check_name(const struct host_name *name)
{
    struct host_name again;
    check(host_name_set(&again, (const uint8_t *)name->text, name->len));
    check(host_name_equal(name, &again));
}

// What every look at a hello must hold to: a name is found or it is not.
static inline void check_hello(enum name_status status, const struct hello *hello)
{
    check(status == NAME_FOUND ? hello->name.len > 0 : true);
    check(status == NAME_NONE || status == NAME_OTHER ? hello->name.len == 0 : true);
    if (hello->name.len > 0)
        check_name(&hello->name);
}

// The start of a TCP stream, whole and half of it: the answer for the whole never contradicts the
// answer for a part.
static inline void check_stream(enum name_status (*look)(const uint8_t *bytes, size_t len,
                                                         struct hello *out),
                                const uint8_t *data, size_t size)
{
    struct hello whole, part;
    enum name_status status = look(data, size, &whole);
    check_hello(status, &whole);
    enum name_status before = look(data, size / 2, &part);
    check_hello(before, &part);
    if (before == NAME_FOUND)
        check(status == NAME_FOUND && host_name_equal(&whole.name, &part.name));
    if (before == NAME_OTHER)
        check(status == NAME_OTHER);
}
