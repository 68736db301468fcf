// SPDX-License-Identifier: Apache-2.0

#include "helper/aggregate/intern.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct intern {
    struct text *texts; // by id; [0] absent, [1] other
    uint32_t count, max;
    uint32_t *slots; // id, or 0 for free
    uint32_t slot_mask;
    uint64_t seed; // names come from the network: without it they could be chosen to collide
};

// Eight bytes at a time, the last of them once more if the length is no multiple of eight.
static uint32_t hash_text(uint64_t seed, struct text text)
{
    uint64_t hash = seed ^ text.len, word;
    size_t at = 0;
    for (; at + sizeof(word) < text.len; at += sizeof(word)) {
        memcpy(&word, text.ptr + at, sizeof(word));
        hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
    }
    if (text.len >= sizeof(word)) {
        memcpy(&word, text.ptr + text.len - sizeof(word), sizeof(word));
    } else {
        word = 0;
        for (; at < text.len; at++)
            word = word << 8 | (unsigned char)text.ptr[at];
    }
    hash = (hash ^ word) * UINT64_C(0xc2b2ae3d27d4eb4f);
    return (uint32_t)(hash ^ hash >> 32);
}

struct intern *intern_new(uint32_t max)
{
    struct intern *in = calloc(1, sizeof(*in));
    if (!in)
        return NULL;
    in->max = max + 2;
    in->slot_mask = 255;
    in->slots = calloc(in->slot_mask + 1, sizeof(*in->slots));
    in->texts = calloc(128, sizeof(*in->texts));
    if (!in->slots || !in->texts || getrandom(&in->seed, sizeof(in->seed), 0) != sizeof(in->seed)) {
        intern_free(in);
        return NULL;
    }
    in->texts[INTERN_OTHER] = TEXT_LITERAL("other");
    in->count = 2;
    return in;
}

void intern_free(struct intern *in)
{
    if (!in)
        return;
    for (uint32_t i = 2; i < in->count; i++)
        free((char *)in->texts[i].ptr);
    free(in->texts);
    free(in->slots);
    free(in);
}

static uint32_t *find_slot(const struct intern *in, struct text text)
{
    for (uint32_t i = hash_text(in->seed, text) & in->slot_mask;; i = (i + 1) & in->slot_mask)
        if (!in->slots[i] || text_equal(in->texts[in->slots[i]], text))
            return &in->slots[i];
}

static int grow(struct intern *in)
{
    uint32_t mask = in->slot_mask * 2 + 1;
    uint32_t *slots = calloc(mask + 1, sizeof(*slots));
    struct text *texts = realloc(in->texts, ((size_t)mask + 1) / 2 * sizeof(*texts));
    if (texts)
        in->texts = texts;
    if (!slots || !texts) {
        free(slots);
        return -1;
    }
    free(in->slots);
    in->slots = slots;
    in->slot_mask = mask;
    for (uint32_t id = 2; id < in->count; id++)
        *find_slot(in, in->texts[id]) = id;
    return 0;
}

uint32_t intern_id(struct intern *in, struct text text)
{
    return intern_id_below(in, text, in->max);
}

uint32_t intern_id_below(struct intern *in, struct text text, uint32_t most)
{
    if (!text.ptr)
        return INTERN_NONE;
    uint32_t *slot = find_slot(in, text);
    if (*slot)
        return *slot;
    if (in->count >= in->max || in->count >= most)
        return INTERN_OTHER;
    if (in->count * 2 > in->slot_mask) {
        if (grow(in) != 0)
            return INTERN_OTHER;
        slot = find_slot(in, text);
    }
    char *copy = malloc(text.len + 1);
    if (!copy)
        return INTERN_OTHER;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    in->texts[in->count] = (struct text){copy, text.len};
    return *slot = in->count++;
}

struct text intern_text(const struct intern *in, uint32_t id)
{
    return in->texts[id];
}
