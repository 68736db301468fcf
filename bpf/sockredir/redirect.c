// SPDX-License-Identifier: Apache-2.0

#include "bpf/sockredir/redirect.h"
#include "bpf/common/libbpf_log.h"
#include "bpf/sockredir/sockredir.skel.h"
#include "helper/exit_codes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

int redirect_require(const struct loader *l)
{
    // 0 is a certain no; what cannot be found out, loading will say.
    if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_SOCK_OPS, BPF_FUNC_get_netns_cookie, NULL) != 0)
        return EXIT_OK;
    struct utsname host;
    uname(&host);
    cli_error(l->program,
              "this kernel, %s, cannot tell network namespaces apart in sock_ops programs; use "
              "Linux 5.15 or newer",
              host.release);
    return EXIT_CANNOT;
}

static void configure(struct sockredir_bpf *skel, const struct redirect_settings *s)
{
    _Static_assert(sizeof(skel->rodata->port_wanted) == sizeof(s->ports), "a bit per port");
    memcpy((void *)skel->rodata->port_wanted, s->ports, sizeof(s->ports));
    skel->rodata->shadow = s->shadow;
    skel->rodata->per_connection = s->per_connection;
    skel->rodata->walk_removes = !s->verdict;
    skel->rodata->bound_bytes = s->bound_bytes;
    skel->rodata->small_bytes = s->small_bytes;
}

// The map's programs come first: a socket takes them over when it joins.
static int attach_to_map(const struct sockredir_bpf *skel, bool verdict)
{
    int map = bpf_map__fd(skel->maps.sockets);
    int err =
        bpf_prog_attach(bpf_program__fd(skel->progs.sockredir_msg), map, BPF_SK_MSG_VERDICT, 0);
    if (!err && verdict)
        err = bpf_prog_attach(bpf_program__fd(skel->progs.sockredir_pass), map,
                              BPF_SK_SKB_STREAM_VERDICT, 0);
    return err;
}

static int load_and_attach(struct redirect *r, const struct loader *l, int cgroup_fd, bool verdict)
{
    int err = sockredir_bpf__load(r->skel);
    if (err)
        return loader_fail(l, err,
                           "load the BPF programs (Linux 5.15 or newer, with CONFIG_NET_SOCK_MSG)");
    err = attach_to_map(r->skel, verdict);
    if (err)
        return loader_fail(l, err, "attach the programs to the socket map");
    r->ops = bpf_program__attach_cgroup(r->skel->progs.sockredir_ops, cgroup_fd);
    if (!r->ops)
        return loader_fail(l, errno, "attach to the cgroup");
    return EXIT_OK;
}

int redirect_start(struct redirect *r, const struct loader *l, int cgroup_fd,
                   const struct redirect_settings *settings)
{
    *r = (struct redirect){0};
    libbpf_log_clear();
    r->skel = sockredir_bpf__open();
    if (!r->skel)
        return loader_fail(l, errno, "open the BPF object");
    configure(r->skel, settings);
    int rc = load_and_attach(r, l, cgroup_fd, settings->verdict);
    if (rc != EXIT_OK)
        redirect_free(r);
    return rc;
}

void redirect_free(struct redirect *r)
{
    bpf_link__destroy(r->ops);
    sockredir_bpf__destroy(r->skel);
    *r = (struct redirect){0};
}

void redirect_stop(struct redirect *r)
{
    __atomic_store_n(&r->skel->bss->control.stop, 1, __ATOMIC_SEQ_CST);
}

void redirect_resume(struct redirect *r)
{
    __atomic_store_n(&r->skel->bss->control.stop, 0, __ATOMIC_SEQ_CST);
}

void redirect_set_lease(struct redirect *r, uint64_t until_ns)
{
    __atomic_store_n(&r->skel->bss->control.lease_until_ns, until_ns, __ATOMIC_RELAXED);
}

int redirect_walk(struct redirect *r, struct walk *out)
{
    static const char packet[64]; // the least that the kernel takes is 14
    LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet),
                .repeat = 1);
    r->skel->bss->walk = (struct walk){0};
    memset(r->skel->bss->sockets_of_port, 0, sizeof(r->skel->bss->sockets_of_port));
    int err = bpf_prog_test_run_opts(bpf_program__fd(r->skel->progs.sockredir_walk), &opts);
    *out = r->skel->bss->walk;
    return err;
}

struct totals redirect_totals(const struct redirect *r)
{
    return r->skel->bss->totals;
}

uint32_t redirect_sockets_of(const struct redirect *r, unsigned slot)
{
    return r->skel->bss->sockets_of_port[slot];
}

int redirect_port_counts(const struct redirect *r, unsigned slot, struct port_counts *out)
{
    int cpus = libbpf_num_possible_cpus();
    if (cpus < 0)
        return cpus;
    struct port_counts per_cpu[cpus];
    if (bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.ports), &slot, per_cpu) != 0)
        return -errno;
    memset(out, 0, sizeof(*out));
    for (int cpu = 0; cpu < cpus; cpu++)
        for (size_t i = 0; i < sizeof(*out) / sizeof(__u64); i++)
            ((__u64 *)out)[i] += ((const __u64 *)&per_cpu[cpu])[i];
    return 0;
}

unsigned redirect_port_slots(const struct redirect *r, uint16_t ports[PORT_SLOTS])
{
    int map = bpf_map__fd(r->skel->maps.port_slots);
    unsigned used = 1;
    uint16_t port, slot, *last = NULL;
    memset(ports, 0, PORT_SLOTS * sizeof(*ports));
    for (; bpf_map_get_next_key(map, last, &port) == 0; last = &port)
        if (bpf_map_lookup_elem(map, &port, &slot) == 0 && slot < PORT_SLOTS) {
            ports[slot] = port;
            used = slot + 1U > used ? slot + 1U : used;
        }
    return used;
}

int redirect_notes_fd(const struct redirect *r)
{
    return bpf_map__fd(r->skel->maps.notes);
}
