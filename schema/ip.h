// SPDX-License-Identifier: Apache-2.0
//
// ip.h - addresses as they stand in events: 16 bytes, IPv4 in its IPv4-mapped form (RFC
// 4291, 2.5.5.2), so that equal addresses are equal bytes whatever socket they came from.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct ip_addr {
    uint8_t bytes[16]; // network byte order
};

enum { IP_TEXT_MAX = 46 }; // longest printed address with its NUL

static inline struct ip_addr ip_from_v4(const uint8_t bytes[4])
{
    return (struct ip_addr){
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, bytes[0], bytes[1], bytes[2], bytes[3]}};
}

struct ip_addr ip_from_v6(const uint8_t bytes[16]);

bool ip_is_v4(struct ip_addr ip);
bool ip_equal(struct ip_addr a, struct ip_addr b);

// 0.0.0.0 or ::, which the kernel has where it does not know an address (yet).
static inline bool ip_is_unspecified(struct ip_addr ip)
{
    static const struct ip_addr v4 = {{[10] = 0xff, [11] = 0xff}}, v6;
    return memcmp(&ip, &v4, sizeof(ip)) == 0 || memcmp(&ip, &v6, sizeof(ip)) == 0;
}

// The network of the prefix of bits (of 128: an IPv4 prefix has 96 more than it is written with).
struct ip_addr ip_network(struct ip_addr ip, unsigned bits);

// Reads len bytes of text, dotted quad or RFC 4291 notation, nothing around it. False if it is
// neither.
bool ip_parse(const char *text, size_t len, struct ip_addr *out);

// Writes the address as text with its NUL (dotted quad for IPv4 and IPv4-mapped, else RFC 5952),
// and returns its length without the NUL.
size_t ip_format(struct ip_addr ip, char out[IP_TEXT_MAX]);
