// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/names/dns_stream.h"

#include <string.h>

static size_t message_size(const struct dns_stream *s)
{
    return 2 + ((size_t)s->data[0] << 8 | s->data[1]);
}

bool dns_stream__add(struct dns_stream *s, uint32_t seq, const uint8_t *bytes, size_t len,
                     size_t full_len,
                     void (*message)(void *context, const uint8_t *bytes, size_t len),
                     void *context)
{
    if (!s->begun) {
        s->begun = true;
        s->next_seq = seq;
    }
    uint32_t again = s->next_seq - seq; // bytes of the segment that came before
    if (!s->broken && (int32_t)again < 0)
        s->broken = true;
    if (s->broken)
        return false;
    if (again >= len)
        return true;
    bool cut = len < full_len;
    bytes += again;
    len -= again;
    s->next_seq += (uint32_t)len;
    while (len > 0) {
        size_t want = s->have < 2 ? 2 : message_size(s);
        size_t take = want - s->have < len ? want - s->have : len;
        memcpy(s->data + s->have, bytes, take);
        s->have += (uint32_t)take;
        bytes += take;
        len -= take;
        if (s->have >= 2 && s->have == message_size(s)) {
            message(context, s->data + 2, s->have - 2);
            s->have = 0;
        }
    }
    if (cut) {
        s->broken = true;
        if (s->have > 2)
            message(context, s->data + 2, s->have - 2);
    }
    return !s->broken;
}
