// SPDX-License-Identifier: Apache-2.0

#include "bpf/sockredir/preflight.h"
#include "bpf/common/libbpf_log.h"
#include "bpf/sockredir/instance.h"
#include "bpf/sockredir/probes.h"
#include "helper/exit_codes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROBES_MAX = 32, PROBE_TIMEOUT_MS = 20000, DETAIL_MAX = 96 };

enum state { NOT_REACHED, TRIED, NOT_TRIED };

struct result {
    uint8_t state;
    bool ok;
    char detail[DETAIL_MAX];
};

struct round {
    bool verdict; // with the no-op sk_skb verdict on the map
    struct result results[PROBES_MAX];
};

// ---- a cgroup of our own below the one to be served

static int make_cgroup(const struct loader *l, const struct cgroup_dir *parent, char *name,
                       size_t size)
{
    snprintf(name, size, "sockredir-preflight-%d", getpid());
    if (mkdirat(parent->fd, name, 0755) == 0)
        return EXIT_OK;
    cli_error(l->program, "cannot make the cgroup %s/%s for the preflight: %s", parent->path, name,
              strerror(errno));
    return EXIT_FAILED;
}

static void remove_cgroup(const struct cgroup_dir *parent, const char *name)
{
    // The kernel takes a moment after the last process of a cgroup ended.
    for (int tries = 0;
         tries < 100 && unlinkat(parent->fd, name, AT_REMOVEDIR) != 0 && errno == EBUSY; tries++)
        usleep(10000);
}

static bool join_cgroup(int cgroup_fd)
{
    int fd = openat(cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, "0", 1) == 1; // 0: the writer
    if (fd >= 0)
        close(fd);
    return ok;
}

// ---- the probes run in a child, which joins that cgroup and may hang

static bool get_ready(int cgroup_fd, int *outside, char why[DETAIL_MAX])
{
    unsigned port;
    *outside = probe_listen(&port);
    if (*outside < 0 || !probe_connect())
        snprintf(why, DETAIL_MAX, "no connection to 127.0.0.1 (is lo up?): %s", strerror(errno));
    else if (!join_cgroup(cgroup_fd))
        snprintf(why, DETAIL_MAX, "cannot join a cgroup: %s", strerror(errno));
    else
        return true;
    return false;
}

static void run_probes(struct redirect *redirect, int cgroup_fd, int to)
{
    int outside;
    char why[DETAIL_MAX] = "";
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // Children of the probes are waited for; the parent's blocked signals are not for us.
    bool ready = get_ready(cgroup_fd, &outside, why);
    for (unsigned i = 0; probes[i].name; i++) {
        enum probe_outcome outcome = PROBE_NOT_TRIED;
        const char *detail = why;
        // A busy machine can make a probe late; what is broken is broken each time.
        for (int tries = 0; ready && outcome != PROBE_HOLDS && tries < 2; tries++)
            outcome = probe_run(&probes[i], redirect, outside, &detail);
        struct result result = {.state = outcome == PROBE_NOT_TRIED ? NOT_TRIED : TRIED,
                                .ok = outcome == PROBE_HOLDS};
        snprintf(result.detail, sizeof(result.detail), "%s", detail);
        if (write(to, &result, sizeof(result)) != sizeof(result))
            return;
    }
}

static bool read_result(int from, struct result *result)
{
    struct pollfd p = {.fd = from, .events = POLLIN};
    return poll(&p, 1, PROBE_TIMEOUT_MS) == 1 &&
           read(from, result, sizeof(*result)) == sizeof(*result);
}

static int collect(const struct loader *l, struct redirect *redirect, int cgroup_fd,
                   struct round *round)
{
    int pipe_fd[2];
    if (pipe2(pipe_fd, O_CLOEXEC) != 0)
        return loader_fail(l, errno, "make a pipe");
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        close(pipe_fd[0]);
        run_probes(redirect, cgroup_fd, pipe_fd[1]);
        _exit(0);
    }
    close(pipe_fd[1]);
    for (unsigned i = 0; child > 0 && probes[i].name; i++)
        if (!read_result(pipe_fd[0], &round->results[i])) {
            round->results[i] =
                (struct result){.state = NOT_TRIED, .detail = "the probe hung or died"};
            kill(child, SIGKILL);
            break;
        }
    close(pipe_fd[0]);
    if (child < 0)
        return loader_fail(l, errno, "start a process for the preflight");
    waitpid(child, NULL, 0);
    return EXIT_OK;
}

