#!/usr/bin/env bash
# PostgreSQL 16.2 (PyPI pgserver 0.1.4), psycopg 3.3.2 (PyPI), Python 3.11; 18.4 does the same.
#
# Pages by key: WHERE (tenant, kind, id) < (1, 5, $1) ORDER BY tenant DESC, kind DESC, id DESC LIMIT 50 starts at that place of the
# index and reads one page of rows. Whoever adds AND tenant = 1, which is true of all of them anyway, for row-level security
# (a policy adds just that), for partitions or for the reader, has the scan start at the end of the tenant instead: an equality
# of the first column takes the place of the row comparison as the point to start from, and of a row comparison nothing but
# its first column would count there. EXPLAIN names the same index, the same conditions and no filter, so the plan looks as
# good as before; only the buffers tell. The equality of the first two columns makes it the few pages again.
#
# Seen (one million rows of three tenants with 100 kinds each; of kind 5, the newest fifty):
#   by the row comparison: Index Scan Backward using events_idx, no filter, rows as wanted: yes, under 100 buffers
#   and tenant = 1: Index Scan Backward using events_idx, no filter, rows as wanted: yes, over 1000 buffers
#   and tenant = 1 AND kind = 5: Index Scan Backward using events_idx, no filter, rows as wanted: yes, under 100 buffers
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
    --options "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=" start
"$folder/python/bin/python" - "$port" >"$folder/seen" <<'PYTHON'
import sys

import psycopg

db = psycopg.connect(f"host=127.0.0.1 port={sys.argv[1]} user=postgres dbname=postgres", autocommit=True)
db.execute("CREATE TABLE events (tenant int, kind int, id bigint, note text)")
db.execute("INSERT INTO events SELECT n % 3, n / 3 % 100, n, repeat('x', 50) FROM generate_series(1, 1000000) n")
db.execute("CREATE INDEX events_idx ON events (tenant, kind, id)")
db.execute("VACUUM ANALYZE events")
PAGE = "(tenant, kind, id) < (1, 5, 9000000) AND (tenant, kind, id) > (1, 5, 0)"
WANTED = db.execute("SELECT id FROM events WHERE tenant = 1 AND kind = 5 ORDER BY id DESC LIMIT 50").fetchall()

for name, more in (("by the row comparison", ""), ("and tenant = 1", " AND tenant = 1"),
                   ("and tenant = 1 AND kind = 5", " AND tenant = 1 AND kind = 5")):
    query = f"FROM events WHERE {PAGE}{more} ORDER BY tenant DESC, kind DESC, id DESC LIMIT 50"
    explained = db.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * {query}").fetchone()[0][0]["Plan"]
    scan = explained["Plans"][0]
    read = explained["Shared Hit Blocks"] + explained["Shared Read Blocks"]
    size = "under 100" if read < 100 else "over 1000" if read > 1000 else str(read)
    wanted = "yes" if db.execute(f"SELECT id {query}").fetchall() == WANTED else "no"
    print(f"{name}: {scan['Node Type']} {scan['Scan Direction']} using {scan['Index Name']},",
          "a filter," if "Filter" in scan else "no filter,", f"rows as wanted: {wanted}, {size} buffers")
PYTHON
sed -n 's/^#   //p' "$here" | diff - "$folder/seen" && echo "as described"
