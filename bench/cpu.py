"""How much of the processors each process takes."""

import time
from collections.abc import Mapping
from contextlib import suppress

import psutil


class CpuWatch:
    """Counts from its creation on."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        self._began = time.perf_counter()
        self._before = self._seconds()

    def shares(self) -> dict[str, float]:
        """Seconds of CPU per second since the creation."""
        elapsed = time.perf_counter() - self._began
        now = self._seconds()
        return {name: max(0.0, now[name] - self._before[name]) / elapsed for name in now}

    def _seconds(self) -> dict[str, float]:
        return {name: _seconds_of(process) for name, process in self._processes.items()}


def _seconds_of(process: psutil.Process) -> float:
    # Postgres is many processes. Ours are one each, and this one is the parent of them all.
    many = process.name() == "postgres"
    times = process.cpu_times()
    total = times.user + times.system + many * (times.children_user + times.children_system)
    for child in process.children() if many else []:
        with suppress(psutil.NoSuchProcess):
            ended = child.cpu_times()
            total += ended.user + ended.system
    return total
