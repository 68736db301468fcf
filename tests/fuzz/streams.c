// SPDX-License-Identifier: Apache-2.0
//
// LINK: bpf/xdpacct/names/dns_stream.c bpf/xdpacct/names/tcp_start.c
//
// A TCP stream in segments: the first byte says how many, then come two bytes for each (its length,
// and how many bytes it repeats of what was before), then the stream. Cut in any way, resolvers'
// streams must yield the messages that the whole yields, and the start of a client's stream must be
// its start, in whatever order its segments came.

#include <string.h>
#include "bpf/xdpacct/names/dns_stream.h"
#include "bpf/xdpacct/names/tcp_start.h"
#include "tests/fuzz/checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct cut {
    size_t start, len;
};

struct messages {
    size_t count, bytes;
    uint64_t sum;
};

static void take_message(void *context, const uint8_t *bytes, size_t len)
{
    struct messages *m = context;
    m->count++;
    m->bytes += len;
    for (size_t i = 0; i < len; i++)
        m->sum = m->sum * 31 + bytes[i];
}

// Sequence numbers start close to their end, so that they wrap.
static const uint32_t first_seq = UINT32_MAX - 100;

static void resolver(const uint8_t *stream, size_t size, const struct cut *cuts, size_t count)
{
    static struct dns_stream whole, pieces;
    struct messages want = {0}, got = {0};
    whole.begun = whole.broken = pieces.begun = pieces.broken = false;
    whole.have = pieces.have = 0;
    dns_stream__add(&whole, first_seq, stream, size, size, take_message, &want);
    size_t end = 0;
    for (size_t i = 0; i < count; i++) {
        check(dns_stream__add(&pieces, first_seq + (uint32_t)cuts[i].start, stream + cuts[i].start,
                              cuts[i].len, cuts[i].len, take_message, &got));
        end = cuts[i].start + cuts[i].len > end ? cuts[i].start + cuts[i].len : end;
    }
    dns_stream__add(&pieces, first_seq + (uint32_t)end, stream + end, size - end, size - end,
                    take_message, &got);
    check(got.count == want.count && got.bytes == want.bytes && got.sum == want.sum);
}

// Every second segment first, so that there are gaps for a while.
static void client(const uint8_t *stream, const struct cut *cuts, size_t count)
{
    struct tcp_start start = {0};
    uint8_t out[TCP_START_BYTES];
    for (size_t i = 0; i < count; i++) {
        size_t at = (i * 2) % count + (count % 2 == 0 && i * 2 >= count);
        if (cuts[at].len == 0 || !tcp_start__add(&start, first_seq + (uint32_t)cuts[at].start,
                                                 stream + cuts[at].start, cuts[at].len))
            continue;
        int len = tcp_start__join(&start, out);
        uint32_t offset = start.segments[0].seq - first_seq;
        check(len > 0 && memcmp(out, stream + offset, (size_t)len) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cut cuts[16];
    size_t count = size ? data[0] % 16 : 0, end = 0;
    if (size < 1 + 2 * count)
        return 0;
    const uint8_t *stream = data + 1 + 2 * count;
    size -= 1 + 2 * count;
    for (size_t i = 0; i < count; i++) {
        size_t again = data[2 + 2 * i] % 32;
        cuts[i].start = end > again ? end - again : 0;
        cuts[i].len = (size_t)data[1 + 2 * i] * 3;
        if (cuts[i].len > size - cuts[i].start)
            cuts[i].len = size - cuts[i].start;
        if (cuts[i].start + cuts[i].len > end)
            end = cuts[i].start + cuts[i].len;
    }
    resolver(stream, size, cuts, count);
    if (count)
        client(stream, cuts, count);
    return 0;
}
