#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SCTP endpoints in network namespaces, driven by lines on standard input.

    listen NAME NETNS PORT ADDR[,ADDR...]          a listener; takes every association offered
    connect NAME NETNS PORT ADDR[,ADDR...] PEER    an association; PORT is the peer's
    reconnect NAME                                 the same once more, from the same local port
    busy NAME INTERVAL_MS                          DATA on it from now on
    silent NAME                                    switches heartbeats off
    demand NAME ROUNDS FILE COUNT ADDR[,ADDR...]   the associations NAME1 to NAMECOUNT send a HEARTBEAT to each address, ROUNDS
                                                   times, and are never more than 160 ahead of the ACKs that the events in
                                                   FILE tell of: no more than bpftrace has room for
    add NAME ADDR                                  one more address of its own, of which it tells the other end (ASCONF)
    abort NAME                                     ends it by ABORT
    close NAME                                     ends it by SHUTDOWN
    forge NETNS DEVICE SECONDS                     the next HEARTBEAT ACK leaving DEVICE is sent again with another nonce,
                                                   for an address that is no path, cut short, with another verification
                                                   tag, from the future, and unchanged

Each line is answered by `ok NAME` or `failed NAME: why`. One process for all: Python takes long to start under emulation.
"""
import ctypes
import os
import re
import socket
import struct
import sys
import threading
import time

IPPROTO_SCTP = 132
SCTP_PEER_ADDR_PARAMS = 9
SCTP_SOCKOPT_BINDX_ADD = 100
SPP_HB_DISABLE, SPP_HB_DEMAND = 2, 4
CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3

sockets = {}
remembered = {}


def enter(netns):
    with open(f"/run/netns/{netns}") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {netns}")


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def sockaddr(address, port):
    if ":" in address:
        return struct.pack("=H", socket.AF_INET6) + struct.pack("!HI", port, 0) + \
            socket.inet_pton(socket.AF_INET6, address) + struct.pack("=I", 0)
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton(address) + bytes(8)


def bound(netns, addresses, port):
    enter(netns)
    sock = socket.socket(family(addresses[0]), socket.SOCK_STREAM, IPPROTO_SCTP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((addresses[0], port))
    port = sock.getsockname()[1]
    for address in addresses[1:]:
        sock.setsockopt(IPPROTO_SCTP, SCTP_SOCKOPT_BINDX_ADD, sockaddr(address, port))
    return sock


def accept_all(sock):
    accepted = []
    while True:
        try:
            connection = sock.accept()[0]
        except OSError:
            return
        accepted.append(connection)
        threading.Thread(target=drain, args=(connection,), daemon=True).start()


def drain(connection):
    try:
        while connection.recv(65536):
            pass
        connection.close()
    except OSError:
        connection.close()


def listen(name, netns, port, addresses):
    sock = bound(netns, addresses.split(","), int(port))
    sock.listen(64)
    sockets[name] = sock
    threading.Thread(target=accept_all, args=(sock,), daemon=True).start()


def connect(name, netns, port, addresses, peer, local_port=0):
    sock = bound(netns, addresses.split(","), local_port)
    remembered[name] = (netns, port, addresses, peer, sock.getsockname()[1])
    sock.connect((peer, int(port)))
    sockets[name] = sock


def reconnect(name):
    netns, port, addresses, peer, local_port = remembered[name]
    connect(name, netns, port, addresses, peer, local_port)


def busy(name, interval_ms):
    def send():
        try:
            while True:
                sockets[name].send(b"x" * 100)
                time.sleep(int(interval_ms) / 1000)
        except OSError:
            pass
    threading.Thread(target=send, daemon=True).start()


def set_path(sock, flags, address=b""):
    # struct sctp_paddrparams, packed and padded to 156 bytes; no address means all paths
    parameters = struct.pack("=i128sIHIIII", 0, address, 0, 0, 0, 0, flags, 0) + bytes(2)
    sock.setsockopt(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, parameters)


def silent(name):
    set_path(sockets[name], SPP_HB_DISABLE)


class Printed:
    """Counts the lines that a file has of a pattern, from now on."""

    def __init__(self, path, pattern):
        self.file, self.pattern, self.count, self.rest = open(path, "rb"), re.compile(pattern.encode()), 0, b""
        self.file.seek(0, os.SEEK_END)

    def wait_for(self, count):
        deadline = time.monotonic() + 20
        while self.count < count:
            *lines, self.rest = (self.rest + self.file.read()).split(b"\n")
            self.count += sum(self.pattern.search(line) is not None for line in lines)
            if time.monotonic() > deadline:
                raise OSError(f"{count - self.count} events were not printed")
            time.sleep(0.01)


def demand(name, rounds, path, associations, addresses):
    addresses = addresses.split(",")
    # What the peer has answered, not what the host got: an ACK that the kernel did not show is printed when the association ends.
    answered = Printed(path, '"type":"sctp_hb_recv".*"laddr":"(' + "|".join(map(re.escape, addresses)) + ')"')
    sent = 0
    for number in list(range(1, int(associations) + 1)) * int(rounds):
        sock = sockets[f"{name}{number}"]
        port = sock.getpeername()[1]
        for address in addresses:
            answered.wait_for(sent - 160)
            set_path(sock, SPP_HB_DEMAND, sockaddr(address, port))
            sent += 1
    answered.wait_for(sent)


def add(name, address):
    sock = sockets[name]
    sock.setsockopt(IPPROTO_SCTP, SCTP_SOCKOPT_BINDX_ADD, sockaddr(address, sock.getsockname()[1]))


def abort(name):
    sockets[name].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sockets.pop(name).close()


def close(name):
    sockets.pop(name).close()


def crc32c_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


def crc32c(data, table=crc32c_table()):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def with_checksum(frame, start):
    packet = bytearray(frame[start:])
    packet[8:12] = bytes(4)
    packet[8:12] = struct.pack("<I", crc32c(packet))
    return frame[:start] + bytes(packet)


def forge(netns, device, seconds):
    """Ethernet, IPv4 without options, SCTP, one HEARTBEAT ACK: header 14 + 20 + 12, chunk 4, then the heartbeat's info:
    type, length (4), address (28), sent_at (8), nonce (8), probe_size (4), padding (4)."""
    enter(netns)
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    raw.bind((device, 0))
    raw.settimeout(float(seconds))
    start, info = 34, 50
    while True:
        frame, address = raw.recvfrom(2048)
        outgoing = address[2] == socket.PACKET_OUTGOING
        if outgoing and frame[12:14] == b"\x08\x00" and frame[23] == IPPROTO_SCTP and frame[46] == 5:
            break
    time.sleep(0.05)  # the real one first
    nonce = bytearray(frame)
    nonce[info + 40] ^= 0xFF
    path = bytearray(frame)
    path[info + 4 + 7] ^= 0x40
    length = bytearray(frame)
    length[info + 2:info + 4] = struct.pack("!H", 48)
    vtag = bytearray(frame)
    vtag[start + 4] ^= 0x01
    future = bytearray(frame)
    sent_at = struct.unpack("=Q", frame[info + 32:info + 40])[0]
    future[info + 32:info + 40] = struct.pack("=Q", sent_at + 1000000)
    for forged in (nonce, path, length, vtag, future, frame):
        raw.send(with_checksum(bytes(forged), start))
        time.sleep(0.02)
    raw.close()


COMMANDS = {function.__name__: function
            for function in (listen, connect, reconnect, busy, silent, demand, add, abort, close, forge)}


def main():
    for line in sys.stdin:
        words = line.split()
        if not words:
            continue
        try:
            COMMANDS[words[0]](*words[1:])
            print(f"ok {words[1]}", flush=True)
        except (OSError, KeyError, TypeError, ValueError) as error:
            print(f"failed {words[1] if len(words) > 1 else ''}: {words[0]}: {error}", flush=True)
    os._exit(0)


main()
