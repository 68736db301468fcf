// SPDX-License-Identifier: Apache-2.0
//
// live_attach.c - which program in which mode: a plain one natively if that goes, one for frames in
// several buffers if the MTU asks for it, generic mode only with a warning.

#include "bpf/common/libbpf_log.h"
#include "bpf/xdpacct/live.h"
#include "helper/exit_codes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

// MTU from which frames may not fit into one buffer: a page less headroom and tail, for most
// drivers.
enum { ONE_BUFFER_MTU = 3498 };

struct attempt {
    const struct loader *loader;
    const struct config *config;
    const struct settings *settings;
    const struct prefix_sets *sets;
    const struct device *device;
    struct acct *acct;
    struct attachment *attachment;
    int err; // of the last refusal, and the kernel's words
    char words[CAUSE_TEXT_MAX];
};

static int load(struct attempt *t, bool frags)
{
    return acct__load(t->acct, t->loader, t->settings, t->sets, t->config->max_flows, frags);
}

static bool try_mode(struct attempt *t, enum xdp_mode mode)
{
    t->err = attach_try(t->attachment, t->device, t->acct->prog_fd, mode, t->words);
    return t->err == 0;
}

// Refused natively as it is: would a program for frames in several buffers be taken?
static bool frags_may_help(const struct attempt *t)
{
    return strcmp(t->config->frags, "auto") == 0 && !t->acct->frags &&
           (t->err == ERANGE || strstr(t->words, "MTU") || strstr(t->words, "mtu") ||
            strstr(t->words, "frags"));
}

static int explain(const struct attempt *t, enum xdp_mode mode)
{
    char cause[CAUSE_TEXT_MAX];
    cause_of_refusal(t->device, t->err, t->words, mode == MODE_NATIVE, cause);
    cli_error(t->loader->program, "cannot attach to %s in %s mode: %s", t->device->name,
              xdp_mode_name(mode), cause);
    return t->err == ENODEV ? EXIT_FAILED : EXIT_CANNOT;
}

static void warn_frags(const struct attempt *t)
{
    cli_error(t->loader->program,
              "%s takes no program for frames in one buffer (%s); attached one for several",
              t->device->name, t->words[0] ? t->words : strerror(t->err));
}

// Busy interfaces are busy in every mode, so there is no falling back from that.
static bool fallback_makes_sense(int err)
{
    return err != EBUSY && err != EEXIST && err != ENODEV && err != EPERM;
}

static int fall_back(struct attempt *t)
{
    char cause[CAUSE_TEXT_MAX];
    cause_of_refusal(t->device, t->err, t->words, true, cause);
    if (!fallback_makes_sense(t->err))
        return explain(t, MODE_NATIVE);
    if (!try_mode(t, MODE_GENERIC)) {
        cli_error(t->loader->program, "cannot attach to %s in native mode: %s", t->device->name,
                  cause);
        return explain(t, MODE_GENERIC);
    }
    cli_error(t->loader->program, "warning: %s takes no native XDP: %s", t->device->name, cause);
    cli_error(t->loader->program, "warning: counting in generic mode: several times slower, after "
                                  "the kernel has made its own copy of the "
                                  "packet, and blind to packets that tc redirects here");
    return EXIT_OK;
}

static int try_all(struct attempt *t, enum xdp_mode wanted)
{
    enum xdp_mode first = wanted == MODE_AUTO ? MODE_NATIVE : wanted;
    if (try_mode(t, first))
        return EXIT_OK;
    if (first == MODE_NATIVE && frags_may_help(t)) {
        int err = t->err;
        char words[CAUSE_TEXT_MAX];
        memcpy(words, t->words, sizeof(words));
        acct__free(t->acct);
        int rc = load(t, true);
        if (rc != EXIT_OK)
            return rc;
        bool taken = try_mode(t, first);
        if (!taken && t->err == EOPNOTSUPP)
            t->err = err, memcpy(t->words, words, sizeof(words));
        if (taken) {
            memcpy(t->words, words, sizeof(words));
            t->err = err;
            warn_frags(t);
            return EXIT_OK;
        }
    }
    return wanted == MODE_AUTO ? fall_back(t) : explain(t, first);
}

int live_attach(const struct loader *l, const struct config *config, struct settings *settings,
                const struct prefix_sets *sets, const struct device *d, struct acct *a,
                struct attachment *at)
{
    struct attempt t = {.loader = l,
                        .config = config,
                        .settings = settings,
                        .sets = sets,
                        .device = d,
                        .acct = a,
                        .attachment = at};
    *at = (struct attachment){.link_fd = -1};
    settings->mtu = d->mtu;
    bool frags = strcmp(config->frags, "on") == 0 ||
                 (strcmp(config->frags, "auto") == 0 && d->mtu > ONE_BUFFER_MTU);
    int rc = load(&t, frags);
    if (rc != EXIT_OK)
        return rc;
    rc = try_all(&t, xdp_mode_of(config->mode));
    if (rc != EXIT_OK)
        acct__free(a);
    return rc;
}
