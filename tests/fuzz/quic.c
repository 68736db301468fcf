// SPDX-License-Identifier: Apache-2.0
//
// LINK: bpf/xdpacct/names/quic.c bpf/xdpacct/names/quic_crypto.c
// LINK: bpf/xdpacct/names/tls.c bpf/xdpacct/names/host_name.c
// LIBS: nettle
//
// Two ways in: the input as datagrams, and the input as payload of packets that are sealed here,
// since chance never finds a valid tag. Each length byte cuts a piece off the input.

#include "tests/fuzz/checks.h"
#include "tests/unit/quic_seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct wire payload, datagram;

static void feed(struct quic_hello *q, const uint8_t *bytes, size_t len)
{
    struct hello hello;
    check_hello(quic_datagram(q, bytes, len, &hello), &hello);
    check(q->begun <= QUIC_HELLO_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct wire cid = {8, "\x83\x94\xc8\xf0\x3e\x51\x57\x08"};
    struct quic_hello raw = {0}, sealed = {0};
    for (uint32_t number = 0; size > 1 && number < 32; number++) {
        size_t len = (size_t)data[0] * 5 < size - 1 ? (size_t)data[0] * 5 : size - 1;
        data++, size--;
        quic_is_initial(data, len);
        feed(&raw, data, len);
        payload.len = datagram.len = 0;
        wire_add(&payload, data, len);
        quic_seal(&datagram, number % 5 == 4 ? QUIC_V2 : QUIC_V1, &cid, &cid, number, &payload);
        feed(&sealed, datagram.bytes, datagram.len);
        data += len, size -= len;
    }
    return 0;
}
