"""How much memory each process takes."""

from collections.abc import Mapping
from contextlib import suppress

import psutil

MIB = 2**20


def memory_of(pids: Mapping[str, int]) -> dict[str, float]:
    """Resident MiB. Postgres is many processes that share much: what they share counts once."""
    return {name: _resident(psutil.Process(pid)) / MIB for name, pid in pids.items()}


def _resident(process: psutil.Process) -> float:
    resident = process.memory_info().rss
    if process.name() == "postgres":
        for child in process.children():
            with suppress(psutil.NoSuchProcess):
                of_child = child.memory_info()
                resident += max(0, of_child.rss - of_child.shared)
    return float(resident)
