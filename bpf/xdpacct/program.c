// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/program.h"
#include "bpf/common/libbpf_log.h"
#include "bpf/xdpacct/pages.h"
#include "helper/exit_codes.h"
#include "bpf/xdpacct/xdpacct.skel.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

static int set_flow_maps(struct acct *a)
{
    int err = bpf_map__reuse_fd(a->skel->maps.lines, a->tables.lines_fd);
    if (!err)
        err = bpf_map__set_inner_map_fd(a->skel->maps.spills, a->tables.spill_fds[0]);
    return err;
}

enum { NAME_RING_BYTES = 4 << 20 };

// The maps that names need are as small as can be without names.
static int set_name_maps(struct xdpacct_bpf *skel, bool names)
{
    int err = bpf_map__set_max_entries(skel->maps.name_copies,
                                       names ? NAME_RING_BYTES : (uint32_t)getpagesize());
    if (!err && !names)
        err = bpf_map__set_max_entries(skel->maps.name_rates, 1);
    if (!err && !names)
        err = bpf_map__set_max_entries(skel->maps.name_states, 1);
    return err;
}

static int fill_trie(struct bpf_map *trie, const struct prefix_set *set)
{
    uint8_t yes = 1;
    for (size_t i = 0; i < set->count; i++)
        if (bpf_map_update_elem(bpf_map__fd(trie), &set->items[i].key, &yes, BPF_ANY) != 0)
            return -errno;
    return 0;
}

enum { V4_MAPPED_BITS = 96 };

static int make_pages(struct pages *pages, const struct prefix_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct prefix_trie_key *key = &set->items[i].key;
        if (prefix__is_v4(&set->items[i]) &&
            !pages__add(pages, key->addr + 12, key->bits - V4_MAPPED_BITS))
            return -ENOMEM;
    }
    return 0;
}

static int fill_pages(struct bpf_map *map, const struct pages *pages)
{
    for (uint32_t i = 0; i < pages->count; i++)
        if (bpf_map_update_elem(bpf_map__fd(map), &i, &pages->pages[i], BPF_ANY) != 0)
            return -errno;
    return 0;
}

// Says which the spill maps are, and which CPU counts into which table.
static int fill_maps(struct acct *a)
{
    struct tables *t = &a->tables;
    t->spills_fd = bpf_map__fd(a->skel->maps.spills);
    for (uint32_t i = 0; i < 2 * SPILLS; i++)
        if (bpf_map_update_elem(t->spills_fd, &i, &t->spill_fds[i], BPF_ANY) != 0)
            return -errno;
    for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++)
        a->skel->bss->table_of_cpu[cpu] = CPU_WITHOUT_TABLE;
    for (unsigned i = 0; i < t->cpu_count; i++)
        a->skel->bss->table_of_cpu[t->cpus[i]] = (uint16_t)t->table_of[i];
    return 0;
}

static int fill_tunnel_ids(struct bpf_map *map, const struct tunnel_ids *ids)
{
    uint8_t yes = 1;
    for (size_t i = 0; i < ids->count; i++)
        if (bpf_map_update_elem(bpf_map__fd(map), &ids->items[i], &yes, BPF_ANY) != 0)
            return -errno;
    return 0;
}

static int load(struct acct *a, const struct settings *settings, const struct prefix_sets *sets)
{
    const struct prefix_set *ours = &sets->ours, *outer_src = &sets->outer_src;
    struct settings *s = (struct settings *)&a->skel->rodata->settings;
    *s = *settings;
    tables__settings(&a->tables, s);
    if (a->frags)
        s->flags |= SETTING_FRAGS;
    if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_load_bytes, NULL) == 1)
        s->flags |= SETTING_LOAD_BYTES;
    if (sets->tunnel_ids.count)
        s->flags |= SETTING_TUNNEL_IDS;
    prefix_set__settings(ours, &s->ours);
    prefix_set__settings(outer_src, &s->outer_src);
    struct pages pages = {0};
    int err = s->ours.use_trie ? make_pages(&pages, ours) : 0;
    if (!err && pages.count)
        err = bpf_map__set_max_entries(a->skel->maps.ours_pages, (uint32_t)pages.count);
    if (!err && sets->tunnel_ids.count)
        err = bpf_map__set_max_entries(a->skel->maps.tunnel_ids, (uint32_t)sets->tunnel_ids.count);
    if (!err)
        err = set_flow_maps(a);
    if (!err)
        err = set_name_maps(a->skel, settings->names != NAMES_OFF);
    if (!err && a->frags)
        err = bpf_program__set_flags(a->skel->progs.xdpacct, BPF_F_XDP_HAS_FRAGS);
    if (!err)
        err = xdpacct_bpf__load(a->skel);
    if (!err && s->ours.use_trie)
        err = fill_trie(a->skel->maps.ours_trie, ours);
    if (!err)
        err = fill_pages(a->skel->maps.ours_pages, &pages);
    pages__free(&pages);
    if (!err && s->outer_src.use_trie)
        err = fill_trie(a->skel->maps.outer_src_trie, outer_src);
    if (!err)
        err = fill_tunnel_ids(a->skel->maps.tunnel_ids, &sets->tunnel_ids);
    if (!err)
        acct__set_mtu(a, settings->mtu);
    return err ? err : fill_maps(a);
}

int acct__load(struct acct *a, const struct loader *l, const struct settings *settings,
               const struct prefix_sets *sets, uint64_t max_flows, bool frags)
{
    *a = (struct acct){.frags = frags};
    libbpf_log_clear();
    int err = tables__make(&a->tables, max_flows);
    if (err) {
        int rc = loader_fail(l, err, "make flow tables for %llu flows (%llu MiB)",
                             (unsigned long long)max_flows,
                             (unsigned long long)(tables__bytes(&a->tables) >> 20));
        acct__free(a);
        return rc;
    }
    a->skel = xdpacct_bpf__open();
    err = a->skel ? load(a, settings, sets) : -errno;
    if (err) {
        int rc = loader_fail(l, err, "load the XDP program%s",
                             frags ? " for frames in several buffers" : "");
        acct__free(a);
        return rc;
    }
    a->prog_fd = bpf_program__fd(a->skel->progs.xdpacct);
    return EXIT_OK;
}

void acct__free(struct acct *a)
{
    if (a->skel)
        xdpacct_bpf__destroy(a->skel);
    a->skel = NULL;
    tables__free(&a->tables);
}

void acct__set_clock(struct acct *a, uint32_t clock_s)
{
    a->skel->bss->clock_s = clock_s;
}

void acct__set_mtu(struct acct *a, uint32_t mtu)
{
    a->skel->bss->mtu_now = mtu;
}

int acct__run_frame(struct acct *a, const uint8_t *frame, uint32_t len, uint32_t wire_len)
{
    a->skel->bss->frame_bytes = wire_len;
    LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = len, .repeat = 1);
    return bpf_prog_test_run_opts(a->prog_fd, &opts) == 0 ? 0 : -errno;
}
