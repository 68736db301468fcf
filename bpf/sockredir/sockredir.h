// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
//
// sockredir.h - what the BPF side and the loader of sockredir share. Fixed-width types, no padding
// left to the compiler. The loader includes <linux/types.h> through this file.
#pragma once

#include <linux/types.h>

// Why a message was left to TCP. The words for events are in events.c, in this order.
enum pass_reason {
    PASS_NONE,    // it was redirected
    PASS_PEER,    // the other end is not in the map: another cgroup, or not there yet
    PASS_EARLY,   // bytes went by TCP before: data in the SYN, TCP_DEFER_ACCEPT, TCP_CORK
    PASS_SMALL,   // a stream of small writes, which TCP does better
    PASS_FULL,    // the reader is behind by the bound
    PASS_LEFT,    // the other direction left the map, and this one with it
    PASS_STOP,    // sockredir is stopping, or its lease ran out
    PASS_SHADOW,  // --shadow: it would have been redirected
    PASS_UNKNOWN, // no state for this connection: the table was full, or the program just started
    PASS_REASONS,
};

enum {
    CONNECTIONS_MAX = 65536, // connections with state (a power of 2); more stay plain TCP
    PORT_SLOTS = 1024,       // listening ports counted apart; slot 0 takes the others as port 0
    UNREAD_MSGS_MAX =
        512,        // messages that may wait unread: each costs the kernel 1 KB beside its bytes
    SMALL_RUN = 32, // messages one way without one back that make a stream
    LONELY_RUN = 8, // messages to a peer outside the map before the socket leaves it
    ROW_TRIES = 8,  // rows tried for a new connection
    NOTES_BYTES = 1 << 20, // ring buffer
};

// A connection, told the same way from both ends: end 0 is the one with the smaller (address,
// port). By it the ends find each other once; from then on both know the connection's id, a number
// that is never used again, and a socket's name in the socket map is id * 2 + end.
struct conn_key {
    __u64 netns;      // cookie
    __u32 addr[2][4]; // network order; IPv4 in its IPv4-mapped form
    __u16 port[2];    // host order
    __u32 pad;
};

// Kept for a socket: which connection it is an end of. The connection's row is id modulo
// CONNECTIONS_MAX.
struct place {
    __u64 id;
    __u64 end;
};

// One end: its socket, and the direction from it to the other end.
struct conn_end {
    __u64 cookie; // of the socket; 0: no such socket here
    __u64 sk;     // kernel address of the socket: only read if the socket there has this cookie
    __u64 cgroup_id;
    __u64 redirects; // messages redirected, and the one that is being decided
    __u64 bytes_redirected;
    __u64 bytes_passed;
    __u64 unread_bytes; // upper bound of what waits redirected and unread at the other end
    __u32 unread_msgs;  // the same in messages
    __u32 run_msgs;     // since the other end sent
    __u64 run_bytes;
    __u64 writer; // address of the task that redirected; 0: none did yet
    __u8 writers; // 2: more than one thread redirected, or was about to
    __u8 settled; // the only writer came back after its last redirect: that one is complete
    __u8 reason;  // enum pass_reason: why this direction is on TCP for good; 0: it is not
    __u8 shadow;  // would be redirected
    __u8 quiet;   // left the map with no thread inside a send
    __u8 left;    // left the map while open
    __u8 options; // another program writes TCP header options on this socket
    __u8 pad;
};

struct conn {
    __u64 id; // 0: the row is free
    struct conn_end end[2];
    struct conn_key key;
    __u32 closed;    // no redirect in either direction any more (PASS_LEFT)
    __u32 leave;     // proven safe: both sockets leave the map
    __u16 port;      // listening port
    __u16 port_slot; // its counters
    __u16 listener;  // end that accepted
    __u16 ended;     // an end closed: no socket joins any more
};

// Counters of a listening port, per CPU.
struct port_counts {
    __u64 connections;
    __u64 msgs_redirected;
    __u64 bytes_redirected;
    __u64 msgs_passed[PASS_REASONS];
    __u64 bytes_passed[PASS_REASONS];
};

enum note_type { NOTE_CLOSED, NOTE_LEAVE };

// To the loader. NOTE_LEAVE only wakes it up; NOTE_CLOSED is an end of a connection that closed.
struct note {
    __u32 type;
    __u32 end;
    struct conn_key key;
    __u64 cgroup_id;
    __u64 bytes_redirected;
    __u64 bytes_passed;
    __u32 reason;
    __u32 pad;
};

// Written by the loader while the programs run.
struct control {
    __u64 lease_until_ns; // CLOCK_MONOTONIC; after that nothing is redirected
    __u32 stop;           // nothing is redirected, no socket joins
    __u32 pad;
};

// Counted by the programs beside the ports.
struct totals {
    __u64 sockets_added;
    __u64 sockets_left;   // removed by proof while open
    __u64 sockets_closed; // that were in the table
    __u64 add_failed;     // refused by the map: kTLS, another program's socket
    __u64 table_full;
    __u64 notes_lost;
};

// What a walk over the socket map saw, added up by the walk, read and zeroed by the loader.
struct walk {
    __u64 sockets;
    __u64 unread_bytes; // redirected, not yet read
    __u64 wanted;       // that gain nothing by staying
    __u64 removed;      // of these, proven to be at rest and taken out
};
