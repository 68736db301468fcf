// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/attach.h"
#include "bpf/common/libbpf_log.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    unsigned flag;
} modes[] = {
    [MODE_AUTO] = {"auto", 0},
    [MODE_NATIVE] = {"native", XDP_FLAGS_DRV_MODE},
    [MODE_GENERIC] = {"generic", XDP_FLAGS_SKB_MODE},
    [MODE_OFFLOAD] = {"offload", XDP_FLAGS_HW_MODE},
};

enum xdp_mode xdp_mode_of(const char *name)
{
    for (enum xdp_mode m = MODE_NATIVE; m <= MODE_OFFLOAD; m++)
        if (strcmp(modes[m].name, name) == 0)
            return m;
    return MODE_AUTO;
}

const char *xdp_mode_name(enum xdp_mode mode)
{
    return modes[mode].name;
}

// A link's refusal has no words (the kernel has nowhere to put them), netlink's has: so the same is
// asked for again that way. Should it be granted there, it is undone at once.
static void ask_for_words(const struct device *d, int prog_fd, unsigned flag,
                          char text[CAUSE_TEXT_MAX])
{
    libbpf_log_clear();
    int err = bpf_xdp_attach((int)d->ifindex, prog_fd, flag | XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);
    if (err == 0) {
        LIBBPF_OPTS(bpf_xdp_attach_opts, ours, .old_prog_fd = prog_fd);
        bpf_xdp_detach((int)d->ifindex, flag | XDP_FLAGS_REPLACE, &ours);
    }
    snprintf(text, CAUSE_TEXT_MAX, "%s", libbpf_log_reason());
}

int attach_try(struct attachment *a, const struct device *d, int prog_fd, enum xdp_mode mode,
               char text[CAUSE_TEXT_MAX])
{
    LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = modes[mode].flag);
    text[0] = '\0';
    a->link_fd = bpf_link_create(prog_fd, (int)d->ifindex, BPF_XDP, &opts);
    if (a->link_fd >= 0) {
        a->mode = mode;
        return 0;
    }
    int err = errno;
    ask_for_words(d, prog_fd, modes[mode].flag, text);
    return err;
}

void attachment__close(struct attachment *a)
{
    if (a->link_fd >= 0) {
        // before 6.4 closing detaches some time later only
        bpf_link_detach(a->link_fd);
        close(a->link_fd);
    }
    a->link_fd = -1;
}
