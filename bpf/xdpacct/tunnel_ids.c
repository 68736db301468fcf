// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/tunnel_ids.h"
#include "helper/exit_codes.h"

#include <stdlib.h>
#include <string.h>

// Not strtoul: it takes signs and blanks, and 010 for eight.
static bool parse_id(const char *text, size_t len, uint32_t *out)
{
    bool hex = len > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = hex ? "0123456789abcdef" : "0123456789";
    uint64_t id = 0;
    for (size_t i = hex ? 2 : 0; i < len; i++) {
        const char *digit =
            strchr(digits, text[i] >= 'A' && text[i] <= 'F' ? text[i] | 0x20 : text[i]);
        if (!digit)
            return false;
        id = id * (hex ? 16 : 10) + (uint64_t)(digit - digits);
        if (id > UINT32_MAX)
            return false;
    }
    *out = (uint32_t)id;
    return len > 0;
}

static bool add(struct tunnel_ids *ids, uint32_t id)
{
    uint32_t *items = realloc(ids->items, (ids->count + 1) * sizeof(*items));
    if (!items)
        return false;
    ids->items = items;
    ids->items[ids->count++] = id;
    return true;
}

static int parse_item(const struct program *program, const char *item, struct tunnel_ids *out)
{
    do {
        size_t len = strcspn(item, ",");
        uint32_t id;
        if (!parse_id(item, len, &id)) {
            cli_error(program,
                      "--tunnel-id: '%.*s' is no number from 0 to 4294967295, like 99 or 0x63",
                      (int)len, item);
            return EXIT_USAGE;
        }
        if (!add(out, id)) {
            cli_error(program, "out of memory");
            return EXIT_FAILED;
        }
        item += len + (item[len] == ',');
    } while (*item);
    return EXIT_OK;
}

int tunnel_ids__parse(const struct program *program, const struct opt_list *list,
                      struct tunnel_ids *out)
{
    int rc = EXIT_OK;
    *out = (struct tunnel_ids){0};
    for (size_t i = 0; i < list->count && rc == EXIT_OK; i++)
        rc = parse_item(program, list->items[i], out);
    if (rc != EXIT_OK)
        tunnel_ids__free(out);
    return rc;
}

void tunnel_ids__free(struct tunnel_ids *ids)
{
    free(ids->items);
    *ids = (struct tunnel_ids){0};
}
