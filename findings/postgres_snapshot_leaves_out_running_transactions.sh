#!/usr/bin/env bash
# PostgreSQL 16.2 (PyPI pgserver 0.1.4), psycopg 3.3.2 (PyPI).
#
# A snapshot does not list the transactions that run. pg_snapshot_xmax() is one more than the last transaction that
# ENDED, and pg_snapshot_xip() lists only those below it: while the newest transactions run and none behind them has
# ended, the snapshot looks as if nobody were at work. As soon as any later transaction ends, those that ran all the time
# appear. So "no id in the list is older than mine" is no proof that all that were begun before are over, and a row that was
# written before a snapshot may be committed under an id at or above its xmax. What bounds both is an id of one's own
# (pg_current_xact_id()), drawn first and compared with the xmin of a later snapshot.
#
# Seen (distance of xmin and of xmax from the first running id; how many are listed, of how many that run):
#   two run, none after them ended: xmin +0, xmax +0, 0 of 2 listed
#   a third began and ended behind them: xmin +0, xmax +3, 2 of 2 listed
set -euo pipefail
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
    --options "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c autovacuum=off" start
"$folder/python/bin/python" - "$port" >"$folder/seen" <<'PYTHON'
import sys

import psycopg


def connect(autocommit):
    return psycopg.connect(f"host=127.0.0.1 port={sys.argv[1]} user=postgres dbname=postgres", autocommit=autocommit)


def draw(connection):
    return int(connection.execute("SELECT pg_current_xact_id()::text").fetchone()[0])


def look(when):
    lowest, highest, listed = observer.execute(
        """SELECT pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint,
                  (SELECT count(*) FROM pg_snapshot_xip(s) WHERE pg_snapshot_xip::text::bigint = ANY (%s))
           FROM pg_current_snapshot() AS s""",
        [running],
    ).fetchone()
    print(f"{when}: xmin +{lowest - running[0]}, xmax +{highest - running[0]}, {listed} of {len(running)} listed")


observer = connect(True)
first, second, third = connect(False), connect(False), connect(False)
running = [draw(first), draw(second)]
look("two run, none after them ended")
draw(third)
third.commit()
look("a third began and ended behind them")
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN'
two run, none after them ended: xmin +0, xmax +0, 0 of 2 listed
a third began and ended behind them: xmin +0, xmax +3, 2 of 2 listed
SEEN
