// SPDX-License-Identifier: Apache-2.0
//
// yyjson.c - the sums of `report rtt` and `report traffic` with yyjson, a document a line out of
// one pool of memory: yyjson heartbeat|flow FILE

#include <yyjson.h>
#include "tests/bench/lines_of.h"
#include "tests/bench/table.h"

struct work {
    struct table table;
    bool flows;
    yyjson_alc pool;
};

static void take_flow(struct work *w, yyjson_val *object)
{
    yyjson_val *sub = yyjson_obj_get(object, "sub"), *name = yyjson_obj_get(object, "name");
    const uint64_t values[TABLE_SUMS] = {yyjson_get_uint(yyjson_obj_get(object, "bytes_up")),
                                         yyjson_get_uint(yyjson_obj_get(object, "bytes_down")),
                                         yyjson_get_uint(yyjson_obj_get(object, "packets_up")),
                                         yyjson_get_uint(yyjson_obj_get(object, "packets_down"))};
    table_add_flow(&w->table, yyjson_get_str(sub), yyjson_get_len(sub), yyjson_get_str(name),
                   yyjson_get_len(name), values);
}

static void take(void *context, char *line, size_t len, size_t capacity)
{
    struct work *w = context;
    (void)capacity;
    yyjson_doc *doc = yyjson_read_opts(line, len, 0, &w->pool, NULL);
    yyjson_val *object = yyjson_doc_get_root(doc), *type = yyjson_obj_get(object, "type");
    if (!doc)
        exit(1);
    if (w->flows && yyjson_equals_str(type, "flow")) {
        take_flow(w, object);
    } else if (!w->flows && yyjson_equals_str(type, "sctp_hb_ack")) {
        yyjson_val *raddr = yyjson_obj_get(object, "raddr");
        table_add_heartbeat(&w->table, yyjson_get_str(raddr), yyjson_get_len(raddr),
                            yyjson_get_uint(yyjson_obj_get(object, "rtt_ns")));
    }
    yyjson_doc_free(doc);
}

int main(int argc, char **argv)
{
    static char memory[1 << 20]; // more than the longest line needs
    static struct work w;
    if (argc != 3)
        return 2;
    w.flows = strcmp(argv[1], "flow") == 0;
    yyjson_alc_pool_init(&w.pool, memory, sizeof(memory));
    table_open(&w.table);
    lines_of(argv[2], take, &w);
    table_print(&w.table);
    return 0;
}
