// SPDX-License-Identifier: Apache-2.0

#include "helper/export/http_server.h"
#include "helper/steady_clock.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 16, REQUEST_MAX = 8192, HEAD_MAX = 512, ADDRESS_MAX = 300 };
static const uint64_t patience_us = 10000000; // for a request, and for its answer to be taken

struct connection {
    int fd; // -1: free
    uint64_t until_us;
    char request[REQUEST_MAX];
    size_t got;
    char *answer; // NULL while the request is read
    size_t size, sent;
};

struct http_server {
    int fd;
    char address[ADDRESS_MAX];
    http_handler *handler;
    void *context;
    struct connection connections[CONNECTIONS_MAX];
};

// ---- listening

static bool split_address(const char *address, char host[256], char port[16])
{
    const char *colon = strrchr(address, ':');
    size_t len = colon ? (size_t)(colon - address) : 0;
    if (!colon || !colon[1] || strlen(colon + 1) >= 16 || len >= 256)
        return false;
    snprintf(port, 16, "%s", colon + 1);
    if (len >= 2 && address[0] == '[' && address[len - 1] == ']') {
        address++;
        len -= 2;
    } else if (memchr(address, ':', len)) {
        return false; // an IPv6 address without brackets
    }
    memcpy(host, address, len);
    host[len] = '\0';
    return true;
}

static int listen_on(const struct addrinfo *a)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int yes = 1;
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, CONNECTIONS_MAX) == 0)
        return fd;
    int err = errno;
    close(fd);
    errno = err;
    return -1;
}

static void name_address(struct http_server *s)
{
    struct sockaddr_storage sa = {0};
    socklen_t len = sizeof(sa);
    char host[256], port[16];
    if (getsockname(s->fd, (struct sockaddr *)&sa, &len) == 0 &&
        getnameinfo((struct sockaddr *)&sa, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        snprintf(s->address, sizeof(s->address), sa.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s",
                 host, port);
}

struct http_server *http_server_open(const char *address, http_handler *handler, void *context,
                                     char *error, size_t error_size)
{
    char host[256], port[16];
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *list = NULL;
    struct http_server *s = calloc(1, sizeof(*s));
    int rc = s && split_address(address, host, port)
                 ? getaddrinfo(host[0] ? host : NULL, port, &hints, &list)
                 : EAI_NONAME;
    if (s)
        s->fd = -1;
    for (const struct addrinfo *a = list; a && s && s->fd < 0; a = a->ai_next)
        s->fd = listen_on(a);
    if (!s || s->fd < 0) {
        if (rc != 0)
            snprintf(error, error_size,
                     "'%s' is no address; write 127.0.0.1:9657, [::1]:9657 or :9657", address);
        else
            snprintf(error, error_size, "cannot listen on %s: %s", address, strerror(errno));
        freeaddrinfo(list);
        free(s);
        return NULL;
    }
    freeaddrinfo(list);
    s->handler = handler;
    s->context = context;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        s->connections[i].fd = -1;
    name_address(s);
    return s;
}

static void drop(struct connection *c)
{
    close(c->fd);
    free(c->answer);
    c->fd = -1;
    c->answer = NULL;
    c->got = c->size = c->sent = 0;
}

void http_server_close(struct http_server *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (s->connections[i].fd >= 0)
            drop(&s->connections[i]);
    close(s->fd);
    free(s);
}

const char *http_server_address(const struct http_server *s)
{
    return s->address;
}

// ---- requests and answers

static const char *reason(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 431:
        return "Request Header Fields Too Large";
    default:
        return "Internal Server Error";
    }
}

static void answer(struct connection *c, const struct http_response *response, bool head_only)
{
    char head[HEAD_MAX];
    const char *type =
        response->content_type ? response->content_type : "text/plain; charset=utf-8";
    int len = snprintf(head, sizeof(head),
                       "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                       "Connection: close\r\n%s\r\n",
                       response->status, reason(response->status), type, response->body_size,
                       response->status == 405 ? "Allow: GET, HEAD\r\n" : "");
    size_t body = head_only ? 0 : response->body_size;
    c->answer = len > 0 && (size_t)len < sizeof(head) ? malloc((size_t)len + body) : NULL;
    if (!c->answer) {
        drop(c);
        return;
    }
    memcpy(c->answer, head, (size_t)len);
    if (body)
        memcpy(c->answer + len, response->body, body);
    c->size = (size_t)len + body;
}

static void refuse(struct connection *c, int status)
{
    const struct http_response response = {.status = status};
    answer(c, &response, false);
}

// The value of a header in a request whose lines were cut; "" where it is not.
static const char *header(char *const *lines, size_t count, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 1; i < count; i++)
        if (strncasecmp(lines[i], name, len) == 0 && lines[i][len] == ':')
            return lines[i] + len + 1 + strspn(lines[i] + len + 1, " \t");
    return "";
}

