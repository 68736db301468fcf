// SPDX-License-Identifier: Apache-2.0

#include "helper/decode/ahead.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 8, BLOCK_SIZE = 256 * 1024 };

struct block {
    ssize_t got; // as the reader returned it
    int failed;  // errno if got is -1
    char bytes[BLOCK_SIZE];
};

struct ahead {
    ahead_reader read;
    void *context;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t filled, used; // blocks, since the start; under the lock
    bool stop;           // under the lock
    // of who uses the blocks
    size_t at; // in the block that is used
    bool ended;
    struct block blocks[BLOCKS]; // number n is at n % BLOCKS
};

// The next block to fill, or NULL: nobody wants it.
static struct block *wait_for_room(struct ahead *a)
{
    pthread_mutex_lock(&a->lock);
    while (a->filled - a->used == BLOCKS && !a->stop)
        pthread_cond_wait(&a->changed, &a->lock);
    struct block *block = a->stop ? NULL : &a->blocks[a->filled % BLOCKS];
    pthread_mutex_unlock(&a->lock);
    return block;
}

static void *read_on(void *context)
{
    struct ahead *a = context;
    struct block *block;
    ssize_t got = 1;
    while (got > 0 && (block = wait_for_room(a))) {
        do
            got = block->got = a->read(a->context, block->bytes, BLOCK_SIZE);
        while (got < 0 && errno == EINTR); // some file systems say so without a signal
        block->failed = got < 0 ? errno : 0;
        pthread_mutex_lock(&a->lock);
        a->filled++;
        pthread_cond_signal(&a->changed);
        pthread_mutex_unlock(&a->lock);
    }
    return NULL;
}

// Signals are for the threads that know what to do with them.
static int start_thread(struct ahead *a)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&a->thread, NULL, read_on, a);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

struct ahead *ahead_start(ahead_reader read, void *context)
{
    struct ahead *a = malloc(sizeof(*a)); // not calloc: a short stream leaves most of it untouched
    if (!a)
        return NULL;
    memset(a, 0, offsetof(struct ahead, blocks));
    a->read = read;
    a->context = context;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    if (start_thread(a) == 0)
        return a;
    free(a);
    return NULL;
}

static struct block *wait_for_block(struct ahead *a)
{
    pthread_mutex_lock(&a->lock);
    while (a->filled == a->used)
        pthread_cond_wait(&a->changed, &a->lock);
    struct block *block = &a->blocks[a->used % BLOCKS];
    pthread_mutex_unlock(&a->lock);
    return block;
}

static void give_back(struct ahead *a)
{
    pthread_mutex_lock(&a->lock);
    a->used++;
    a->at = 0;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

ssize_t ahead_read(struct ahead *a, char *buf, size_t size)
{
    struct block *block = wait_for_block(a);
    if (block->got <= 0) { // stays, for whoever reads again
        a->ended = true;
        errno = block->failed;
        return block->got;
    }
    size_t left = (size_t)block->got - a->at, take = left < size ? left : size;
    memcpy(buf, block->bytes + a->at, take);
    a->at += take;
    if (take == left)
        give_back(a);
    return (ssize_t)take;
}

bool ahead_ended(const struct ahead *a)
{
    return a->ended;
}

void ahead_stop(struct ahead *a)
{
    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    a->stop = true;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    pthread_mutex_destroy(&a->lock);
    pthread_cond_destroy(&a->changed);
    free(a);
}
