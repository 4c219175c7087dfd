"""A second worker beside the stack's own, and processes that stand still for a while (SIGSTOP), as
in a laptop's sleep or a long collection of garbage: nobody hears that they do."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
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


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """It stands still inside the block, and goes on after it whatever happens."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
