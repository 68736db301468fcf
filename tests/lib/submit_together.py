#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""submit_together.py: writes blocks of 4 KiB to a block device, several in one io_submit(2), which holds them back until
the last is there, so that they wait together: neighbours become one request.

    submit_together.py DEVICE BLOCK[,BLOCK…]…

Each argument is one call: the blocks' numbers, in this order. Waits for each call's writes. Exit 1: one failed.
"""
import ctypes
import mmap
import os
import platform
import struct
import sys

BLOCK = 4096
IOCB_CMD_PWRITE = 1
# io_setup, io_destroy, io_submit, io_getevents
NUMBERS = (206, 207, 209, 208) if platform.machine() == "x86_64" else (0, 1, 2, 4)

libc = ctypes.CDLL(None, use_errno=True)


def call(number, *arguments):
    result = libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def main():
    setup, destroy, submit, getevents = NUMBERS
    device = os.open(sys.argv[1], os.O_RDWR | os.O_DIRECT)
    page = mmap.mmap(-1, BLOCK)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    context = ctypes.c_ulong(0)
    call(setup, 256, ctypes.byref(context))
    for argument in sys.argv[2:]:
        blocks = [int(block) for block in argument.split(",")]
        # struct iocb of <linux/aio_abi.h>: data, key and flags, opcode, priority, descriptor, buffer, bytes, offset, …
        controls = [
            ctypes.create_string_buffer(struct.pack("<QIIHhIQQqQII", 0, 0, 0, IOCB_CMD_PWRITE, 0, device, address, BLOCK, block * BLOCK, 0, 0, 0), 64)
            for block in blocks
        ]
        pointers = (ctypes.c_void_p * len(blocks))(*[ctypes.addressof(control) for control in controls])
        if call(submit, context, len(blocks), pointers) != len(blocks):
            sys.exit("not all were taken")
        events = ctypes.create_string_buffer(32 * len(blocks))  # struct io_event: data, object, result, result 2
        call(getevents, context, len(blocks), len(blocks), events, None)
        for at in range(len(blocks)):
            if struct.unpack_from("<q", events, 32 * at + 16)[0] != BLOCK:
                sys.exit("a write failed")
    call(destroy, context)


main()
