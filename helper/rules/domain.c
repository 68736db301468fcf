// SPDX-License-Identifier: Apache-2.0

#include "helper/rules/domain.h"

#include <libpsl.h>
#include <string.h>

struct text domain_of(struct text host)
{
    char name[256];
    if (host.len == 0 || host.len >= sizeof(name))
        return host;
    memcpy(name, host.ptr, host.len);
    name[host.len] = '\0';
    const char *domain = psl_registrable_domain(psl_builtin(), name);
    if (!domain)
        return host;
    return (struct text){host.ptr + (domain - name), host.len - (size_t)(domain - name)};
}
