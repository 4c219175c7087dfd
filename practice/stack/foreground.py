"""`seckill up` in front: start the stack, watch it, stop it all on Ctrl-C or SIGTERM."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress

from practice.stack.home import Home
from practice.stack.parts import EVERYTHING
from practice.stack.process import RunningProcess
from practice.stack.settings import EmbeddedSettings
from practice.stack.shutdown import stop_stack
from practice.stack.stack_file import StackFile
from practice.stack.startup import start_stack

_WATCH_SECONDS = 0.3
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def run_in_front(
    settings: EmbeddedSettings,
    home: Home,
    *,
    names: frozenset[str] = EVERYTHING,
    announce: Callable[[StackFile], None],
    report_death: Callable[[RunningProcess], None],
) -> None:
    """Returns when a signal came and everything has been stopped, or when somebody else stopped
    the stack. Raises what `start_stack` raises."""
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
            continue  # Under nohup a terminal that goes away must not stop the stack.
        loop.add_signal_handler(number, interrupted.set)
    stack = await _unless(interrupted, start_stack(settings, home, names))
    if stack is None:
        return
    announce(stack)
    await watch_stack(home, interrupted, report_death)
    if interrupted.is_set():
        await stop_stack(home)


async def watch_stack(
    home: Home, until: asyncio.Event, report: Callable[[RunningProcess], None]
) -> None:
    """Report each process that dies, once. Ends with `until`, or when the stack was stopped by
    somebody else; a process that somebody started again is watched in its place."""
    reported: set[int] = set()
    while not until.is_set() and (processes := home.processes()):
        for process in processes:
            if process.pid not in reported and not process.alive:
                reported.add(process.pid)
                report(process)
        with suppress(TimeoutError):
            async with asyncio.timeout(_WATCH_SECONDS):
                await until.wait()


async def _unless(
    interrupted: asyncio.Event, starting: Coroutine[None, None, StackFile]
) -> StackFile | None:
    """The started stack, or None when the signal came first: what was begun is then undone."""
    start = asyncio.ensure_future(starting)
    signalled = asyncio.ensure_future(interrupted.wait())
    await asyncio.wait({start, signalled}, return_when=asyncio.FIRST_COMPLETED)
    signalled.cancel()
    if not start.done():
        start.cancel()
    try:
        return await start
    except asyncio.CancelledError:
        return None
