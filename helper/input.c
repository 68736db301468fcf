// SPDX-License-Identifier: Apache-2.0

#include "helper/input.h"
#include "helper/exit_codes.h"
#include "helper/input_divide.h"
#include "helper/progress.h"
#include "helper/reading.h"
#include "helper/store/store_paths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct one_source {
    const struct input *in;
    struct source *source;
    struct progress *progress;
};

// Asked before every read, which is how progress gets its turn.
static bool stop(void *context)
{
    const struct one_source *one = context;
    if (one->progress->wanted)
        progress_update(one->progress, source_position(one->source));
    return one->in->session->strict_failure;
}

static bool pulse(void *context)
{
    const struct one_source *one = context;
    return one->in->pulse(one->in->context);
}

// A segment of a store may get its final name, or be removed by retention, after its directory was
// listed.
struct source *input_open(const char *path, char *error, size_t size)
{
    struct source *source = source_open(path, error, size);
    char *completed = source || errno != ENOENT ? NULL : store_path_completed(path);
    if (completed)
        source = source_open(completed, error, size);
    free(completed);
    return source;
}

static int read_path(const struct input *in, const char *path, struct progress *progress)
{
    char error[256];
    struct one_source one = {.in = in, .progress = progress};
    struct reading r = {
        .pulse_us = in->pulse_us, .pulse = pulse, .stop = stop, .context = (void *)&one};
    r.source = one.source = input_open(path, error, sizeof(error));
    if (!r.source) {
        fprintf(stderr, "netvitals: %s\n", error);
        return EXIT_FAILED;
    }
    source_read_ahead(r.source);
    r.feed = session_feed(in->session);
    in->session->source = path;
    int rc = EXIT_FAILED;
    if (r.feed) {
        rc = reading_run(&r) ? EXIT_OK : EXIT_FAILED;
        session_finish_feed(in->session, r.feed);
    }
    progress_next_file(progress, source_position(r.source));
    progress_clear(progress);
    if (source_error(r.source))
        fprintf(stderr, "netvitals: %s: %s\n", source_name(r.source), source_error(r.source));
    feed_free(r.feed);
    source_close(r.source);
    return rc;
}

static int read_one_by_one(const struct input *in, const struct store_paths *paths,
                           struct progress *progress)
{
    int rc = EXIT_OK;
    for (size_t i = 0; i < paths->count && !reading_interrupted() && !in->session->strict_failure;
         i++) {
        int one = read_path(in, paths->items[i], progress);
        rc = rc ? rc : one;
    }
    return rc;
}

bool input_is_stored(const char *const *paths, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct stat st;
        int rc = strcmp(paths[i], "-") == 0 ? fstat(STDIN_FILENO, &st) : stat(paths[i], &st);
        if (rc == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
            return false;
    }
    return count > 0;
}

static bool may_divide(const struct input *in)
{
    const struct session *session = in->session;
    bool may = session->options->jobs > 1 && !session->options->strict && !in->pulse_us;
    for (size_t i = 0; i < session->count; i++)
        may = may && !session->kinds[i]->in_order;
    return may;
}

int input_read_all(const struct input *in)
{
    const struct session *session = in->session;
    struct store_paths paths;
    if (store_paths_expand(in->paths, in->path_count, session->since_us, session->until_us, &paths))
        return EXIT_FAILED;
    struct progress progress = {.wanted = false};
    if (!in->pulse_us)
        progress_start(&progress, (const char *const *)paths.items, paths.count);
    reading_catch_signals();
    int rc = may_divide(in) ? input_divide(in, &paths, &progress)
                            : read_one_by_one(in, &paths, &progress);
    store_paths_free(&paths);
    return session->strict_failure ? EXIT_BAD_INPUT : rc;
}
