"""A stack of its own that can be struck: links in front of its servers, processes that may be
killed, frozen and started again."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

import psutil

from practice.chaos.faults import LINKED
from practice.chaos.link import Link
from practice.stack.home import Home
from practice.stack.plan import Plan, plan_stack
from practice.stack.process import RunningProcess, Server, spawn
from practice.stack.settings import EmbeddedSettings
from practice.stack.shutdown import stop_stack
from practice.stack.stack_file import StackFile
from practice.stack.startup import start_stack

# As the address of a server or of the api ends: a port, and perhaps a path.
_PORT = re.compile(r"(?<=:)\d+(?=/|$)")
DYING_POLL_SECONDS = 0.01


@dataclass(frozen=True)
class ChaosStack:
    home: Home
    plan: Plan
    stack_file: StackFile
    links: Mapping[str, Link]

    def address(self, name: str) -> str:
        """Past the link: who strikes and who watches is not struck."""
        return self.plan.address(name) or ""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(process.name for process in self.plan.processes)

    async def answers(self, name: str) -> bool:
        """Whether it lives, and is ready as it must be when it was just started."""
        return self.process(name).alive and await self.server(name).ready()

    def server(self, name: str) -> Server:
        return next(one for one in self.plan.processes if one.name == name)

    def process(self, name: str) -> RunningProcess:
        known = self.home.process(name)
        if known is None:
            raise LookupError(f"{name} was never started")
        return known

    async def kill(self, name: str) -> None:
        """kill -9; returns when it is dead."""
        process = self.process(name)
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        while process.alive:  # noqa: ASYNC110 - nobody tells of a death
            await asyncio.sleep(DYING_POLL_SECONDS)

    async def start(self, name: str) -> None:
        """Start again what has died. Returns before it is ready."""
        server = self.server(name)
        await server.prepare()
        self.home.remember(spawn(server, self.home.log(name)))

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """It stands still with all its children, and nobody hears that it does (SIGSTOP)."""
        with frozen(self.process(name).pid):
            yield


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """The process and its children stand still inside the block, and go on after it whatever
    happens."""
    family: list[psutil.Process] = []
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    for member in family:
        _send(member, signal.SIGSTOP)
    try:
        yield
    finally:
        for member in family:
            _send(member, signal.SIGCONT)


@asynccontextmanager
async def open_chaos_stack(home: Home) -> AsyncIterator[ChaosStack]:
    """Started in this home, and stopped afterwards. Raises what `start_stack` raises."""
    # Whatever servers the environment names must not be struck.
    settings = EmbeddedSettings.model_construct(home=home.root)
    home.create()
    plan = plan_stack(settings, home)
    async with AsyncExitStack() as closing:
        links = {
            name: await closing.enter_async_context(Link.to(_port_of(plan.address(name) or "")))
            for name in LINKED
        }
        through = {
            name: _PORT.sub(str(link.port), plan.address(name) or "")
            for name, link in links.items()
        }
        # Where the provider sends its notices.
        settings = settings.model_copy(update={"public_url": through.pop("api")})
        closing.push_async_callback(stop_stack, home)
        stack_file = await start_stack(settings, home, through=through)
        yield ChaosStack(home, plan_stack(settings, home, through=through), stack_file, links)


def _port_of(address: str) -> int:
    found = _PORT.search(address)
    if found is None:
        raise ValueError(f"no port in {address}")
    return int(found[0])


def _send(process: psutil.Process, number: int) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)
