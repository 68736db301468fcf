// SPDX-License-Identifier: Apache-2.0
//
// domain.h - the registrable domain of a host name, by the Public Suffix List (libpsl).
#pragma once

#include "schema/events.h"

// "www.example.co.uk" gives "example.co.uk", within host. A name that is a public suffix itself, or
// has a single label, is given back whole.
struct text domain_of(struct text host);
