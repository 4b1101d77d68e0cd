#!/usr/bin/env bash
# PostgreSQL 16.2 (PyPI pgserver 0.1.4), psycopg 3.3.2 (PyPI).
#
# SELECT … LEFT JOIN … FOR UPDATE OF the left table, READ COMMITTED: who waits for the lock is given the locked row as it is now, with
# the joined columns of before. Two take a ticket that nobody owns; the second one reads the new owner's id beside an empty
# name, a row that never was, and who asks "has it a named owner?" takes it as well. With an inner join, from one owner to the next, the row is not
# found at all. A subquery in the select list is evaluated again and says the owner's name.
#
# Seen (what the second transaction reads, once the first has written the owner and committed):
#   LEFT JOIN, from nobody to bob: (1, None)
#   JOIN, from eve to bob: None
#   subquery, from nobody to bob: (1, 'bob')
#   subquery, from eve to bob: (1, 'bob')
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
    --options "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=" start
"$folder/python/bin/python" - "$port" >"$folder/seen" <<'PYTHON'
import sys
import threading
import time

import psycopg

ADDRESS = f"host=127.0.0.1 port={sys.argv[1]} user=postgres dbname=postgres"
JOINED = "SELECT t.owner, o.name FROM tickets t {} owners o ON o.id = t.owner WHERE t.id = 1 FOR UPDATE OF t"
SUBQUERY = "SELECT t.owner, (SELECT o.name FROM owners o WHERE o.id = t.owner) FROM tickets t WHERE t.id = 1 FOR UPDATE OF t"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"

with psycopg.connect(ADDRESS, autocommit=True) as db:
    db.execute("CREATE TABLE owners (id int PRIMARY KEY, name text NOT NULL)")
    db.execute("INSERT INTO owners VALUES (1, 'bob'), (2, 'eve')")
    db.execute("CREATE TABLE tickets (id int PRIMARY KEY, owner int REFERENCES owners)")
    db.execute("INSERT INTO tickets VALUES (1, NULL)")


def second(question, owner):
    with psycopg.connect(ADDRESS, autocommit=True) as watch, psycopg.connect(ADDRESS) as one, psycopg.connect(ADDRESS) as two:
        watch.execute("UPDATE tickets SET owner = %s", [owner])
        one.execute("UPDATE tickets SET owner = 1")
        read = []
        waits = threading.Thread(target=lambda: read.append(two.execute(question).fetchone()))
        waits.start()
        while watch.execute(WAITING).fetchone()[0] == 0:
            time.sleep(0.02)
        one.commit()
        waits.join()
    return read[0]


print("LEFT JOIN, from nobody to bob:", second(JOINED.format("LEFT JOIN"), None))
print("JOIN, from eve to bob:", second(JOINED.format("JOIN"), 2))
print("subquery, from nobody to bob:", second(SUBQUERY, None))
print("subquery, from eve to bob:", second(SUBQUERY, 2))
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN'
LEFT JOIN, from nobody to bob: (1, None)
JOIN, from eve to bob: None
subquery, from nobody to bob: (1, 'bob')
subquery, from eve to bob: (1, 'bob')
SEEN
