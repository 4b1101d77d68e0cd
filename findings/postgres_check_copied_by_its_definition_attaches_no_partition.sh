#!/usr/bin/env bash
# PostgreSQL 16.2 (PyPI pgserver 0.1.4), psycopg 3.3.2 (PyPI).
#
# pg_get_constraintdef() of a CHECK is not always the definition of the same CHECK. BETWEEN becomes an AND of its own inside the
# AND around it, which is kept and written with its parentheses; read again, the ANDs become one. The copy means the same, and is
# written differently. So a table whose checks were copied from there by their definition takes it as no partition: ATTACH
# PARTITION compares what both are written as. LIKE … INCLUDING CONSTRAINTS copies the check itself. With >= and <= instead of
# BETWEEN the definition is kept.
#
# Seen (the definition, that of its copy, and whether the table attaches):
#   v BETWEEN 0 AND 9 AND v <> 5: CHECK ((((v >= 0) AND (v <= 9)) AND (v <> 5))), CHECK (((v >= 0) AND (v <= 9) AND (v <> 5))): child
#     table "part" has different definition for check constraint "in_range"
#   … copied by LIKE … INCLUDING CONSTRAINTS: attached
#   v >= 0 AND v <= 9 AND v <> 5: twice the same, attached
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

import psycopg

DEFINITION = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND conname = 'in_range'"


def attach(check, by_like):
    with psycopg.connect(f"host=127.0.0.1 port={sys.argv[1]} user=postgres dbname=postgres") as db:
        db.execute(f"CREATE TABLE part (v int NOT NULL, CONSTRAINT in_range CHECK ({check}))")
        definition = db.execute(DEFINITION, ["part"]).fetchone()[0]
        like = "LIKE part INCLUDING CONSTRAINTS" if by_like else f"v int NOT NULL, CONSTRAINT in_range {definition}"
        db.execute(f"CREATE TABLE whole ({like}) PARTITION BY RANGE (v)")
        copied = db.execute(DEFINITION, ["whole"]).fetchone()[0]
        try:
            db.execute("ALTER TABLE whole ATTACH PARTITION part FOR VALUES FROM (MINVALUE) TO (MAXVALUE)")
            outcome = "attached"
        except psycopg.Error as error:
            outcome = error.diag.message_primary
        db.rollback()
    print(f"{definition} | {copied} | {outcome}")


attach("v BETWEEN 0 AND 9 AND v <> 5", by_like=False)
attach("v BETWEEN 0 AND 9 AND v <> 5", by_like=True)
attach("v >= 0 AND v <= 9 AND v <> 5", by_like=False)
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN'
CHECK ((((v >= 0) AND (v <= 9)) AND (v <> 5))) | CHECK (((v >= 0) AND (v <= 9) AND (v <> 5))) | child table "part" has different definition for check constraint "in_range"
CHECK ((((v >= 0) AND (v <= 9)) AND (v <> 5))) | CHECK ((((v >= 0) AND (v <= 9)) AND (v <> 5))) | attached
CHECK (((v >= 0) AND (v <= 9) AND (v <> 5))) | CHECK (((v >= 0) AND (v <= 9) AND (v <> 5))) | attached
SEEN
