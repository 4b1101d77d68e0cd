#!/usr/bin/env bash
# psycopg2-binary 2.9.13, psycopg 3.3.2, asyncpg 0.32.0, pgserver 0.1.4 (PostgreSQL 16.2; all PyPI), Python 3.11.
#
# Four rows are written by executemany() with autocommit, the third is a duplicate. psycopg2 keeps the two before it: each row was its
# own transaction. psycopg 3 keeps none: it sends them all before it asks, and Postgres takes what comes between two Syncs as one
# transaction, autocommit or not. So a relay that goes on after "those before it are in", or that was told of a row by a
# RETURNING, has rows that are not there; and a batch with one bad row is never taken, however often it is sent. The same
# holds for a pipeline: a row whose result was read is undone by a later one. conn.transaction() for each row, or
# pipeline.sync(), ends one.
#
# Seen (which of the rows 1, 2, 2, 3 there are in the end):
#   psycopg2, executemany: 1, 2
#   psycopg 3, a loop of execute: 1, 2
#   psycopg 3, executemany: none
#   psycopg 3, executemany with RETURNING: none
#   asyncpg, executemany: none
#   psycopg 3, pipeline, the first sent and its result read: none
#   psycopg 3, pipeline, sync() after each: 1, 2
set -euo pipefail
here=$PWD/$(dirname "$0")/$(basename "$0")
folder=$(mktemp -d)
trap '"${as[@]}" "$bin/pg_ctl" --pgdata "$folder/data" --mode immediate --silent stop 2>/dev/null || true; rm -rf "$folder"' EXIT
as=()
python3 -m venv "$folder/python"
"$folder/python/bin/pip" install --quiet --disable-pip-version-check \
    pgserver==0.1.4 "psycopg[binary]==3.3.2" psycopg2-binary==2.9.13 asyncpg==0.32.0
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
"$folder/python/bin/python" - "$port" >"$folder/seen" <<'PYTHON'
import asyncio
import sys

import asyncpg
import psycopg
import psycopg2

WHERE = f"host=127.0.0.1 port={sys.argv[1]} user=postgres dbname=postgres"
ROWS = [(1,), (2,), (2,), (3,)]
INSERT = "INSERT INTO outbox VALUES (%s)"
db = psycopg.connect(WHERE, autocommit=True)
db.execute("CREATE TABLE outbox (id int PRIMARY KEY)")


def show(name, write):
    db.execute("TRUNCATE outbox")
    try:
        write()
    except (psycopg.errors.UniqueViolation, psycopg2.errors.UniqueViolation, asyncpg.UniqueViolationError):
        ids = [str(id) for (id,) in db.execute("SELECT id FROM outbox ORDER BY id")]
        print(f"{name}:", ", ".join(ids) or "none")


def by_psycopg2():
    other = psycopg2.connect(WHERE)
    other.autocommit = True
    other.cursor().executemany(INSERT, ROWS)


def one_by_one():
    for row in ROWS:
        db.execute(INSERT, row)


def by_asyncpg():
    async def write():
        other = await asyncpg.connect(host="127.0.0.1", port=int(sys.argv[1]), user="postgres", database="postgres")
        try:
            await other.executemany("INSERT INTO outbox VALUES ($1)", ROWS)
        finally:
            await other.close()
    asyncio.run(write())


def pipeline():
    with db.pipeline():
        first = db.execute(f"{INSERT} RETURNING id", ROWS[0]).fetchone()
        assert first == (1,)
        for row in ROWS[1:]:
            db.execute(INSERT, row)


def pipeline_with_sync():
    with db.pipeline() as sent:
        for row in ROWS:
            db.execute(INSERT, row)
            sent.sync()


show("psycopg2, executemany", by_psycopg2)
show("psycopg 3, a loop of execute", one_by_one)
show("psycopg 3, executemany", lambda: db.cursor().executemany(INSERT, ROWS))
show("psycopg 3, executemany with RETURNING", lambda: db.cursor().executemany(f"{INSERT} RETURNING id", ROWS, returning=True))
show("asyncpg, executemany", by_asyncpg)
show("psycopg 3, pipeline, the first sent and its result read", pipeline)
show("psycopg 3, pipeline, sync() after each", pipeline_with_sync)
PYTHON
sed -n 's/^#   //p' "$here" | diff - "$folder/seen" && echo "as described"
