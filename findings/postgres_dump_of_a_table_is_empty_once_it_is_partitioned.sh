#!/usr/bin/env bash
# PostgreSQL 16.2 (PyPI pgserver 0.1.4): server, pg_dump and psql.
#
# A table of 500 rows becomes a partition of a new table that takes its name, as a release does that divides a table by
# month; every query goes on as before. The scripts around it do not. `pg_dump -t events` writes a definition without
# one row and ends with 0: rows belong to partitions, and -t names the parent alone. The same holds the other way round:
# -T events and --exclude-table-data=events leave out nothing, so rows that were to stay at home are in the dump. The
# table's size and its statistics of use drop to 0 as well, which a dashboard shows as an emptied table. COPY at least
# refuses. Since 16 there is --table-and-children, and there are its two siblings.
#
# Seen (rows in the dump, before and after; events_2026 is the old table):
#   -t events: 500, then 0
#   --table-and-children=events: 500, then 500
#   -T events: 0, then 500
#   --exclude-table-data=events: 0, then 500
#   --exclude-table-data-and-children=events: 0, then 0
#   SELECT count(*) FROM events: 500, then 500
#   pg_total_relation_size('events') > 0: t, then f
#   n_tup_ins of events: 500, then 0
set -euo pipefail
here=$PWD/$(dirname "$0")/$(basename "$0")
folder=$(mktemp -d)
trap '"${as[@]}" "$bin/pg_ctl" --pgdata "$folder/data" --mode immediate --silent stop 2>/dev/null || true; rm -rf "$folder"' EXIT
as=()
python3 -m venv "$folder/python"
"$folder/python/bin/pip" install --quiet --disable-pip-version-check pgserver==0.1.4
bin=$(echo "$folder"/python/lib/python3*/site-packages/pgserver/pginstall/bin)
# A server does not run as root.
if [ "$(id -u)" = 0 ]; then
    as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    chmod 755 "$folder"
fi
mkdir "$folder/data"
[ "$(id -u)" != 0 ] || chown 65534:65534 "$folder/data"
"${as[@]}" "$bin/initdb" --pgdata "$folder/data" --username postgres --auth trust --no-sync >/dev/null
PGPORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export PGPORT PGHOST=127.0.0.1 PGUSER=postgres PGDATABASE=postgres
"${as[@]}" "$bin/pg_ctl" --pgdata "$folder/data" --silent --wait --log "$folder/data/log" \
    --options "-p $PGPORT -c listen_addresses=127.0.0.1 -c unix_socket_directories=" start
sql() { "$bin/psql" --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --command "$1"; }
dump() { "$bin/pg_dump" "$@" | awk '/^COPY /{rows = 1; next} /^\\\.$/{rows = 0} rows{n++} END{print n + 0}'; }
look() {
    for option in "-t events" --table-and-children=events "-T events" --exclude-table-data=events \
        --exclude-table-data-and-children=events; do
        read -ra words <<<"$option"
        rows=$(dump "${words[@]}")
        echo "$option: $rows"
    done
    echo "SELECT count(*) FROM events: $(sql "SELECT count(*) FROM events")"
    echo "pg_total_relation_size('events') > 0: $(sql "SELECT pg_total_relation_size('events') > 0")"
    echo "n_tup_ins of events: $(sql "SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'events'")"
}
sql "CREATE TABLE events (id int NOT NULL, received_at timestamptz NOT NULL);
    INSERT INTO events SELECT n, '2026-06-01Z'::timestamptz + n * interval '1 hour' FROM generate_series(1, 500) AS n"
look >"$folder/before"
sql "BEGIN; ALTER TABLE events RENAME TO events_2026;
    CREATE TABLE events (LIKE events_2026) PARTITION BY RANGE (received_at);
    ALTER TABLE events ATTACH PARTITION events_2026 FOR VALUES FROM ('2026-01-01Z') TO ('2027-01-01Z'); COMMIT"
look >"$folder/after"
paste -d'|' "$folder/before" "$folder/after" | sed -E 's/\|.*: /, then /' >"$folder/seen"
sed -n 's/^#   //p' "$here" | diff - "$folder/seen" && echo "as described"
