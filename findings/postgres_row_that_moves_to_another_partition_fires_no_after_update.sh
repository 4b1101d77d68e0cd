#!/usr/bin/env bash
# PostgreSQL 16.2 (PyPI pgserver 0.1.4): server and psql.
#
# Payments are divided by state, so that the open ones stay few, and an AFTER UPDATE trigger writes a row of the outbox for each that
# changes. An UPDATE that changes the amount fires it. The one that matters, from open to paid, moves the row to another partition, which is
# a DELETE there and an INSERT here: row triggers AFTER UPDATE do not fire, and the outbox has nothing. AFTER DELETE and AFTER INSERT fire
# instead, so that what counts new payments counts this one again. The statement's triggers, with the transition tables, are those
# of the UPDATE and see the row. BEFORE UPDATE fires in both cases. The same holds for a table by month and a correction of the date.
#
# Seen (which triggers fire):
#   amount of one payment: BEFORE UPDATE, AFTER UPDATE, AFTER UPDATE of the statement with 1 row
#   open to paid: BEFORE UPDATE, BEFORE DELETE, BEFORE INSERT, AFTER DELETE, AFTER INSERT, AFTER UPDATE of the statement with 1 row
#   open to paid, by INSERT … ON CONFLICT DO UPDATE: invalid ON UPDATE specification
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
sql "CREATE TABLE payments (id int, state text, amount int, PRIMARY KEY (id, state)) PARTITION BY LIST (state);
    CREATE TABLE payments_open PARTITION OF payments FOR VALUES IN ('open');
    CREATE TABLE payments_paid PARTITION OF payments FOR VALUES IN ('paid');
    INSERT INTO payments VALUES (1, 'open', 500);
    CREATE TABLE fired (n int GENERATED ALWAYS AS IDENTITY, what text);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
        INSERT INTO fired (what) VALUES (TG_WHEN || ' ' || TG_OP);
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END \$\$;
    CREATE FUNCTION note_statement() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
        INSERT INTO fired (what) SELECT 'AFTER UPDATE of the statement with ' || count(*) || ' row' FROM now_so;
        RETURN NULL;
    END \$\$;
    CREATE TRIGGER before_row BEFORE INSERT OR UPDATE OR DELETE ON payments FOR EACH ROW EXECUTE FUNCTION note();
    CREATE TRIGGER after_row AFTER INSERT OR UPDATE OR DELETE ON payments FOR EACH ROW EXECUTE FUNCTION note();
    CREATE TRIGGER after_statement AFTER UPDATE ON payments REFERENCING NEW TABLE AS now_so
        FOR EACH STATEMENT EXECUTE FUNCTION note_statement()"
fired() {
    sql "TRUNCATE fired"
    sql "$2" >/dev/null
    echo "$1: $(sql "SELECT string_agg(what, ', ' ORDER BY n) FROM fired")"
}
{
    fired "amount of one payment" "UPDATE payments SET amount = 400 WHERE id = 1"
    fired "open to paid" "UPDATE payments SET state = 'paid' WHERE id = 1"
    sql "INSERT INTO payments VALUES (2, 'open', 500)"
    upsert="INSERT INTO payments VALUES (2, 'open', 500) ON CONFLICT (id, state) DO UPDATE SET state = 'paid'"
    echo "open to paid, by INSERT … ON CONFLICT DO UPDATE: $(sql "$upsert" 2>&1 | sed -n 's/^ERROR:  //p')"
} >"$folder/seen"
sed -n 's/^#   //p' "$here" | diff - "$folder/seen" && echo "as described"
