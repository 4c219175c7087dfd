"""A peer among the contenders: its processes, and its own item in the shared stores."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.peers.contender import AT_ONCE, Ended, Progress
from bench.peers.engines.books import PeerBooks
from bench.peers.engines.gate import Intent, Item, PeerGate, Sold
from bench.peers.engines.notice_line import tell_paid
from bench.peers.peer_process import PeerProcess
from practice.stack.ports import free_port
from practice.stack.process import RunningProcess, start, stop

POLL_SECONDS = 0.02
SETTLED_WITHIN_SECONDS = 20.0
# This process reads the books on one connection, at most while it also writes.
CONNECTIONS = 2


@dataclass(frozen=True)
class PeerStores:
    """The stack's Redis and Postgres, in databases of the peers' own."""

    redis_url: str
    dsn: str
    pids: Mapping[str, int]


@dataclass(frozen=True)
class PeerKind:
    """What starts a peer. `notices` is None where the worker itself takes them; `servers`: the
    pids of its engine's own servers."""

    name: str
    python: Path
    worker: str
    notices: str | None = None
    arguments: tuple[str, ...] = ()
    notice_arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    servers: Mapping[str, int] = field(default_factory=dict)
    times: int = 1


class Refused(Exception):
    """A buyer was not accepted, though there is stock for all."""


class Peer:
    def __init__(
        self, kind: PeerKind, stores: PeerStores, gate: PeerGate, books: PeerBooks, logs: Path
    ) -> None:
        self._kind = kind
        self._stores = stores
        self._gate = gate
        self._books = books
        self._logs = logs
        self._worker: RunningProcess | None = None
        self._notices: RunningProcess | None = None
        self._notice_port = 0
        self._item = Item("", "")
        self._intents: Sequence[Intent] = ()

    @property
    def name(self) -> str:
        return self._kind.name

    @property
    def times(self) -> int:
        return self._kind.times

    def pids(self) -> Mapping[str, int]:
        worker = {"worker": self._worker.pid} if self._worker else {}
        return {**worker, **self._kind.servers, **self._stores.pids}

    def load_pids(self) -> tuple[int, ...]:
        return (self._notices.pid,) if self._notices else ()

    async def start_worker(self) -> None:
        port = free_port()
        self._worker = await self._start("worker", self._kind.worker, port, self._kind.arguments)
        if not self._kind.notices:
            self._notice_port = port

    async def start_notices(self) -> None:
        """Whoever takes them, where that is not the worker."""
        if self._kind.notices:
            self._notice_port = free_port()
            self._notices = await self._start(
                "notices", self._kind.notices, self._notice_port, self._kind.notice_arguments
            )

    async def kill_worker(self) -> None:
        if self._worker:
            os.kill(self._worker.pid, signal.SIGKILL)
            while self._worker.alive:  # noqa: ASYNC110 - a dying process gives no event
                await asyncio.sleep(POLL_SECONDS)

    async def stop(self) -> None:
        for process in (self._worker, self._notices):
            if process:
                await stop(process)

    async def open_sale(self, orders: int) -> None:
        run = f"{time.time_ns() // 1_000:x}"
        self._item = Item(f"{self.name}-{run}", "sku1")
        self._intents = [
            Intent(f"{run}-{n:06d}", f"buyer-{run}-{n}", 1, self._item.sale_id, self._item.sku_id)
            for n in range(orders)
        ]
        await self._books.put_on_sale(self._item, orders)
        await self._gate.put_on_sale(self._item, orders)

    async def click(self) -> None:
        if refusals := {*await self._gate.reserve(self._intents)} - {"reserved"}:
            raise Refused(f"{self.name}: {refusals}")

    async def begin(self) -> None:
        """Nothing: a peer has no cashier."""

    async def tell_paid(self, told: set[str]) -> None:
        untold = [one for one in self._intents if one.order_id not in told]
        sold = [Sold(one.order_id, one.item) for one in untold]
        await tell_paid(self._notice_port, sold, told, AT_ONCE)

    async def progress(self) -> Progress:
        placed, paid = await self._books.progress(self._item)
        return Progress(placed=placed, paid=paid)

    async def settle_down(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLED_WITHIN_SECONDS):
                while "held" in await self._gate.reservations(self._item):  # noqa: ASYNC110
                    await asyncio.sleep(POLL_SECONDS)

    async def ended_as(self) -> Ended:
        reservations = await self._gate.reservations(self._item)
        books = await self._books.ended_as(self._item)
        return Ended(**books, reservations_held=reservations.count("held"))

    async def _start(
        self, what: str, module: str, port: int, arguments: tuple[str, ...]
    ) -> RunningProcess:
        environment = {
            "PEER_REDIS": self._stores.redis_url,
            "PEER_DSN": self._stores.dsn,
            **self._kind.environment,
        }
        name = f"{self.name}-{what}"
        process = PeerProcess(name, self._kind.python, module, port, arguments, environment)
        return await start(process, self._logs / f"{name}.log", die_with_parent=True)


@asynccontextmanager
async def open_peer(kind: PeerKind, stores: PeerStores, logs: Path) -> AsyncIterator[Peer]:
    """A running peer. Raises practice.stack.process.ServerFailed, with the end of its log."""
    gate = await PeerGate.open_(stores.redis_url, kind.name)
    books = await PeerBooks.open_(stores.dsn, CONNECTIONS)
    peer = Peer(kind, stores, gate, books, logs)
    try:
        await peer.start_worker()
        await peer.start_notices()
        yield peer
    finally:
        await peer.stop()
        await books.aclose()
        await gate.aclose()
