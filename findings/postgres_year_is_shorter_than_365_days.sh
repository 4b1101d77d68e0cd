#!/usr/bin/env bash
# PostgreSQL 16.2 (PyPI pgserver 0.1.4), psycopg 3.3.2 and asyncpg 0.32.0 (PyPI), Python 3.11.
#
# How long to keep something is an interval, and intervals are compared. For that a month has 30 days, in a year too: '1 year' is
# equal to '360 days' and less than '365 days'. Everything else that Postgres and its clients do with a year makes it longer: added to a
# time it is a calendar's, extract(epoch) gives it 365.25 days, psycopg and asyncpg read it as 365. So a CHECK that wants at least 365
# days rejects the year, LEAST and GREATEST choose the wrong rule of two, DISTINCT drops one of them, and a value that was read
# and is sent back is not equal to what it was read from. Compare the moments, now() - keep, and not the intervals.
#
# Seen:
#   '1 year' < '365 days': True
#   '1 year' = '360 days': True
#   GREATEST('1 year', '361 days') is the year: False
#   now() - '1 year' < now() - '361 days': True
#   extract(epoch) / 86400 of '1 year': 365.25, of '360 days': 360
#   CHECK (keep >= '365 days'), '1 year': CheckViolation
#   count(DISTINCT keep) of '1 year' and '360 days': 1
#   psycopg reads '1 year': 365 days; sent back, equal: False
#   asyncpg reads '1 year': 365 days; sent back, equal: False
set -euo pipefail
here=$PWD/$(dirname "$0")/$(basename "$0")
folder=$(mktemp -d)
trap '"${as[@]}" "$bin/pg_ctl" --pgdata "$folder/data" --mode immediate --silent stop 2>/dev/null || true; rm -rf "$folder"' EXIT
as=()
python3 -m venv "$folder/python"
"$folder/python/bin/pip" install --quiet --disable-pip-version-check pgserver==0.1.4 "psycopg[binary]==3.3.2" asyncpg==0.32.0
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
import asyncio
import sys

import asyncpg
import psycopg

db = psycopg.connect(f"host=127.0.0.1 port={sys.argv[1]} user=postgres dbname=postgres", autocommit=True)


def one(query, *parameters):
    return db.execute(query, parameters).fetchone()[0]


def days(interval):
    return f"{float(one('SELECT extract(epoch FROM %s::interval) / 86400', interval)):g}"


print("'1 year' < '365 days':", one("SELECT interval '1 year' < interval '365 days'"))
print("'1 year' = '360 days':", one("SELECT interval '1 year' = interval '360 days'"))
longest = one("SELECT GREATEST(interval '1 year', interval '361 days')::text")
print("GREATEST('1 year', '361 days') is the year:", longest == "1 year")
print("now() - '1 year' < now() - '361 days':", one("SELECT now() - interval '1 year' < now() - interval '361 days'"))
print(f"extract(epoch) / 86400 of '1 year': {days('1 year')}, of '360 days': {days('360 days')}")
db.execute("CREATE TABLE rules (keep interval CHECK (keep >= '365 days'))")
try:
    db.execute("INSERT INTO rules VALUES ('1 year')")
except psycopg.Error as error:
    print("CHECK (keep >= '365 days'), '1 year':", type(error).__name__)
kept = one("SELECT count(DISTINCT keep) FROM (VALUES (interval '1 year'), ('360 days')) AS rules (keep)")
print("count(DISTINCT keep) of '1 year' and '360 days':", kept)
year = one("SELECT interval '1 year'")
print(f"psycopg reads '1 year': {year.days} days; sent back, equal:", one("SELECT interval '1 year' = %s", year))


async def with_asyncpg():
    other = await asyncpg.connect(host="127.0.0.1", port=int(sys.argv[1]), user="postgres", database="postgres")
    year = await other.fetchval("SELECT interval '1 year'")
    is_equal = await other.fetchval("SELECT interval '1 year' = $1", year)
    print(f"asyncpg reads '1 year': {year.days} days; sent back, equal:", is_equal)
    await other.close()


asyncio.run(with_asyncpg())
PYTHON
sed -n 's/^#   //p' "$here" | diff - "$folder/seen" && echo "as described"