static int run_round(const struct loader *l, const struct cgroup_dir *cgroup, struct round *round)
{
    char name[64];
    struct redirect redirect;
    struct redirect_settings settings = {
        .verdict = round->verdict, .bound_bytes = 64 << 20, .small_bytes = 0};
    memset(settings.ports, 0xff, sizeof(settings.ports));
    int rc = make_cgroup(l, cgroup, name, sizeof(name));
    if (rc != EXIT_OK)
        return rc;
    int fd = openat(cgroup->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = redirect_start(&redirect, l, fd, &settings);
    if (rc == EXIT_OK) {
        redirect_set_lease(&redirect, UINT64_MAX);
        rc = collect(l, &redirect, fd, round);
        redirect_free(&redirect);
    }
    close(fd);
    remove_cgroup(cgroup, name);
    return rc;
}

// ---- kept for the next start: a kernel does not change while it runs

#define MEMORY_PATH RUN_DIR "/sockredir-preflight"

struct memory {
    char boot_id[37];
    char version[27]; // of this program
    uint32_t rounds_run;
    struct round rounds[2];
};

static bool set_identity(struct memory *m)
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    memset(m, 0, sizeof(*m));
    bool ok = fd >= 0 && read(fd, m->boot_id, sizeof(m->boot_id) - 1) == sizeof(m->boot_id) - 1;
    if (fd >= 0)
        close(fd);
    snprintf(m->version, sizeof(m->version), "%s", NETVITALS_VERSION);
    return ok;
}

