// SPDX-License-Identifier: Apache-2.0
//
// curl_library.h - libcurl, loaded when it is asked for. It comes with some thirty libraries, and
// to load those takes longer than a report of a hundred thousand lines, which has no use for them.
#pragma once

#include <curl/curl.h>
#include <stddef.h>

// The functions in use, as libcurl's header declares them.
#define CURL_FUNCTIONS(X)                                                                          \
    X(global_init)                                                                                 \
    X(easy_init)                                                                                   \
    X(easy_cleanup)                                                                                \
    X(easy_setopt)                                                                                 \
    X(easy_getinfo)                                                                                \
    X(easy_strerror)                                                                               \
    X(multi_init)                                                                                  \
    X(multi_cleanup)                                                                               \
    X(multi_add_handle)                                                                            \
    X(multi_remove_handle)                                                                         \
    X(multi_perform)                                                                               \
    X(multi_info_read)                                                                             \
    X(slist_append)                                                                                \
    X(slist_free_all)

struct curl_library {
#define MEMBER(function) __typeof__(curl_##function) *function;
    CURL_FUNCTIONS(MEMBER)
#undef MEMBER
};

// Loads it, once. NULL after a text in error.
const struct curl_library *curl_library(char *error, size_t error_size);