static size_t cut_lines(char *request, char **lines, size_t max)
{
    size_t count = 0;
    for (char *at = request; count < max && *at;) {
        lines[count++] = at;
        char *end = strstr(at, "\r\n");
        if (!end)
            break;
        *end = '\0';
        at = end + 2;
    }
    return count;
}

static void take_request(struct http_server *s, struct connection *c)
{
    char *lines[64];
    size_t count = cut_lines(c->request, lines, sizeof(lines) / sizeof(*lines));
    char method[8], path[1024], version[16];
    if (count == 0 || sscanf(lines[0], "%7s %1023s %15s", method, path, version) != 3 ||
        strncmp(version, "HTTP/1.", 7) != 0) {
        refuse(c, 400);
        return;
    }
    bool head = strcmp(method, "HEAD") == 0;
    if (!head && strcmp(method, "GET") != 0) {
        refuse(c, 405);
        return;
    }
    path[strcspn(path, "?")] = '\0';
    const struct http_request request = {head, path, header(lines, count, "Accept")};
    struct http_response response = {0};
    s->handler(s->context, &request, &response);
    if (response.status == 0)
        response.status = 500;
    answer(c, &response, head);
    free(response.body);
}

// ---- the connections

// A free place; else that of the oldest connection that has not sent a whole request; else NULL.
static struct connection *find_place(struct http_server *s)
{
    struct connection *oldest = NULL;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *c = &s->connections[i];
        if (c->fd < 0)
            return c;
        if (!c->answer && (!oldest || c->until_us < oldest->until_us))
            oldest = c;
    }
    if (oldest)
        drop(oldest);
    return oldest;
}

static void accept_one(struct http_server *s)
{
    struct connection *c = find_place(s);
    if (!c)
        return;
    c->fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    c->until_us = steady_now_us() + patience_us;
}

static void read_some(struct http_server *s, struct connection *c)
{
    ssize_t got = read(c->fd, c->request + c->got, sizeof(c->request) - 1 - c->got);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        drop(c);
        return;
    }
    c->got += (size_t)got;
    c->request[c->got] = '\0';
    if (memchr(c->request, '\0', c->got))
        refuse(c, 400);
    else if (strstr(c->request, "\r\n\r\n"))
        take_request(s, c);
    else if (c->got == sizeof(c->request) - 1)
        refuse(c, 431);
}

static void write_some(struct connection *c)
{
    ssize_t put = send(c->fd, c->answer + c->sent, c->size - c->sent, MSG_NOSIGNAL);
    if (put < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (put > 0)
        c->sent += (size_t)put;
    if (put < 0 || c->sent == c->size) {
        shutdown(c->fd, SHUT_WR);
        drop(c);
    }
}

size_t http_server_poll(struct http_server *s, struct pollfd *out, size_t max)
{
    uint64_t now_us = steady_now_us();
    size_t count = 0, answering = 0;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *c = &s->connections[i];
        if (c->fd >= 0 && now_us > c->until_us)
            drop(c);
        if (c->fd < 0)
            continue;
        answering += c->answer != NULL;
        if (count < max)
            out[count++] = (struct pollfd){.fd = c->fd, .events = c->answer ? POLLOUT : POLLIN};
    }
    if (answering < CONNECTIONS_MAX && count < max) // else the backlog waits
        out[count++] = (struct pollfd){.fd = s->fd, .events = POLLIN};
    return count;
}

void http_server_ready(struct http_server *s, const struct pollfd *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!fds[i].revents)
            continue;
        if (fds[i].fd == s->fd) {
            accept_one(s);
            continue;
        }
        for (size_t k = 0; k < CONNECTIONS_MAX; k++) {
            struct connection *c = &s->connections[k];
            if (c->fd != fds[i].fd)
                continue;
            if (c->answer)
                write_some(c);
            else
                read_some(s, c);
            break;
        }
    }
}