static bool recall(struct round rounds[2], unsigned *n)
{
    struct memory now, kept;
    int fd = open(MEMORY_PATH, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool ok = fd >= 0 && set_identity(&now) && read(fd, &kept, sizeof(kept)) == sizeof(kept) &&
              memcmp(now.boot_id, kept.boot_id, sizeof(now.boot_id)) == 0 &&
              memcmp(now.version, kept.version, sizeof(now.version)) == 0;
    if (fd >= 0)
        close(fd);
    if (ok) {
        memcpy(rounds, kept.rounds, sizeof(kept.rounds));
        *n = kept.rounds_run == 2 ? 2 : 1;
    }
    return ok;
}

// What cannot be kept is tried out again next time.
static void remember(const struct round rounds[2], unsigned n)
{
    struct memory m;
    if (!set_identity(&m))
        return;
    m.rounds_run = n;
    memcpy(m.rounds, rounds, sizeof(m.rounds));
    mkdir(RUN_DIR, 0755);
    int fd = open(MEMORY_PATH ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = fd >= 0 && write(fd, &m, sizeof(m)) == sizeof(m);
    if (fd >= 0 && (close(fd) != 0 || !ok || rename(MEMORY_PATH ".new", MEMORY_PATH) != 0))
        unlink(MEMORY_PATH ".new");
}

// ---- what follows from it

// The first probe of what must hold whose result is in that state, and does not say that it holds.
static const struct probe *first_bad(const struct round *round, enum state state,
                                     const char **detail)
{
    for (unsigned i = 0; probes[i].name; i++) {
        const struct result *r = &round->results[i];
        if (probes[i].severity == MUST_HOLD && r->state == state && !r->ok) {
            *detail = r->detail;
            return &probes[i];
        }
    }
    return NULL;
}

static bool all_tried(const struct round *round)
{
    for (unsigned i = 0; probes[i].name; i++)
        if (round->results[i].state != TRIED)
            return false;
    return true;
}

// One or two rounds: the second with the verdict, if the first shows something broken or not all
// was tried. rounds[n - 1] is the one to go by.
static int run_rounds(const struct loader *l, const struct cgroup_dir *cgroup,
                      struct round rounds[2], unsigned *n)
{
    const char *detail;
    *n = 1;
    int rc = run_round(l, cgroup, &rounds[0]);
    bool nothing_ran = rounds[0].results[0].state == NOT_TRIED;
    if (rc != EXIT_OK || nothing_ran ||
        (!first_bad(&rounds[0], TRIED, &detail) && !first_bad(&rounds[0], NOT_TRIED, &detail)))
        return rc;
    *n = 2;
    rounds[1].verdict = true;
    return run_round(l, cgroup, &rounds[1]);
}

static int run_and_remember(const struct loader *l, const struct cgroup_dir *cgroup,
                            struct round rounds[2], unsigned *n)
{
    int rc = run_rounds(l, cgroup, rounds, n);
    // What was not tried may be the doing of this namespace or of this moment.
    if (rc == EXIT_OK && all_tried(&rounds[0]) && all_tried(&rounds[*n - 1]))
        remember(rounds, *n);
    return rc;
}

static const char *word(const struct probe *probe, const struct result *r)
{
    return r->state == NOT_REACHED    ? "-"
           : r->state == NOT_TRIED    ? "?"
           : r->ok                    ? "ok"
           : probe->severity == LIMIT ? "limit"
                                      : "BROKEN";
}

int preflight_print(const struct loader *l, const struct cgroup_dir *cgroup)
{
    struct round rounds[2] = {0};
    unsigned n;
    int rc = run_and_remember(l, cgroup, rounds, &n);
    if (rc != EXIT_OK)
        return rc;
    struct utsname host;
    uname(&host);
    printf("kernel %s\n%-14s%-10s", host.release, "behaviour", "redirect");
    printf("%s%s\n", n == 2 ? "verdict   " : "", "what plain TCP does, and what was seen instead");
    for (unsigned i = 0; probes[i].name; i++) {
        printf("%-14s", probes[i].name);
        for (unsigned k = 0; k < n; k++)
            printf("%-10s", word(&probes[i], &rounds[k].results[i]));
        const char *detail = rounds[n - 1].results[i].detail;
        printf("%s%s%s\n", probes[i].asks, detail[0] ? ": " : "", detail);
    }
    const char *detail;
    const struct probe *broken = first_bad(&rounds[n - 1], TRIED, &detail);
    const struct probe *untried = first_bad(&rounds[n - 1], NOT_TRIED, &detail);
    if (broken || untried)
        printf("sockredir does not start here%s (--force overrides)\n",
               broken ? "" : ", since it cannot try out all that must hold");
    else
        printf("sockredir starts here%s\n",
               n == 2 ? ", with a no-op sk_skb verdict on its map" : "");
    return broken || untried ? EXIT_CANNOT : EXIT_OK;
}

static void warn_of_limits(const struct loader *l, const struct round *round)
{
    char list[128] = "";
    for (unsigned i = 0; probes[i].name; i++)
        if (probes[i].severity == LIMIT && !round->results[i].ok) {
            size_t used = strlen(list);
            snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "", probes[i].name);
        }
    if (list[0])
        cli_error(
            l->program,
            "note: this kernel changes %s for redirected sockets (see --preflight); leave out "
            "ports whose programs need it, with --ports",
            list);
}

int preflight_decide(const struct loader *l, const struct cgroup_dir *cgroup, bool force,
                     bool *verdict)
{
    struct round rounds[2] = {0};
    unsigned n;
    const char *detail;
    int rc = recall(rounds, &n) ? EXIT_OK : run_and_remember(l, cgroup, rounds, &n);
    if (rc != EXIT_OK)
        return rc;
    const struct probe *broken = first_bad(&rounds[n - 1], TRIED, &detail);
    const struct probe *bad = broken ? broken : first_bad(&rounds[n - 1], NOT_TRIED, &detail);
    *verdict = n == 2 && !bad;
    if (!bad) {
        warn_of_limits(l, &rounds[n - 1]);
        return EXIT_OK;
    }
    cli_error(l->program, "%s '%s' (%s: %s)%s",
              broken ? "this kernel breaks" : "cannot try out whether this kernel keeps", bad->name,
              bad->asks, detail,
              force ? "; starting all the same, as --force asks"
                    : "; see --preflight, or start all the same with --force");
    return force ? EXIT_OK : EXIT_CANNOT;
}
