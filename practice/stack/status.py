"""How the parts of a stack are."""

import asyncio

from domain.model import Value
from practice.stack.home import Home
from practice.stack.parts import EVERYTHING, PROCESSES
from practice.stack.plan import plan_stack
from practice.stack.process import Server
from practice.stack.settings import EmbeddedSettings, without_password

RUNNING = "running"
NOT_ANSWERING = "not answering"
DIED = "died"
STOPPED = "stopped"
ELSEWHERE = "elsewhere"


class PartStatus(Value):
    name: str
    state: str
    pid: int | None = None
    address: str | None = None

    @property
    def well(self) -> bool:
        return self.state in (RUNNING, ELSEWHERE)


async def stack_status(
    settings: EmbeddedSettings, home: Home, names: frozenset[str] = EVERYTHING
) -> list[PartStatus]:
    """How each part is, in the order of starting. Changes nothing."""
    plan = plan_stack(settings, home, remember=False).only(names)
    here = await asyncio.gather(*(_status(server, home) for server in plan.processes))
    there = [
        PartStatus(name=name, state=ELSEWHERE, address=without_password(address))
        for name, address in plan.elsewhere.items()
        if name in names
    ]
    return sorted([*here, *there], key=lambda part: PROCESSES.index(part.name))


async def _status(server: Server, home: Home) -> PartStatus:
    known = home.process(server.name)
    if known is None:
        return PartStatus(name=server.name, state=STOPPED)
    if not known.alive:
        return PartStatus(name=server.name, state=DIED, address=known.address)
    # Settings may have changed since it was started; then the question went to another address.
    answers = known.address == server.address and await server.ready()
    return PartStatus(
        name=server.name,
        state=RUNNING if answers else NOT_ANSWERING,
        pid=known.pid,
        address=known.address,
    )
