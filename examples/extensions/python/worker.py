"""Takes calls from the task queue until it is told to stop, and finishes those that it has.

Where Temporal is comes from Temporal's own environment: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY,
TEMPORAL_TLS_… or a profile of TEMPORAL_CONFIG_FILE. Without any, it is localhost:7233.
"""

import asyncio
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.worker import Worker

import extension

QUEUE = os.environ.get("EXTENSION_QUEUE", "sendpromptly-ext.credits")
AT_ONCE = 20


async def main():
    client = await Client.connect(**{"target_host": "localhost:7233", **ClientConfig.load_client_connect_config()})
    stop = asyncio.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        worker = Worker(
            client,
            task_queue=QUEUE,
            activities=[extension.verify, extension.apply],
            activity_executor=threads,
            max_concurrent_activities=AT_ONCE,
            graceful_shutdown_timeout=timedelta(seconds=10),
        )
        async with worker:
            print(f"taking calls from {QUEUE}", flush=True)
            await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
