// SPDX-License-Identifier: Apache-2.0
//
// http_server.h - the little of HTTP/1.1 that a metrics endpoint takes: GET and HEAD, one answer a
// connection. Bounded in connections, in the size of requests, and in time; it never blocks.
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_request {
    bool head;          // HEAD: only the headers are wanted
    const char *path;   // without the query
    const char *accept; // value of the Accept header, or ""
};

struct http_response {
    int status; // 200, 404, 500
    const char *content_type;
    char *body; // from malloc; the server frees it
    size_t body_size;
};

// Fills an answer; status 0 becomes 500.
typedef void http_handler(void *context, const struct http_request *request,
                          struct http_response *response);

struct http_server;

// Listens on "HOST:PORT", "[V6]:PORT", or ":PORT" for all addresses. NULL after a text in error
// that says why.
struct http_server *http_server_open(const char *address, http_handler *handler, void *context,
                                     char *error, size_t error_size);
void http_server_close(struct http_server *s);

// "127.0.0.1:9657": where it listens, the port that the kernel chose included.
const char *http_server_address(const struct http_server *s);

// For poll(): at most max descriptors, the number returned. Ends connections whose time is over.
size_t http_server_poll(struct http_server *s, struct pollfd *out, size_t max);

// What poll() said of them.
void http_server_ready(struct http_server *s, const struct pollfd *fds, size_t count);
