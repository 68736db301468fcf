// SPDX-License-Identifier: Apache-2.0

#include "bpf/xdpacct/config.h"
#include "helper/exit_codes.h"
#include "schema/ip.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { VXLAN_PORT = 4789, V4_MAPPED_BITS = 96 };

// any odd numbers without a pattern
static const uint64_t replay_factors[HASH_FACTORS] = {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9,
                                                      0x94d049bb133111eb, 0xd6e8feb86659fd93,
                                                      0xc2b2ae3d27d4eb4f, 0xa0761d6478bd642f};

static const char *const encap_names[ENCAP_COUNT] = {
    [ENCAP_GRE] = "gre",       [ENCAP_ERSPAN] = "erspan", [ENCAP_VXLAN] = "vxlan",
    [ENCAP_GENEVE] = "geneve", [ENCAP_GTP] = "gtp",       [ENCAP_IPIP] = "ipip",
};

const char *encap_text(uint8_t encap, char out[32])
{
    unsigned outer = encap & 0xf, inner = encap >> 4;
    out[0] = '\0';
    if (outer && outer < ENCAP_COUNT)
        snprintf(out, 32, "%s%s%s", encap_names[outer], inner ? "," : "",
                 inner && inner < ENCAP_COUNT ? encap_names[inner] : "");
    return out;
}

// ---- prefixes

static bool parse_prefix(const char *text, size_t len, struct prefix *out)
{
    const char *slash = memchr(text, '/', len);
    size_t addr_len = slash ? (size_t)(slash - text) : len;
    struct ip_addr ip;
    if (!ip_parse(text, addr_len, &ip))
        return false;
    bool v4 = memchr(text, ':', addr_len) == NULL;
    uint64_t bits = v4 ? 32 : 128;
    if (slash) {
        char number[8] = "";
        size_t digits = len - addr_len - 1;
        uint64_t max = bits;
        if (digits == 0 || digits >= sizeof(number))
            return false;
        memcpy(number, slash + 1, digits);
        if (!parse_u64(number, &bits) || bits > max)
            return false;
    }
    out->key.bits = (uint32_t)bits + (v4 ? V4_MAPPED_BITS : 0);
    ip = ip_network(ip, out->key.bits);
    memcpy(out->key.addr, ip.bytes, sizeof(out->key.addr));
    return true;
}

static bool add_prefix(struct prefix_set *set, struct prefix prefix)
{
    struct prefix *items = realloc(set->items, (set->count + 1) * sizeof(*items));
    if (!items)
        return false;
    set->items = items;
    set->items[set->count++] = prefix;
    return true;
}

static int parse_item(const struct program *program, const char *option, const char *item,
                      struct prefix_set *out)
{
    while (*item) {
        size_t len = strcspn(item, ",");
        struct prefix prefix;
        if (!parse_prefix(item, len, &prefix)) {
            cli_error(program, "%s: '%.*s' is no prefix like 10.128.0.0/9 or 2001:db8::/32", option,
                      (int)len, item);
            return EXIT_USAGE;
        }
        if (!add_prefix(out, prefix)) {
            cli_error(program, "out of memory");
            return EXIT_FAILED;
        }
        item += len + (item[len] == ',');
    }
    return EXIT_OK;
}

int prefix_set__parse(const struct program *program, const char *option,
                      const struct opt_list *list, struct prefix_set *out)
{
    *out = (struct prefix_set){0};
    for (size_t i = 0; i < list->count; i++) {
        int rc = parse_item(program, option, list->items[i], out);
        if (rc != EXIT_OK) {
            prefix_set__free(out);
            return rc;
        }
    }
    return EXIT_OK;
}

void prefix_set__free(struct prefix_set *set)
{
    free(set->items);
    *set = (struct prefix_set){0};
}

bool prefix_set__contains(const struct prefix_set *set, struct ip_addr ip)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct prefix_trie_key *key = &set->items[i].key;
        unsigned bytes = key->bits / 8, bits = key->bits % 8;
        if (memcmp(key->addr, ip.bytes, bytes) == 0 &&
            (bits == 0 || (key->addr[bytes] ^ ip.bytes[bytes]) >> (8 - bits) == 0))
            return true;
    }
    return false;
}

