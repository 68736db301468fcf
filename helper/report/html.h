// SPDX-License-Identifier: Apache-2.0
//
// html.h - the parts of the HTML page. Private to html*.c and chart*.c.
#pragma once

#include "helper/report/format.h"

extern const char html_style[]; // the page's style sheet

// Text where HTML stands, or in an attribute within double quotes.
void html_text(FILE *out, struct text text);

// Its first characters, with an ellipsis where some are left out.
void html_text_cut(FILE *out, struct text text, size_t characters);

// A word of a verdict as a class that the style sheet colours: "good", "warn", "bad" or "plain".
const char *html_word_class(struct text word);
