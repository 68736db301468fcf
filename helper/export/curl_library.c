// SPDX-License-Identifier: Apache-2.0

#include "helper/export/curl_library.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LIBRARY "libcurl.so.4" // its interface has had this number since 2006

// dlsym() gives a pointer to data, which ISO C does not let be one to a function: POSIX does.
static bool find(void *library, const char *name, void *function)
{
    void *found = dlsym(library, name);
    memcpy(function, &found, sizeof(found));
    return found != NULL;
}

const struct curl_library *curl_library(char *error, size_t error_size)
{
    static struct curl_library curl;
    static bool loaded;
    if (loaded)
        return &curl;
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    loaded = library != NULL;
#define FIND(function) loaded = loaded && find(library, "curl_" #function, &curl.function);
    CURL_FUNCTIONS(FIND)
#undef FIND
    if (loaded && curl.global_init(CURL_GLOBAL_DEFAULT) == 0)
        return &curl;
    const char *why = loaded ? NULL : dlerror();
    loaded = false;
    snprintf(error, error_size, "HTTP needs libcurl: %s", why ? why : "it does not start");
    return NULL;
}
