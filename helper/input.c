// SPDX-License-Identifier: Apache-2.0

#include "helper/input.h"
#include "helper/exit_codes.h"
#include "helper/reading.h"

static bool strict_failure(void *context)
{
    const struct input *in = context;
    return in->session->strict_failure;
}

static bool pulse(void *context)
{
    const struct input *in = context;
    return in->pulse(in->context);
}

static int read_path(const struct input *in, const char *path)
{
    char error[256];
    struct reading r = {
        .pulse_us = in->pulse_us, .pulse = pulse, .stop = strict_failure, .context = (void *)in};
    r.source = source_open(path, error, sizeof(error));
    if (!r.source) {
        fprintf(stderr, "netvitals: %s\n", error);
        return EXIT_FAILED;
    }
    r.feed = session_feed(in->session);
    in->session->source = path;
    int rc = EXIT_FAILED;
    if (r.feed) {
        rc = reading_run(&r) ? EXIT_OK : EXIT_FAILED;
        session_finish_feed(in->session, r.feed);
    }
    if (source_error(r.source))
        fprintf(stderr, "netvitals: %s: %s\n", source_name(r.source), source_error(r.source));
    feed_free(r.feed);
    source_close(r.source);
    return rc;
}

int input_read_all(const struct input *in)
{
    int rc = EXIT_OK;
    reading_catch_signals();
    for (size_t i = 0; i < in->path_count && !reading_interrupted() && !in->session->strict_failure;
         i++) {
        int one = read_path(in, in->paths[i]);
        rc = rc ? rc : one;
    }
    return in->session->strict_failure ? EXIT_BAD_INPUT : rc;
}
