"""`seckill up` in front: start the stack, watch it, stop it all on Ctrl-C or SIGTERM."""

import asyncio
import signal
from collections.abc import Callable, Coroutine

from practice.stack.home import Home
from practice.stack.parts import EVERYTHING
from practice.stack.process import RunningProcess
from practice.stack.settings import EmbeddedSettings
from practice.stack.shutdown import stop_stack, watch_stack
from practice.stack.stack import start_stack
from practice.stack.stack_file import StackFile

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
            continue  # nohup
        loop.add_signal_handler(number, interrupted.set)
    stack = await _unless(interrupted, start_stack(settings, home, names))
    if stack is None:
        return
    announce(stack)
    await watch_stack(home, interrupted, report_death)
    if interrupted.is_set():
        await stop_stack(home)


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
