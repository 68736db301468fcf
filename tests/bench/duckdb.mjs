// SPDX-License-Identifier: Apache-2.0
//
// duckdb.mjs - the sums of `report rtt` and `report traffic` with DuckDB, one thread:
// node duckdb.mjs heartbeat|flow FILE     (needs the npm package @duckdb/node-api)

import { createRequire } from "node:module";

const require = createRequire(process.env.DUCKDB_AT + "/");
const { DuckDBInstance } = require("@duckdb/node-api");
const [kind, file] = process.argv.slice(2);

const query = {
  heartbeat: `SELECT raddr, count(*), sum(rtt_ns)::VARCHAR, min(rtt_ns), max(rtt_ns)
    FROM read_ndjson('${file}', columns={type: 'VARCHAR', raddr: 'VARCHAR', rtt_ns: 'UBIGINT'})
    WHERE type = 'sctp_hb_ack' GROUP BY raddr`,
  flow: `SELECT sub, name, sum(bytes_up)::VARCHAR, sum(bytes_down)::VARCHAR, sum(packets_up)::VARCHAR,
    sum(packets_down)::VARCHAR
    FROM read_ndjson('${file}', columns={type: 'VARCHAR', sub: 'VARCHAR', name: 'VARCHAR',
      bytes_up: 'UBIGINT', bytes_down: 'UBIGINT', packets_up: 'UBIGINT', packets_down: 'UBIGINT'})
    WHERE type = 'flow' GROUP BY sub, name`,
};

const connection = await (await DuckDBInstance.create(":memory:", { threads: "1" })).connect();
const rows = await (await connection.runAndReadAll(query[kind])).getRows();
process.stdout.write(rows.map((row) => row.join("\t") + "\n").join(""));
