// SPDX-License-Identifier: Apache-2.0
//
// redirect_bare.c - loads redirect_bare.bpf.c until it is killed.
//
//   redirect_bare CGROUP verdict|plain     with the no-op sk_skb verdict on the map, or without
//
// Prints "ready" when it is attached.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "tests/bench/redirect_bare.skel.h"

int main(int argc, char **argv)
{
    int cgroup = argc == 3 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    struct redirect_bare_bpf *bare = cgroup >= 0 ? redirect_bare_bpf__open_and_load() : NULL;
    if (!bare) {
        fprintf(stderr, "usage: redirect_bare CGROUP verdict|plain\n");
        return 1;
    }
    int map = bpf_map__fd(bare->maps.sockets);
    int err = bpf_prog_attach(bpf_program__fd(bare->progs.bare_msg), map, BPF_SK_MSG_VERDICT, 0);
    if (!err && strcmp(argv[2], "verdict") == 0)
        err = bpf_prog_attach(bpf_program__fd(bare->progs.bare_pass), map,
                              BPF_SK_SKB_STREAM_VERDICT, 0);
    struct bpf_link *ops = err ? NULL : bpf_program__attach_cgroup(bare->progs.bare_ops, cgroup);
    if (!ops) {
        perror("redirect_bare: attach");
        return 1;
    }
    puts("{\"type\":\"ready\"}");
    fflush(stdout);
    pause();
    return 0;
}
