// SPDX-License-Identifier: Apache-2.0
//
// json_check.h - the spelling of a JSON line, checked before json-c sees it.
//
// json-c, even in its strict mode, takes single quotes, NaN, raw control bytes, overlong UTF-8 and
// what follows a NUL, makes 18446744073709551615 of every larger number, and cuts keys at \u0000
// (seen with 0.16); without that mode it takes a comma before a closing bracket as well. None of
// that may decide what an event says, and it differs between versions.
#pragma once

#include <stddef.h>

// Checks len bytes at text. NULL if every string, number and word is spelled by RFC 8259, and all
// of it is UTF-8, and no comma stands before a closing bracket; else what is wrong. Other braces,
// commas and nesting are json-c's business. An object whose key `type` stands there twice is wrong
// as well: a producer that prints a name as it is would let the name say what the event is.
//
// Integers that 64 bits cannot hold are rewritten in place, same length, as floating-point numbers
// of that size, so that json-c keeps them apart from 18446744073709551615.
const char *json_check(char *text, size_t len);
