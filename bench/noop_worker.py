"""A worker with the options of ours, for workflows that do nothing."""

import asyncio
import sys

import uvloop

from bench.noop_workflow import NoopWorkflow
from infra.settings import Settings
from infra.temporal.client import connect_temporal
from worker import build_worker

TASK_QUEUE = "bench-noop"


async def serve(metrics_port: int) -> None:
    client = await connect_temporal(metrics_port=metrics_port)
    worker = build_worker(
        client,
        Settings(task_queue=TASK_QUEUE),
        [],
        workflows=[NoopWorkflow],
    )
    async with worker:
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
