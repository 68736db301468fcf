// SPDX-License-Identifier: Apache-2.0

#include "bpf/common/libbpf_log.h"

#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// libbpf_set_print takes no context pointer, so the kept lines cannot live anywhere but here.
static struct {
    bool echo;
    char first[512];    // first warning
    char kernel[512];   // "Kernel error message: …": netlink's extended acknowledgement
    char verifier[512]; // last line of the verifier's log before its statistics
} kept;

static void keep_line(char *to, size_t size, const char *line, size_t len)
{
    if (len >= size)
        len = size - 1;
    memcpy(to, line, len);
    to[len] = '\0';
}

// The verifier's log comes as one warning of many lines; what it refuses stands just above
// "processed N insns".
static void keep_verifier_complaint(const char *text)
{
    const char *line = text;
    while (*line) {
        size_t len = strcspn(line, "\n");
        bool blank = len == 0 || strncmp(line, "libbpf:", 7) == 0 || strncmp(line, "--", 2) == 0;
        if (strncmp(line, "processed ", 10) == 0)
            return;
        if (!blank)
            keep_line(kept.verifier, sizeof(kept.verifier), line, len);
        line += len + (line[len] == '\n');
    }
}

static void keep(const char *text)
{
    static const char prefix[] = "libbpf: ", extack[] = "Kernel error message: ";
    if (strncmp(text, prefix, sizeof(prefix) - 1) == 0)
        text += sizeof(prefix) - 1;
    if (strncmp(text, extack, sizeof(extack) - 1) == 0) {
        text += sizeof(extack) - 1;
        keep_line(kept.kernel, sizeof(kept.kernel), text, strcspn(text, "\n"));
    } else if (strstr(text, "BEGIN PROG LOAD LOG") || strstr(text, "processed ")) {
        keep_verifier_complaint(text);
    } else if (!kept.first[0]) {
        keep_line(kept.first, sizeof(kept.first), text, strcspn(text, "\n"));
    }
}

static int on_libbpf_print(enum libbpf_print_level level, const char *format, va_list args)
{
    if (kept.echo) {
        va_list again;
        va_copy(again, args);
        vfprintf(stderr, format, again);
        va_end(again);
    }
    if (level != LIBBPF_WARN)
        return 0;
    char *text = NULL;
    if (vasprintf(&text, format, args) >= 0) {
        keep(text);
        free(text);
    }
    return 0;
}

void libbpf_log_capture(void)
{
    const char *echo = getenv("NETVITALS_LIBBPF_LOG");
    kept.echo = echo && *echo && strcmp(echo, "0") != 0;
    libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
    libbpf_set_print(on_libbpf_print);
}

const char *libbpf_log_reason(void)
{
    return kept.kernel[0] ? kept.kernel : kept.verifier[0] ? kept.verifier : kept.first;
}

void libbpf_log_clear(void)
{
    kept.first[0] = kept.kernel[0] = kept.verifier[0] = '\0';
}
