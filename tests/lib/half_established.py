#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""half_established.py BYTES: a connection whose client is established seconds before its server.

The listener defers: the kernel leaves the client's bare ACK aside, and only when it has sent its SYN-ACK again (after 1 and
3 seconds) and the ACK comes anew it takes the server's end for established. Says `half` when the client's end alone is,
and for a line of input each: `whole` when both are; `sent` when the client has sent BYTES and closed; `received N` when the
server has read all there was.
"""
import socket
import sys

size = int(sys.argv[1])


def say(*words):
    print(*words, flush=True)
    return sys.stdin.readline()


listener = socket.socket()
listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 3)
listener.bind(("127.0.0.1", 0))
listener.listen()
client = socket.create_connection(listener.getsockname())
say("half")
listener.setblocking(False)
try:
    listener.accept()
    sys.exit("the server's end was established too early")
except BlockingIOError:
    pass
listener.settimeout(30)
server, _ = listener.accept()
say("whole")
client.sendall(b"x" * size)
client.close()
say("sent")
received = 0
server.settimeout(30)
while piece := server.recv(1 << 16):
    received += len(piece)
say("received", received)
