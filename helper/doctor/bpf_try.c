// SPDX-License-Identifier: Apache-2.0
//
// bpf_try.c - whether the kernel takes a map or a program, by giving it one. Nothing stays: both go
// with their file descriptors.

#include "helper/doctor/doctor.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int try_bpf(enum bpf_cmd command, union bpf_attr *attr)
{
    long fd = syscall(__NR_bpf, command, attr, sizeof(*attr));
    if (fd < 0)
        return errno;
    close((int)fd);
    return 0;
}

int bpf_try_map(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t flags)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof(attr));
    attr.map_type = type;
    attr.key_size = key_size;
    attr.value_size = value_size;
    attr.max_entries = 1;
    attr.map_flags = flags;
    return try_bpf(BPF_MAP_CREATE, &attr);
}

int bpf_try_program(uint32_t type, uint32_t attach_type)
{
    static const char license[] = "GPL";
    const struct bpf_insn return_0[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
        {.code = BPF_JMP | BPF_EXIT},
    };
    union bpf_attr attr;
    memset(&attr, 0, sizeof(attr));
    attr.prog_type = type;
    attr.expected_attach_type = attach_type;
    attr.insns = (uint64_t)(uintptr_t)return_0;
    attr.insn_cnt = 2;
    attr.license = (uint64_t)(uintptr_t)license;
    return try_bpf(BPF_PROG_LOAD, &attr);
}
