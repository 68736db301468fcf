// SPDX-License-Identifier: Apache-2.0
//
// dns.h - which addresses a DNS answer gives to which name (RFC 1035, 3596, 9460).
#pragma once

#include "bpf/xdpacct/names/host_name.h"
#include "schema/ip.h"

enum {
    DNS_ADDRESSES_MAX = 64, // addresses kept of one answer; further ones are counted in `left_out`
    DNS_RECORDS_MAX = 256,  // records of an answer section that are looked at
    DNS_CHAIN_MAX = 16,     // CNAMEs followed
};

struct dns_address {
    struct ip_addr ip;
    uint32_t ttl_s; // the smallest of the chain up to the address
};

struct dns_answer {
    uint16_t id;
    uint16_t type;             // of the question: 1 A, 28 AAAA, 64 SVCB, 65 HTTPS
    struct host_name name;     // that was asked for; of an SVCB question without its _port._scheme
    struct host_name last;     // where the chain of CNAMEs ends; equal to name if there is none
    struct host_name ech_name; // public_name of the ECH configuration in an HTTPS record, if any
    size_t count;
    size_t left_out;
    struct dns_address addresses[DNS_ADDRESSES_MAX];
};

enum dns_status {
    DNS_ANSWER,  // out holds a name, and addresses or an ech_name
    DNS_NOTHING, // well-formed, but not an answer that gives a host name an address
    DNS_BAD,     // malformed; out is not to be used
};

// Reads one DNS message (over TCP: without its length). A message cut short, by the TC bit or by
// the capture, yields the records that are complete. Follows compression pointers backwards only.
enum dns_status dns_parse(const uint8_t *message, size_t len, struct dns_answer *out);
