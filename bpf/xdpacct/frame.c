// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/frame.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <pcap/dlt.h>
#include <string.h>

// Where the EtherType of a link type stands.
struct link_type {
    int type;
    size_t header;      // bytes before the packet
    size_t type_offset; // of the EtherType, or RAW: the first nibble of the packet tells
};

enum { RAW = 99 };

static const struct link_type link_types[] = {
    {DLT_EN10MB, 0, 0},      {DLT_RAW, 0, RAW},       {DLT_IPV4, 0, RAW}, {DLT_IPV6, 0, RAW},
    {DLT_LINUX_SLL, 16, 14}, {DLT_LINUX_SLL2, 20, 0}, {DLT_NULL, 4, RAW}, {DLT_LOOP, 4, RAW},
#ifdef LINKTYPE_RAW
    {LINKTYPE_RAW, 0, RAW},
#endif
};

static const struct link_type *find(int type)
{
    for (size_t i = 0; i < sizeof(link_types) / sizeof(link_types[0]); i++)
        if (link_types[i].type == type)
            return &link_types[i];
    return NULL;
}

bool frame_link_type_known(int link_type)
{
    return find(link_type) != NULL;
}

// The EtherType, in network order; 0 (no IP) if the first nibble of a raw packet is neither 4
// nor 6.
static uint16_t ethertype(const struct link_type *link, const uint8_t *data, size_t caplen)
{
    uint16_t type = 0;
    if (link->type_offset != RAW) {
        memcpy(&type, data + link->type_offset, sizeof(type));
        return type;
    }
    unsigned version = caplen > link->header ? data[link->header] >> 4 : 0;
    return version == 4   ? htons(ETH_P_IP)
           : version == 6 ? htons(ETH_P_IPV6)
                          : htons(ETH_P_LOOPBACK);
}

bool frame_from_capture(int link_type, const uint8_t *data, size_t caplen, uint32_t len,
                        struct frame *frame)
{
    const struct link_type *link = find(link_type);
    size_t ethernet = 0;
    if (!link || caplen < link->header)
        return false;
    if (link_type != DLT_EN10MB) {
        struct ethhdr eth = {.h_proto = ethertype(link, data, caplen)};
        ethernet = sizeof(eth);
        memcpy(frame->bytes, &eth, ethernet);
    }
    size_t payload = caplen - link->header;
    if (payload > FRAME_MAX - ethernet)
        payload = FRAME_MAX - ethernet;
    memcpy(frame->bytes + ethernet, data + link->header, payload);
    frame->len = ethernet + payload;
    frame->wire_len =
        (uint32_t)(len < link->header ? payload : len - link->header) + (uint32_t)ethernet;
    return frame->len >= FRAME_MIN;
}
