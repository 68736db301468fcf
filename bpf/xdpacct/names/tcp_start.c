// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/names/tcp_start.h"

#include <string.h>

bool tcp_start__add(struct tcp_start *s, uint32_t seq, const uint8_t *bytes, size_t len)
{
    if (s->count == TCP_START_SEGMENTS || len > (size_t)(TCP_START_BYTES - s->used))
        return false;
    unsigned i = s->count++;
    // sequence numbers wrap, so only their differences can be compared
    for (; i > 0 && (int32_t)(seq - s->segments[i - 1].seq) < 0; i--)
        s->segments[i] = s->segments[i - 1];
    s->segments[i] = (struct tcp_segment){.seq = seq, .at = s->used, .len = (uint16_t)len};
    memcpy(s->data + s->used, bytes, len);
    s->used = (uint16_t)(s->used + len);
    return true;
}

int tcp_start__join(const struct tcp_start *s, uint8_t out[TCP_START_BYTES])
{
    size_t have = 0;
    for (unsigned i = 0; i < s->count; i++) {
        const struct tcp_segment *segment = &s->segments[i];
        size_t offset = segment->seq - s->segments[0].seq;
        if (offset > have)
            break;
        size_t known = have - offset < segment->len ? have - offset : segment->len;
        if (memcmp(out + offset, s->data + segment->at, known) != 0)
            return -1;
        memcpy(out + offset + known, s->data + segment->at + known, segment->len - known);
        have += segment->len - known;
    }
    return (int)have;
}
