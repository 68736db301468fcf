// SPDX-License-Identifier: Apache-2.0
//
// sender_http.c - a POST for each batch, in order, over one connection. What fails for a time (no
// connection, 429, 502, 503, 504) is tried again, later each time; another answer than 2xx is
// final.

#include "helper/export/curl_library.h"
#include "helper/export/sender.h"
#include "helper/steady_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAITING_MAX = 16 << 20, TIMEOUT_S = 10 };
static const uint64_t first_delay_us = 500000, last_delay_us = 60000000;

struct batch {
    struct batch *next;
    size_t size;
    char bytes[];
};

struct http_sender {
    const struct curl_library *curl;
    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers;
    struct batch *first, **last; // the first is under way if busy
    size_t waiting;              // bytes
    bool busy;
    uint64_t delay_us, retry_us; // when to try again
    struct sender_counts counts;
    char why[CURL_ERROR_SIZE];
};

// The answer's body is of no use; what went wrong is in its status. The type is libcurl's.
// NOLINTNEXTLINE(readability-non-const-parameter)
static size_t drop_body(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes, (void)context;
    return size * count;
}

static void http_close(void *self)
{
    struct http_sender *s = self;
    if (s->busy)
        s->curl->multi_remove_handle(s->multi, s->easy);
    s->curl->easy_cleanup(s->easy);
    s->curl->multi_cleanup(s->multi);
    s->curl->slist_free_all(s->headers);
    while (s->first) {
        struct batch *next = s->first->next;
        free(s->first);
        s->first = next;
    }
    free(s);
}

static void *http_open(const char *to, const struct opt_list *headers, char *error,
                       size_t error_size)
{
    if (strncmp(to, "http://", 7) != 0 && strncmp(to, "https://", 8) != 0) {
        snprintf(error, error_size, "cannot send to %s: write http://… or https://…", to);
        return NULL;
    }
    const struct curl_library *curl = curl_library(error, error_size);
    struct http_sender *s = curl ? calloc(1, sizeof(*s)) : NULL;
    if (!s)
        return NULL;
    s->curl = curl;
    s->last = &s->first;
    s->delay_us = first_delay_us;
    s->multi = curl->multi_init();
    s->easy = curl->easy_init();
    for (size_t i = 0; i < headers->count; i++)
        s->headers = curl->slist_append(s->headers, headers->items[i]);
    s->headers = curl->slist_append(s->headers, "Expect:"); // do not wait for 100 Continue
    if (!s->multi || !s->easy) {
        http_close(s);
        return NULL;
    }
    curl->easy_setopt(s->easy, CURLOPT_URL, to);
    curl->easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->headers);
    curl->easy_setopt(s->easy, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
    curl->easy_setopt(s->easy, CURLOPT_NOSIGNAL, 1L);
    curl->easy_setopt(s->easy, CURLOPT_ERRORBUFFER, s->why);
    curl->easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, drop_body);
    curl->easy_setopt(s->easy, CURLOPT_USERAGENT, "netvitals/" NETVITALS_VERSION);
    return s;
}

// Takes the batch that *link points at out of the queue.
static void drop_at(struct http_sender *s, struct batch **link)
{
    struct batch *b = *link;
    if (!b)
        return;
    *link = b->next;
    if (!*link)
        s->last = link;
    s->waiting -= b->size;
    free(b);
}

static void http_send(void *self, const char *bytes, size_t size)
{
    struct http_sender *s = self;
    struct batch *b = malloc(sizeof(*b) + size);
    // the oldest goes first, but not the one that is under way: libcurl reads its bytes. One that
    // has no room beside that drives nothing out.
    struct batch **oldest = s->busy ? &s->first->next : &s->first;
    size_t kept = s->busy ? s->first->size : 0;
    while (b && kept + size <= WAITING_MAX && s->waiting + size > WAITING_MAX && *oldest) {
        drop_at(s, oldest);
        s->counts.dropped++;
    }
    if (!b || s->waiting + size > WAITING_MAX) {
        s->counts.dropped++;
        free(b);
        return;
    }
    b->next = NULL;
    b->size = size;
    memcpy(b->bytes, bytes, size);
    *s->last = b;
    s->last = &b->next;
    s->waiting += size;
}

static void start_first(struct http_sender *s)
{
    s->why[0] = '\0';
    s->curl->easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)s->first->size);
    s->curl->easy_setopt(s->easy, CURLOPT_POSTFIELDS, &s->first->bytes[0]);
    s->busy = s->curl->multi_add_handle(s->multi, s->easy) == CURLM_OK;
}

static bool is_temporary(CURLcode code, long status)
{
    if (code == CURLE_OK)
        return status == 429 || status == 502 || status == 503 || status == 504;
    return code != CURLE_URL_MALFORMAT && code != CURLE_UNSUPPORTED_PROTOCOL;
}

static void finish_first(struct http_sender *s, CURLcode code)
{
    long status = 0;
    s->curl->easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
    s->curl->multi_remove_handle(s->multi, s->easy);
    s->busy = false;
    if (code == CURLE_OK && status >= 200 && status < 300) {
        s->counts.sent++;
        s->delay_us = first_delay_us;
        drop_at(s, &s->first);
        return;
    }
    if (code == CURLE_OK)
        snprintf(s->counts.error, sizeof(s->counts.error), "the server answered %ld", status);
    else
        snprintf(s->counts.error, sizeof(s->counts.error), "%s",
                 s->why[0] ? s->why : s->curl->easy_strerror(code));
    if (is_temporary(code, status)) {
        s->retry_us = steady_now_us() + s->delay_us;
        s->delay_us = s->delay_us * 2 < last_delay_us ? s->delay_us * 2 : last_delay_us;
        return;
    }
    s->counts.dropped++;
    drop_at(s, &s->first);
}

static bool http_work(void *self)
{
    struct http_sender *s = self;
    int running, left;
    CURLMsg *message;
    if (!s->busy && s->first && steady_now_us() >= s->retry_us)
        start_first(s);
    s->curl->multi_perform(s->multi, &running);
    while ((message = s->curl->multi_info_read(s->multi, &left)))
        if (message->msg == CURLMSG_DONE) {
            finish_first(s, message->data.result);
            break; // there is one at a time, and the message is gone with its handle
        }
    return !s->first;
}

static const struct sender_counts *http_counts(const void *self)
{
    const struct http_sender *s = self;
    return &s->counts;
}

const struct sender sender_http = {
    .open = http_open,
    .send = http_send,
    .work = http_work,
    .counts = http_counts,
    .close = http_close,
};
