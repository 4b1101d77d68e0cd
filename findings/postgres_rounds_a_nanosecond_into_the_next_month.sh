#!/usr/bin/env bash
# PostgreSQL 16.2 (PyPI pgserver 0.1.4), psycopg 3.3.2 (PyPI), Python 3.11, Node 20.
#
# A time with nanoseconds, as Go, Java and OTLP's tools write it, has more digits than a timestamptz keeps. Postgres rounds it to the
# nearest microsecond and carries; Python's fromisoformat and JavaScript's Date cut off what they cannot keep. So one text
# is two moments, depending on who parses it, for every second such text: half of the rows that were written with the string are not
# found by the datetime that the app has of it, so that what was taken is taken for missing. At its end the last half
# microsecond of November is December: the string is routed to December's partition, or to none where that is not there yet,
# the datetime to November's. Postgres does not even agree with itself: the same text as a date is the 30th.
#
# Seen (for 2026-11-30T23:59:59.9999995Z):
#   Postgres, ::timestamptz: 2026-12-01 00:00:00+00
#   Postgres, ::date: 2026-11-30
#   Postgres, ::timestamptz::date: 2026-12-01
#   Python: 2026-11-30T23:59:59.999999+00:00
#   Node: 2026-11-30T23:59:59.999Z
#   inserted as a str: row in december
#   inserted as a datetime: row in november
#   inserted as a str before there is a december: CheckViolation
#   of 1000 other texts with nine digits, inserted as a str, found by their datetime: 501
set -euo pipefail
here=$PWD/$(dirname "$0")/$(basename "$0")
folder=$(mktemp -d)
trap '"${as[@]}" "$bin/pg_ctl" --pgdata "$folder/data" --mode immediate --silent stop 2>/dev/null || true; rm -rf "$folder"' EXIT
as=()
python3 -m venv "$folder/python"
"$folder/python/bin/pip" install --quiet --disable-pip-version-check pgserver==0.1.4 "psycopg[binary]==3.3.2"
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
    --options "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c timezone=UTC" start
"$folder/python/bin/python" - "$port" >"$folder/seen" <<'PYTHON'
import subprocess
import sys
from datetime import datetime

import psycopg

TEXT = "2026-11-30T23:59:59.9999995Z"
db = psycopg.connect(f"host=127.0.0.1 port={sys.argv[1]} user=postgres dbname=postgres", autocommit=True)


def one(query, *parameters):
    return db.execute(query, parameters).fetchone()[0]


def insert(at):
    """The partition that a row goes to."""
    return one("INSERT INTO receipts VALUES (%s) RETURNING tableoid::regclass::text", at)


for cast in ("timestamptz", "date", "timestamptz::date"):
    print(f"Postgres, ::{cast}:", one(f"SELECT ('{TEXT}'::{cast})::text"))
print("Python:", datetime.fromisoformat(TEXT).isoformat())
script = f"console.log('Node:', new Date('{TEXT}').toISOString())"
print(subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True).stdout.strip())
db.execute("CREATE TABLE receipts (at timestamptz NOT NULL) PARTITION BY RANGE (at)")
db.execute("CREATE TABLE november PARTITION OF receipts FOR VALUES FROM ('2026-11-01') TO ('2026-12-01')")
try:
    before = insert(TEXT)
except psycopg.Error as error:
    before = type(error).__name__
db.execute("CREATE TABLE december PARTITION OF receipts FOR VALUES FROM ('2026-12-01') TO ('2027-01-01')")
print("inserted as a str: row in", insert(TEXT))
print("inserted as a datetime: row in", insert(datetime.fromisoformat(TEXT)))
print("inserted as a str before there is a december:", before)
texts = [f"2026-11-15T12:00:00.{n * 999_001:09}Z" for n in range(1000)]
found = 0
for text in texts:
    insert(text)
    found += one("SELECT count(*) FROM receipts WHERE at = %s", datetime.fromisoformat(text))
print("of 1000 other texts with nine digits, inserted as a str, found by their datetime:", found)
PYTHON
sed -n 's/^#   //p' "$here" | diff - "$folder/seen" && echo "as described"
