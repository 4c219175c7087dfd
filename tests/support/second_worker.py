"""A second worker beside the stack's own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from practice.stack.ports import free_port
from tests.support.polling import until
from tests.support.worker_process import worker_process


@asynccontextmanager
async def another_worker(pid: int, log: Path) -> AsyncIterator[int]:
    """The pid of a worker with the same environment as the one of this pid, once it is ready."""
    environment = psutil.Process(pid).environ()
    environment["SECKILL_WORKER_METRICS_PORT"] = str(free_port())
    async with worker_process(log, environment) as worker:
        await until(lambda: "worker_ready" in worker.events(), "the second worker")
        yield worker.process.pid
