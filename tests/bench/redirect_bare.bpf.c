// SPDX-License-Identifier: GPL-2.0-only
//
// redirect_bare.bpf.c - the least that a socket map redirect can be, for tests/bench/redirect: IPv4
// on one namespace, no state, no counting, no bound. What sockredir costs beyond it is the price of
// its guarantees. It is wrong in every way that sockredir.bpf.c explains: for measuring only.
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

struct name {
    __u32 local_ip, remote_ip, local_port, remote_port;
};

struct {
    __uint(type, BPF_MAP_TYPE_SOCKHASH);
    __uint(max_entries, 65536);
    __type(key, struct name);
    __type(value, __u64);
} sockets SEC(".maps");

SEC("sockops")
int bare_ops(struct bpf_sock_ops *ops)
{
    if (ops->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB &&
        ops->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
        return 1;
    struct name name = {ops->local_ip4, ops->remote_ip4, ops->local_port,
                        bpf_ntohl(ops->remote_port)};
    bpf_sock_hash_update(ops, &sockets, &name, BPF_ANY);
    return 1;
}

SEC("sk_msg")
int bare_msg(struct sk_msg_md *msg)
{
    struct name peer = {msg->remote_ip4, msg->local_ip4, bpf_ntohl(msg->remote_port),
                        msg->local_port};
    bpf_msg_redirect_hash(msg, &sockets, &peer, BPF_F_INGRESS);
    return SK_PASS;
}

SEC("sk_skb/stream_verdict")
int bare_pass(struct __sk_buff *skb)
{
    (void)skb;
    return SK_PASS;
}
