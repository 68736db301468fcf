// SPDX-License-Identifier: Apache-2.0

#include "helper/rules/pseudonym.h"

#include <errno.h>
#include <nettle/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pseudonyms {
    struct hmac_sha256_ctx hmac;
};

enum { KEY_MAX = 4096 };

struct pseudonyms *pseudonyms_load(const char *path, char error[PSEUDONYM_ERROR_MAX])
{
    uint8_t key[KEY_MAX];
    FILE *f = fopen(path, "r");
    if (!f) {
        snprintf(error, PSEUDONYM_ERROR_MAX, "%s: %s", path, strerror(errno));
        return NULL;
    }
    size_t len = fread(key, 1, sizeof(key), f);
    fclose(f);
    struct pseudonyms *p = len < PSEUDONYM_KEY_MIN ? NULL : malloc(sizeof(*p));
    if (p)
        hmac_sha256_set_key(&p->hmac, len, key);
    else
        snprintf(error, PSEUDONYM_ERROR_MAX,
                 "%s: a key has at least %d bytes: head -c 32 /dev/urandom >%s", path,
                 PSEUDONYM_KEY_MIN, path);
    explicit_bzero(key, sizeof(key));
    return p;
}

void pseudonyms_free(struct pseudonyms *p)
{
    if (p)
        explicit_bzero(p, sizeof(*p));
    free(p);
}

static struct ip_addr digest(struct pseudonyms *p)
{
    struct ip_addr out = {{0xfd}};
    hmac_sha256_digest(&p->hmac, sizeof(out.bytes) - 1, out.bytes + 1);
    return out;
}

struct ip_addr pseudonym_of(struct pseudonyms *p, struct ip_addr ip)
{
    hmac_sha256_update(&p->hmac, sizeof(ip.bytes), ip.bytes);
    return digest(p);
}

struct ip_addr pseudonym_of_name(struct pseudonyms *p, struct text name)
{
    // so that no name is hashed as an address, whatever its bytes
    static const uint8_t prefix[sizeof(struct ip_addr) + 1] = "subscriber name:";
    hmac_sha256_update(&p->hmac, sizeof(prefix), prefix);
    hmac_sha256_update(&p->hmac, name.len, (const uint8_t *)name.ptr);
    return digest(p);
}
