// SPDX-License-Identifier: Apache-2.0

#include "bpf/sockredir/instance.h"
#include "helper/exit_codes.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char *const words[] = {
    [REQUEST_STATUS] = "status", [REQUEST_STOP] = "stop", [REQUEST_RENEW] = "renew"};

static void set_paths(struct instance *i, const struct cgroup_dir *cgroup)
{
    *i = (struct instance){.lock_fd = -1, .listen_fd = -1};
    snprintf(i->lock_path, sizeof(i->lock_path), RUN_DIR "/sockredir-%" PRIu64 ".lock", cgroup->id);
    snprintf(i->socket_path, sizeof(i->socket_path), RUN_DIR "/sockredir-%" PRIu64 ".sock",
             cgroup->id);
}

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
    return un;
}

// An instance whose files we do not see (another mount namespace) is known by its program.
static bool foreign_program(const struct cgroup_dir *cgroup, uint32_t *id)
{
    uint32_t ids[64], count = 64;
    if (bpf_prog_query(cgroup->fd, BPF_CGROUP_SOCK_OPS, 0, NULL, ids, &count) != 0)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        struct bpf_prog_info info = {0};
        uint32_t size = sizeof(info);
        int fd = bpf_prog_get_fd_by_id(ids[i]);
        if (fd < 0)
            continue;
        bool ours = bpf_obj_get_info_by_fd(fd, &info, &size) == 0 &&
                    strcmp(info.name, "sockredir_ops") == 0;
        close(fd);
        *id = ids[i];
        if (ours)
            return true;
    }
    return false;
}

static int say_holder(const struct instance *i, const struct loader *l,
                      const struct cgroup_dir *cgroup)
{
    char pid[32] = "";
    ssize_t n = pread(i->lock_fd, pid, sizeof(pid) - 1, 0);
    pid[n > 0 ? n : 0] = '\0';
    cli_error(l->program,
              "%s is held by sockredir, process %.*s; see 'sockredir --status -c %s', or stop it "
              "with --stop",
              cgroup->path, (int)strcspn(pid, "\n"), pid, cgroup->path);
    return EXIT_FAILED;
}

static int take_lock(struct instance *i, const struct loader *l, const struct cgroup_dir *cgroup)
{
    mkdir(RUN_DIR, 0755);
    i->lock_fd = open(i->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (i->lock_fd < 0) {
        cli_error(l->program, "cannot make %s: %s", i->lock_path, strerror(errno));
        return EXIT_FAILED;
    }
    if (flock(i->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return say_holder(i, l, cgroup);
    uint32_t program;
    if (foreign_program(cgroup, &program)) {
        cli_error(l->program,
                  "%s is held by another sockredir, whose BPF program is %u (bpftool prog show id "
                  "%u); stop it first",
                  cgroup->path, program, program);
        return EXIT_FAILED;
    }
    char pid[32];
    int len = snprintf(pid, sizeof(pid), "%d\n", getpid());
    if (ftruncate(i->lock_fd, 0) != 0 || pwrite(i->lock_fd, pid, (size_t)len, 0) != len) {
        cli_error(l->program, "cannot write %s: %s", i->lock_path, strerror(errno));
        return EXIT_FAILED;
    }
    return EXIT_OK;
}

static int listen_there(struct instance *i, const struct loader *l)
{
    struct sockaddr_un un = address_of(i->socket_path);
    unlink(i->socket_path); // left by one that was killed: we have the lock
    i->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t mask = umask(0077);
    bool ok = i->listen_fd >= 0 && bind(i->listen_fd, (struct sockaddr *)&un, sizeof(un)) == 0 &&
              listen(i->listen_fd, 8) == 0;
    umask(mask);
    if (ok)
        return EXIT_OK;
    cli_error(l->program, "cannot listen on %s: %s", i->socket_path, strerror(errno));
    return EXIT_FAILED;
}

int instance_claim(struct instance *i, const struct loader *l, const struct cgroup_dir *cgroup)
{
    set_paths(i, cgroup);
    int rc = take_lock(i, l, cgroup);
    if (rc == EXIT_OK)
        rc = listen_there(i, l);
    if (rc != EXIT_OK) {
        if (i->lock_fd >= 0)
            close(i->lock_fd);
        i->lock_fd = -1;
    }
    return rc;
}

void instance_release(struct instance *i)
{
    if (i->lock_fd < 0)
        return;
    unlink(i->socket_path);
    unlink(i->lock_path);
    close(i->listen_fd);
    close(i->lock_fd);
    i->lock_fd = i->listen_fd = -1;
}

enum instance_request instance_accept(const struct instance *i, int *reply_fd)
{
    int fd = accept4(i->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return REQUEST_NONE;
    // A caller that says nothing must not hold up the loop.
    struct timeval patience = {.tv_usec = 200000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    char word[16] = "";
    ssize_t n = recv(fd, word, sizeof(word) - 1, 0);
    word[n > 0 ? n : 0] = '\0';
    for (int r = REQUEST_STATUS; r <= REQUEST_RENEW; r++)
        if (strcmp(word, words[r]) == 0) {
            *reply_fd = fd;
            return (enum instance_request)r;
        }
    close(fd);
    return instance_accept(i, reply_fd);
}

int instance_ask(const struct loader *l, const struct cgroup_dir *cgroup,
                 enum instance_request request)
{
    struct instance i;
    set_paths(&i, cgroup);
    struct sockaddr_un un = address_of(i.socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&un, sizeof(un)) != 0) {
        cli_error(l->program, "no sockredir serves %s: %s: %s", cgroup->path, i.socket_path,
                  strerror(errno));
        if (fd >= 0)
            close(fd);
        return EXIT_FAILED;
    }
    const char *word = words[request];
    char answer[4096];
    ssize_t n = send(fd, word, strlen(word), MSG_NOSIGNAL);
    while (n > 0 && (n = recv(fd, answer, sizeof(answer), 0)) > 0)
        fwrite(answer, 1, (size_t)n, stdout);
    close(fd);
    return n == 0 ? EXIT_OK : EXIT_FAILED;
}
