"""End a running stack. Needs nothing but what the home remembers."""

import asyncio
from collections.abc import Iterable

from practice.stack.home import Home
from practice.stack.parts import APPLICATIONS
from practice.stack.process import RunningProcess, stop


async def stop_stack(home: Home) -> list[str]:
    """Stop whatever runs, applications before servers; returns the names of what had to be
    killed. Nothing running is fine."""
    if not home.root.exists():
        return []
    async with home.locked():
        killed = await stop_processes(home, home.processes())
        home.stack_file.unlink(missing_ok=True)
        return killed


async def stop_processes(home: Home, processes: Iterable[RunningProcess]) -> list[str]:
    """Stop these, applications before the servers they use; returns what had to be killed."""
    ours = [process for process in processes if process.name in APPLICATIONS]
    servers = [process for process in processes if process.name not in APPLICATIONS]
    return [*await _stop_together(home, ours), *await _stop_together(home, servers)]


async def _stop_together(home: Home, processes: list[RunningProcess]) -> list[str]:
    gently = await asyncio.gather(*(stop(process) for process in processes))
    for process in processes:
        home.forget(process.name)
    return [process.name for process, kind in zip(processes, gently, strict=True) if not kind]
