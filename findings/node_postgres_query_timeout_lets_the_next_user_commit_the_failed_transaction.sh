#!/usr/bin/env bash
# pg 8.23.1 (npm; with it pg-pool) and PostgreSQL 16.2 (PyPI pgserver 0.1.4), Node 20.
#
# query_timeout ends the wait, not the statement. pool.query() rejects with "Query read timeout", and the row is written and committed
# afterwards. In a transaction as pg's own documentation writes it (BEGIN, catch: ROLLBACK, finally: release) the ROLLBACK waits
# behind the slow statement, times out as well and is dropped before it was ever sent. release() is told of no error, so the
# connection goes back into the pool with the transaction open. Whoever is next writes into it: a single INSERT is
# acknowledged and seen by nobody else, and the COMMIT of the next transaction commits it, together with all that the failed one had
# written and its caller has long reported as failed, or written again. statement_timeout ends the statement at the server, and with it
# all is as one thinks; so does release(error) after a ROLLBACK that failed.
#
# Seen (a single INSERT of 1 s; then a transaction that writes "first" and, in 1 s, "second"; the limit is 300 ms):
#   query_timeout, alone: Query read timeout; later there is: alone
#   query_timeout, transaction: Query read timeout; later there is: nothing
#   query_timeout, the next one inserts "third": acknowledged; there is: nothing
#   query_timeout, the next transaction inserts "fourth": committed; there is: first, second, third, fourth
#   statement_timeout, alone: canceling statement due to statement timeout; later there is: nothing
#   statement_timeout, transaction: canceling statement due to statement timeout; later there is: nothing
#   statement_timeout, the next one inserts "third": acknowledged; there is: third
#   statement_timeout, the next transaction inserts "fourth": committed; there is: third, fourth
set -euo pipefail
here=$PWD/$(dirname "$0")/$(basename "$0")
folder=$(mktemp -d)
trap '"${as[@]}" "$bin/pg_ctl" --pgdata "$folder/data" --mode immediate --silent stop 2>/dev/null || true; rm -rf "$folder"' EXIT
as=()
python3 -m venv "$folder/python"
"$folder/python/bin/pip" install --quiet --disable-pip-version-check pgserver==0.1.4
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" pg@8.23.1 >/dev/null
bin=$(echo "$folder"/python/lib/python3*/site-packages/pgserver/pginstall/bin)
# A server does not run as root.
if [ "$(id -u)" = 0 ]; then
    as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    chmod 755 "$folder"
fi
mkdir "$folder/data"
[ "$(id -u)" != 0 ] || chown 65534:65534 "$folder/data"
"${as[@]}" "$bin/initdb" --pgdata "$folder/data" --username postgres --auth trust --no-sync >/dev/null
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"${as[@]}" "$bin/pg_ctl" --pgdata "$folder/data" --silent --wait --log "$folder/data/log" \
    --options "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=" start
cat >"$folder/seen.cjs" <<'NODE'
const { Client, Pool } = require("pg");

const address = { host: "127.0.0.1", port: Number(process.argv[2]), user: "postgres", database: "postgres" };
const later = () => new Promise((go) => setTimeout(go, 1500));

// As in pg's documentation of transactions.
async function transaction(pool, ...statements) {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    for (const statement of statements) await client.query(statement);
    await client.query("COMMIT");
    return "committed";
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

async function seen(limit) {
  const watch = new Client(address);
  await watch.connect();
  await watch.query("CREATE TABLE IF NOT EXISTS payments (n serial, v text)");
  const pool = new Pool({ ...address, max: 1, [limit]: 300 });
  const said = (call) => call.catch((error) => error.message);
  const there = async () => (await watch.query("SELECT v FROM payments ORDER BY n")).rows.map((row) => row.v).join(", ") || "nothing";
  const slow = (value) => `INSERT INTO payments (v) SELECT '${value}' FROM pg_sleep(1)`;

  let answer = await said(pool.query(slow("alone")));
  await later();
  console.log(`${limit}, alone: ${answer}; later there is: ${await there()}`);
  await watch.query("TRUNCATE payments");

  answer = await said(transaction(pool, "INSERT INTO payments (v) VALUES ('first')", slow("second")));
  await later();
  console.log(`${limit}, transaction: ${answer}; later there is: ${await there()}`);

  answer = await said(pool.query("INSERT INTO payments (v) VALUES ('third')").then(() => "acknowledged"));
  console.log(`${limit}, the next one inserts "third": ${answer}; there is: ${await there()}`);
  answer = await said(transaction(pool, "INSERT INTO payments (v) VALUES ('fourth')"));
  console.log(`${limit}, the next transaction inserts "fourth": ${answer}; there is: ${await there()}`);

  await pool.end();
  await watch.query("DROP TABLE payments");
  await watch.end();
}

seen("query_timeout").then(() => seen("statement_timeout"));
NODE
node "$folder/seen.cjs" "$port" 2>"$folder/log" | tee "$folder/seen"
sed -n 's/^#   //p' "$here" | diff - "$folder/seen" && echo "as described"
