// SPDX-License-Identifier: Apache-2.0
//
// doctor.h - what the tools need of a host, whether it is there, and the command that brings it.
//
// A need is one row of needs.def and one function examine_NAME() that looks, by trying where that
// changes nothing, not by the kernel's version.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum finding_state {
    FOUND_YES,
    FOUND_NO,
    FOUND_UNKNOWN, // nothing to look at, for instance in a copy of /proc and /sys
};

struct finding {
    enum finding_state state;
    char detail[256]; // what was seen
    char cure[320];   // the command, or what to do; empty if all is well
};

struct host {
    const char
        *root; // "" for this host; else the folder of a copy of its /proc and /sys (sosreport)
};

enum need {
#define NEED(name, words) NEED_##name,
#include "helper/doctor/needs.def"
    NEED_COUNT
};

struct need_info {
    const char *name;  // for JSON
    const char *words; // for people
    void (*examine)(const struct host *host, struct finding *out);
};

extern const struct need_info need_table[NEED_COUNT];

struct tool {
    const char *name, *what;
    uint32_t needs; // bits 1 << NEED_x
};

// Ended by a row without name.
extern const struct tool doctor_tools[];

// ---- private to helper/doctor

#define NEED(name, words) void examine_##name(const struct host *host, struct finding *out);
#include "helper/doctor/needs.def"

void finding_set(struct finding *f, enum finding_state state, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void finding_cure(struct finding *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

bool host_is_here(const struct host *host);

// Whether a file is there, and its first bytes (NUL-terminated; empty where it cannot be read).
bool host_has(const struct host *host, const char *path);
bool host_read(const struct host *host, const char *path, char *out, unsigned size);

// The mount point of a file system type, from /proc/self/mounts.
bool host_mount(const struct host *host, const char *type, char *out, unsigned size);

// Release of the kernel: "6.1.0-18-amd64".
bool host_release(const struct host *host, char *out, unsigned size);

// Tries to make a BPF map of this type, and closes it. 0 or an errno.
int bpf_try_map(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t flags);

// Tries to load "return 0" of this program type. 0 or an errno.
int bpf_try_program(uint32_t type, uint32_t attach_type);
