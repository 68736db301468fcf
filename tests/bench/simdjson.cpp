// SPDX-License-Identifier: Apache-2.0
//
// simdjson.cpp - the sums of `report rtt` and `report traffic` with simdjson on demand:
// simdjson heartbeat|flow FILE

#include <simdjson.h>
#include <string_view>
#include "tests/bench/lines_of.h"
#include "tests/bench/table.h"

struct work {
    struct table table;
    bool flows;
    simdjson::ondemand::parser parser;
};

// By key, in the order in which the lines have them: the way that is fastest on demand.
static void take_flow(struct work *w, simdjson::ondemand::object &object)
{
    std::string_view sub = object["sub"], name = object["name"];
    const uint64_t values[TABLE_SUMS] = {object["bytes_up"], object["bytes_down"],
                                         object["packets_up"], object["packets_down"]};
    table_add_flow(&w->table, sub.data(), sub.size(), name.data(), name.size(), values);
}

static void take(void *context, char *line, size_t len, size_t capacity)
{
    auto *w = static_cast<struct work *>(context);
    auto doc = w->parser.iterate(line, len, capacity);
    simdjson::ondemand::object object = doc.get_object();
    std::string_view type = object["type"];
    if (w->flows && type == "flow") {
        take_flow(w, object);
    } else if (!w->flows && type == "sctp_hb_ack") {
        std::string_view raddr = object["raddr"];
        table_add_heartbeat(&w->table, raddr.data(), raddr.size(), object["rtt_ns"]);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    static struct work w;
    w.flows = strcmp(argv[1], "flow") == 0;
    table_open(&w.table);
    try {
        lines_of(argv[2], take, &w);
    } catch (const simdjson::simdjson_error &error) {
        fprintf(stderr, "simdjson: %s\n", error.what());
        return 1;
    }
    table_print(&w.table);
    return 0;
}
