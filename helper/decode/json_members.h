// SPDX-License-Identifier: Apache-2.0
//
// json_members.h - the keys of a line that is known to be a JSON object, as they are spelled there:
// for whoever hands a line on and may change some of it only.
#pragma once

#include <stdbool.h>
#include "schema/events.h"

// Where the next key is looked for; begin with the whole line in rest.
struct json_members {
    struct text rest;
    bool began, ended; // ended: the object's closing brace was reached
};

struct json_member {
    struct text key;   // with its quotes
    struct text value; // without the space around it
    struct text whole; // from the key to the end of the value
};

// The next key of the object, those within its values aside. False at the end, and where the line
// is no object or is cut short: ended tells the two apart. Never looks behind the line.
bool json_members_next(struct json_members *m, struct json_member *out);

// Whether a string, with its quotes, stands for a word of plain ASCII. Escapes count: a parser sees
// through them.
bool json_string_is(struct text quoted, const char *word);