static void mask_of(unsigned bits, uint8_t *out, size_t size)
{
    memset(out, 0, size);
    for (unsigned bit = 0; bit < bits; bit++)
        out[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
}

bool prefix__is_v4(const struct prefix *p)
{
    struct ip_addr ip;
    memcpy(ip.bytes, p->key.addr, sizeof(ip.bytes));
    return p->key.bits >= V4_MAPPED_BITS && ip_is_v4(ip);
}

static bool add_inline(const struct prefix *p, struct prefixes *out)
{
    if (prefix__is_v4(p)) {
        if (out->v4_count == PREFIXES_INLINE)
            return false;
        struct prefix_v4 *v4 = &out->v4[out->v4_count++];
        memcpy(&v4->net, p->key.addr + 12, sizeof(v4->net));
        mask_of(p->key.bits - V4_MAPPED_BITS, (uint8_t *)&v4->mask, sizeof(v4->mask));
        return true;
    }
    if (out->v6_count == PREFIXES_INLINE)
        return false;
    struct prefix_v6 *v6 = &out->v6[out->v6_count++];
    memcpy(v6->net, p->key.addr, sizeof(v6->net));
    mask_of(p->key.bits, (uint8_t *)v6->mask, sizeof(v6->mask));
    return true;
}

void prefix_set__settings(const struct prefix_set *set, struct prefixes *out)
{
    *out = (struct prefixes){.any = set->count == 0};
    for (size_t i = 0; i < set->count; i++)
        if (!add_inline(&set->items[i], out))
            out->use_trie = 1;
}

// ---- the rest of the settings

static bool add_vxlan_port(struct settings *out, const char *text, size_t len)
{
    char number[8] = "";
    uint64_t port;
    if (len == 0 || len >= sizeof(number))
        return false;
    memcpy(number, text, len);
    if (!parse_u64(number, &port) || port == 0 || port > 65535)
        return false;
    for (int i = 0; i < VXLAN_PORTS_MAX; i++)
        if (!out->vxlan_ports[i]) {
            out->vxlan_ports[i] = htons((uint16_t)port);
            return true;
        }
    return false;
}

static bool add_encap(struct settings *out, const char *word, size_t len)
{
    const char *colon = memchr(word, ':', len);
    size_t name_len = colon ? (size_t)(colon - word) : len;
    for (unsigned e = ENCAP_NONE + 1; e < ENCAP_COUNT; e++) {
        if (strlen(encap_names[e]) != name_len || memcmp(encap_names[e], word, name_len) != 0)
            continue;
        out->encaps |= 1u << e;
        if (colon)
            return e == ENCAP_VXLAN && add_vxlan_port(out, colon + 1, len - name_len - 1);
        return true;
    }
    return false;
}

// Where to look closer at a UDP packet: the span of the ports of all tunnels that may be opened.
static void set_port_span(struct settings *out)
{
    unsigned first = 65536, last = 0;
    uint16_t ports[VXLAN_PORTS_MAX + 2] = {0};
    memcpy(ports, out->vxlan_ports, sizeof(out->vxlan_ports));
    ports[VXLAN_PORTS_MAX] = out->encaps & 1u << ENCAP_GENEVE ? htons(GENEVE_PORT) : 0;
    ports[VXLAN_PORTS_MAX + 1] = out->encaps & 1u << ENCAP_GTP ? htons(GTP_PORT) : 0;
    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        unsigned port = ntohs(ports[i]);
        first = port && port < first ? port : first;
        last = port > last ? port : last;
    }
    out->tunnel_port_first = (uint16_t)(last ? first : 0);
    out->tunnel_port_span = (uint16_t)(last ? last - first + 1 : 0);
}

static int parse_encaps(const struct program *program, const char *list, struct settings *out)
{
    if (strcmp(list, "none") == 0)
        list = "";
    if (strcmp(list, "all") == 0)
        list = "gre,erspan,vxlan,geneve,gtp,ipip";
    while (*list) {
        size_t len = strcspn(list, ",");
        if (!add_encap(out, list, len)) {
            cli_error(program,
                      "--encap: '%.*s' will not do: it takes all, none, or a list of gre erspan "
                      "vxlan vxlan:PORT (at "
                      "most %d) geneve gtp ipip",
                      (int)len, list, VXLAN_PORTS_MAX);
            return EXIT_USAGE;
        }
        list += len + (list[len] == ',');
    }
    if (out->encaps & 1u << ENCAP_VXLAN && !out->vxlan_ports[0])
        out->vxlan_ports[0] = htons(VXLAN_PORT);
    set_port_span(out);
    return EXIT_OK;
}

int config_settings(const struct program *program, const struct config *config,
                    struct settings *out)
{
    out->by = strcmp(config->by, "subscriber") == 0 ? BY_SUBSCRIBER
              : strcmp(config->by, "peer") == 0     ? BY_PEER
                                                    : BY_FLOW;
    out->verdict = config->drop ? XDP_DROP : XDP_PASS;
    if (strcmp(config->bytes, "wire") == 0)
        out->flags |= SETTING_WIRE_BYTES;
    if (config->read)
        out->flags |= SETTING_READING;
    out->names = strcmp(config->names, "dns") == 0   ? NAMES_DNS
                 : strcmp(config->names, "all") == 0 ? NAMES_ALL
                                                     : NAMES_OFF;
    if (out->names != NAMES_OFF && out->by != BY_FLOW) {
        cli_error(program, "--names needs flows: leave out --by %s", config->by);
        return EXIT_USAGE;
    }
    mask_of((unsigned)config->v6_bits, (uint8_t *)out->v6_mask, sizeof(out->v6_mask));
    // a replay must give the same table each time; a live one must not be predictable
    memcpy(out->hash_factors, replay_factors, sizeof(replay_factors));
    if (!config->read &&
        getrandom(out->hash_factors, sizeof(out->hash_factors), 0) != sizeof(out->hash_factors)) {
        cli_error(program, "cannot get random numbers from the kernel");
        return EXIT_CANNOT;
    }
    for (int i = 0; i < HASH_FACTORS; i++)
        out->hash_factors[i] |= 1;
    return parse_encaps(program, config->encap, out);
}
