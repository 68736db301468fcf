// SPDX-License-Identifier: Apache-2.0

#include "helper/aggregate/rtt_assocs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROC_ASSOCS "/proc/net/sctp/assocs"

const char *assoc_state_name(int state)
{
    static const char *const names[] = {
        "CLOSED",           "COOKIE_WAIT",   "COOKIE_ECHOED",     "ESTABLISHED",
        "SHUTDOWN_PENDING", "SHUTDOWN_SENT", "SHUTDOWN_RECEIVED", "SHUTDOWN_ACK_SENT"};
    return state >= 0 && state < (int)(sizeof(names) / sizeof(*names)) ? names[state]
                                                                       : "of unknown state";
}

static void add_address(struct assoc *a, struct ip_addr ip)
{
    for (size_t i = 0; i < a->address_count; i++)
        if (ip_equal(a->addresses[i], ip))
            return;
    if (a->address_count < ASSOC_ADDRESSES_MAX)
        a->addresses[a->address_count++] = ip;
}

// ASSOC SOCK STY SST ST HBKT ASSOC-ID TX_QUEUE RX_QUEUE UID INODE LPORT RPORT LADDRS <-> RADDRS …
// The primary address of each side has a star in front (net/sctp/proc.c, sctp_assocs_seq_show).
static bool parse_assoc(char *line, struct assoc *a)
{
    enum { STATE = 4, ASSOC_ID = 6, LPORT = 11, RPORT = 12, FIRST_ADDRESS = 13 };
    char *save = NULL;
    bool remote = false;
    int field = 0;
    memset(a, 0, sizeof(*a));
    for (char *word = strtok_r(line, " \t\n", &save); word;
         word = strtok_r(NULL, " \t\n", &save), field++) {
        struct ip_addr ip;
        if (field == STATE)
            a->state = (int)strtol(word, NULL, 10);
        else if (field == ASSOC_ID)
            a->assoc_id = strtoull(word, NULL, 10);
        else if (field == LPORT)
            a->lport = (uint16_t)strtoul(word, NULL, 10);
        else if (field == RPORT)
            a->rport = (uint16_t)strtoul(word, NULL, 10);
        if (field < FIRST_ADDRESS)
            continue;
        if (strcmp(word, "<->") == 0) {
            remote = true;
            continue;
        }
        word += *word == '*';
        if (!ip_parse(word, strlen(word), &ip)) {
            if (remote)
                break; // the numbers behind the addresses
            continue;
        }
        if (remote)
            add_address(a, ip);
    }
    return remote && a->address_count > 0;
}

static bool append(struct assoc_list *list, const struct assoc *a)
{
    struct assoc *items = realloc(list->items, (list->count + 1) * sizeof(*items));
    if (!items)
        return false;
    list->items = items;
    items[list->count++] = *a;
    return true;
}

// ADDR ASSOC_ID HB_ACT RTO MAX_PATH_RTX REM_ADDR_RTX START STATE
static void read_remaddr(const char *assocs_path, struct assoc_list *list)
{
    char path[4096], line[1024], address[64];
    const char *name = strrchr(assocs_path, '/');
    name = name ? name + 1 : assocs_path;
    const char *word = strstr(name, "assocs");
    if (!word)
        return;
    int len = snprintf(path, sizeof(path), "%.*sremaddr%s", (int)(word - assocs_path), assocs_path,
                       word + 6);
    FILE *f = len > 0 && (size_t)len < sizeof(path) ? fopen(path, "r") : NULL;
    if (!f)
        return; // older captures have no such file: assocs names the addresses too
    while (fgets(line, sizeof(line), f)) {
        unsigned long long id;
        struct ip_addr ip;
        if (sscanf(line, "%63s %llu", address, &id) != 2 ||
            !ip_parse(address, strlen(address), &ip))
            continue;
        for (size_t i = 0; i < list->count; i++)
            if (list->items[i].assoc_id == id)
                add_address(&list->items[i], ip);
    }
    fclose(f);
}

// Without the heading it is another file, or a copy that failed: no association would be in it, and
// nothing would contradict it. Returns what is wrong, or NULL.
static const char *read_assocs(FILE *f, struct assoc_list *out)
{
    const char *wrong = NULL;
    char *line = NULL;
    size_t size = 0;
    struct assoc a;
    errno = 0;
    if (getline(&line, &size, f) <= 0 || !strstr(line, "ASSOC-ID"))
        wrong = ferror(f) ? strerror(errno) : "it is no copy of " PROC_ASSOCS;
    while (!wrong && getline(&line, &size, f) > 0)
        if (parse_assoc(line, &a) && !append(out, &a))
            wrong = "out of memory";
    if (!wrong && ferror(f))
        wrong = strerror(errno);
    free(line);
    return wrong;
}

bool assoc_list_read(const char *path, struct assoc_list *out, char error[ASSOC_ERROR_MAX])
{
    *out = (struct assoc_list){0};
    if (path[0] == '\0')
        path = PROC_ASSOCS;
    FILE *f = fopen(path, "r");
    const char *wrong = f ? read_assocs(f, out) : strerror(errno);
    const char *cure =
        !f && strcmp(path, PROC_ASSOCS) == 0 ? "; is the sctp module loaded? (modprobe sctp)" : "";
    if (f)
        fclose(f);
    if (wrong) {
        snprintf(error, ASSOC_ERROR_MAX, "cannot read %s: %s%s", path, wrong, cure);
        assoc_list_free(out);
        return false;
    }
    read_remaddr(path, out);
    return true;
}

void assoc_list_free(struct assoc_list *list)
{
    free(list->items);
    *list = (struct assoc_list){0};
}

const struct assoc *assoc_list_find(const struct assoc_list *list, uint64_t assoc_id)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].assoc_id == assoc_id)
            return &list->items[i];
    return NULL;
}
