// SPDX-License-Identifier: Apache-2.0

#include "helper/store/identity.h"
#include "helper/store/store.h"
#include "schema/encode.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// 32 bits of the text: a machine-id is not to be told (machine-id(5)). FNV-1a.
static uint32_t digest(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *text && *text != '\n'; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return (uint32_t)(hash ^ hash >> 32);
}

// Where there is no machine-id, as in some containers, hosts of one name cannot be told apart.
static void read_machine_id(char *out, int size)
{
    out[0] = '\0';
    FILE *file = fopen("/etc/machine-id", "re");
    if (!file)
        return;
    if (!fgets(out, size, file))
        out[0] = '\0';
    fclose(file);
}

static void set_host(struct identity *id, const char *host)
{
    bool clean;
    snprintf(id->host, sizeof(id->host), "%s", host);
    size_t len = json_quote(text_of(id->host), id->quoted, sizeof(id->quoted) - 1, &clean);
    id->quoted[len] = '\0';
    segment_host_spell(text_of(id->host), id->spelt);
}

static bool is_own(const struct store_file *f, const struct identity *id)
{
    return f->segment && f->name.machine == id->machine && strcmp(f->name.host, id->spelt) == 0;
}

static void find_last(struct identity *id, const struct store_files *files)
{
    id->last = 0;
    for (size_t i = 0; i < files->count; i++)
        if (is_own(&files->items[i], id) && files->items[i].name.last > id->last)
            id->last = files->items[i].name.last;
}

static bool name_is_taken(const struct identity *id, const struct store_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        const struct store_file *f = &files->items[i];
        if (f->segment && f->name.machine != id->machine && strcmp(f->name.host, id->spelt) == 0)
            return true;
    }
    return false;
}

int identity_find(struct identity *id, const char *dir, const char *host, const char *machine)
{
    char name[IDENTITY_HOST_MAX] = "", machine_id[64], other[IDENTITY_HOST_MAX + 16];
    struct store_files files;
    *id = (struct identity){0};
    if (!host && gethostname(name, sizeof(name) - 1) != 0)
        return -errno;
    if (!machine)
        read_machine_id(machine_id, sizeof(machine_id));
    id->machine = digest(machine ? machine : machine_id);
    set_host(id, host ? host : name);
    int rc = store_list(dir, &files);
    if (rc != 0)
        return rc;
    find_last(id, &files);
    if (id->last == 0 && name_is_taken(id, &files)) {
        snprintf(other, sizeof(other), "%.*s#%08" PRIx32, IDENTITY_HOST_MAX - 16, id->host,
                 id->machine);
        fprintf(stderr,
                "netvitals: %s holds events of another machine called %s: recording as %s "
                "(--host sets a name)\n",
                dir, id->host, other);
        set_host(id, other);
        find_last(id, &files);
    }
    store_free(&files);
    return 0;
}
