// SPDX-License-Identifier: Apache-2.0
// LIBS: libbpf
//
// other_sockops - a sock_ops program as another tool of the host may have one on the same cgroup:
//
//   other_sockops add|replace CGROUP
//
// For each connection it asks for a call per round trip that TCP measures and, with `add`, for one
// per segment, to write a TCP option into it. `add` leaves the flags of other programs alone;
// `replace` drops them, as careless programs do. Prints `rtt N options N`, the calls so far, ten
// times a second until it is killed.

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(ok)                                                                                  \
    do {                                                                                           \
        if (!(ok)) {                                                                               \
            fprintf(stderr, "other_sockops: line %d: %s: %m\n", __LINE__, #ok);                    \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

enum { RTT_CALLS, OPTION_CALLS, COUNTERS };
enum { ATOMIC = 0xc0, CONTEXT = 6, OP = 7 }; // an instruction's mode; registers that we keep

static struct bpf_insn insns[64];
static size_t used;

// ---- an assembler for so little that clang is not worth it

static size_t emit(int code, int dst, int src, size_t offset, int number)
{
    insns[used] = (struct bpf_insn){.code = (__u8)code,
                                    .dst_reg = (__u8)dst & 15,
                                    .src_reg = (__u8)src & 15,
                                    .off = (__s16)offset,
                                    .imm = number};
    return used++;
}

static void copy(int dst, int src)
{
    emit(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static void set(int dst, int number)
{
    emit(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, number);
}

static void load(int dst, size_t member)
{
    emit(BPF_LDX | BPF_MEM | BPF_W, dst, CONTEXT, member, 0);
}

// Room for 8 bytes on the stack, with its address in register 2.
static void put_on_stack(int number)
{
    emit(BPF_ST | BPF_MEM | BPF_W, 10, 0, (size_t)-8, number);
    copy(2, 10);
    emit(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -8);
}

static void call(int helper)
{
    emit(BPF_JMP | BPF_CALL, 0, 0, 0, helper);
}

static size_t begin_when(int op)
{
    return emit(BPF_JMP | BPF_JNE | BPF_K, OP, 0, 0, op);
}

static void end_when(size_t at)
{
    insns[at].off = (__s16)(used - at - 1);
}

static void count(int map, int counter)
{
    emit(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, map);
    emit(0, 0, 0, 0, 0); // the upper half of the number
    put_on_stack(counter);
    call(BPF_FUNC_map_lookup_elem);
    size_t found = emit(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 0, 0);
    set(1, 1);
    emit(BPF_STX | ATOMIC | BPF_DW, 0, 1, 0, BPF_ADD);
    end_when(found);
}

// ---- the program

static void set_flags(bool add)
{
    set(2, BPF_SOCK_OPS_RTT_CB_FLAG);
    if (add) {
        load(2, offsetof(struct bpf_sock_ops, bpf_sock_ops_cb_flags));
        emit(BPF_ALU64 | BPF_OR | BPF_K, 2, 0, 0,
             BPF_SOCK_OPS_RTT_CB_FLAG | BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG);
    }
    copy(1, CONTEXT);
    call(BPF_FUNC_sock_ops_cb_flags_set);
}

static void write_option(void)
{
    static const unsigned char option[4] = {254, sizeof(option), 0x4e, 0x56}; // experimental
    int number;
    memcpy(&number, option, sizeof(number));
    put_on_stack(number);
    copy(1, CONTEXT);
    set(3, sizeof(option));
    set(4, 0);
    call(BPF_FUNC_store_hdr_opt);
}

static int load_program(int map, bool add)
{
    static const int established[] = {BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB,
                                      BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB};
    static char log[65536];
    copy(CONTEXT, 1);
    load(OP, offsetof(struct bpf_sock_ops, op));
    for (int i = 0; i < 2; i++) {
        size_t at = begin_when(established[i]);
        set_flags(add);
        end_when(at);
    }
    size_t at = begin_when(BPF_SOCK_OPS_RTT_CB);
    count(map, RTT_CALLS);
    end_when(at);
    at = begin_when(BPF_SOCK_OPS_HDR_OPT_LEN_CB);
    copy(1, CONTEXT);
    set(2, 4);
    set(3, 0);
    call(BPF_FUNC_reserve_hdr_opt);
    end_when(at);
    at = begin_when(BPF_SOCK_OPS_WRITE_HDR_OPT_CB);
    write_option();
    count(map, OPTION_CALLS);
    end_when(at);
    set(0, 1);
    emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);

    LIBBPF_OPTS(bpf_prog_load_opts, opts, .log_level = 1, .log_buf = log, .log_size = sizeof(log));
    int fd = bpf_prog_load(BPF_PROG_TYPE_SOCK_OPS, "other_sockops", "GPL", insns, used, &opts);
    if (fd < 0)
        fputs(log, stderr);
    return fd;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    int cgroup = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(cgroup >= 0);
    int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "other_calls", 4, 8, COUNTERS, NULL);
    CHECK(map >= 0);
    int program = load_program(map, strcmp(argv[1], "add") == 0);
    CHECK(program >= 0);
    CHECK(bpf_link_create(program, cgroup, BPF_CGROUP_SOCK_OPS, NULL) >= 0);
    for (;; usleep(100000)) {
        __u64 calls[COUNTERS];
        for (int i = 0; i < COUNTERS; i++)
            CHECK(bpf_map_lookup_elem(map, &i, &calls[i]) == 0);
        printf("rtt %llu options %llu\n", calls[RTT_CALLS], calls[OPTION_CALLS]);
        fflush(stdout);
    }
}
