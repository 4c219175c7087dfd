"""Very many buyers who follow their orders: how soon does a change reach its buyer, and what memory
does a stream take?

A change tells itself when it was: the last line of the view's timeline has the moment, by the
clock of this machine, at which Postgres wrote it.
"""

import asyncio
import json
import random
import re
import resource
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from urllib.parse import urlsplit

from bench.buyers import Order
from bench.cpu import CpuWatch
from bench.figures import BENCH, BenchPlan
from bench.instruments import Instruments
from bench.memory import memory_of
from bench.report import StreamReport
from bench.waits import Waits, offer, waits
from domain.actors import SYSTEM
from domain.order import EventKind
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.settings import Settings
from infra.stores import open_stores

OPENED_AT_ONCE = 100
OPEN_SECONDS_AT_MOST = 300.0
ARRIVAL_SECONDS_AT_MOST = 30.0
SEED = 1
API = "api"
# Of this process, besides one for each stream.
OTHER_FILES = 500
AT_A_RATE = "change → stream, at the rate"
ALL_AT_ONCE = "change → stream, all at once"
_VIEW = re.compile(rb"data: (\{.*\})\n")


class Follower(asyncio.Protocol):
    """One stream. `arrived`: how long ago its last change was when it came, in seconds."""

    def __init__(self, order: Order, host: str) -> None:
        self._order = order
        self._host = host
        self._read = b""
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self.arrived: asyncio.Future[float] = self._loop.create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        transport.write(
            f"GET /v1/orders/{self._order.order_id}/events HTTP/1.1\r\nHost: {self._host}\r\n"
            f"Authorization: Bearer {self._order.token}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        now = time.time()
        self._read += data
        if found := _VIEW.findall(self._read):
            self._read = b""
            change = json.loads(found[-1])["timeline"][-1]
            if not self.arrived.done():
                self.arrived.set_result(now - datetime.fromisoformat(change["at"]).timestamp())

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.arrived.done():
            self.arrived.set_exception(exc or ConnectionError(self._read[:200].decode()))

    def expect(self) -> asyncio.Future[float]:
        """The next change."""
        self.arrived = self._loop.create_future()
        return self.arrived

    def close(self) -> None:
        # An end that nobody waits for is none to complain of.
        self.arrived.cancel()
        if self._transport:
            self._transport.abort()


class StreamBench:
    """Its changes are written and announced here, as a worker does it. The worker is stopped, so
    that thousands of starting workflows are not measured with them."""

    def __init__(self, instruments: Instruments, plan: BenchPlan) -> None:
        self._at = instruments
        self._plan = plan

    async def measure(self) -> StreamReport:
        count, samples = self._plan.streams, min(self._plan.samples, self._plan.streams // 2)
        _may_open(count)
        item = await self._at.open_sale(count)
        orders = await self._at.place(item, count)
        await self._at.stack.stop_carriers()
        api = self._at.stack.pids(API)
        before, began = memory_of(api)[API], time.perf_counter()
        followers = await self._open_all(orders)
        opened, after = time.perf_counter() - began, memory_of(api)[API]
        addresses = self._at.stack.stack_file
        store = Settings(redis_url=addresses.redis_url, postgres_dsn=addresses.postgres_dsn)
        async with AsyncExitStack() as closing:
            for follower in followers.values():
                closing.callback(follower.close)
            database = (await closing.enter_async_context(open_stores(store))).database
            chosen = random.Random(SEED).sample(orders, 2 * samples)
            cpu = CpuWatch(self._at.stack.servers() | self._at.stack.pids(BENCH))
            at_a_rate = await self._change(AT_A_RATE, chosen[:samples], followers, database)
            shares = cpu.shares()
            at_once = await self._change(ALL_AT_ONCE, chosen[samples:], followers, database)
        return StreamReport(
            streams=count,
            opened_seconds=opened,
            kib_per_stream=1024 * (after - before) / count,
            waits=(at_a_rate, at_once),
            cpu=shares,
        )

    async def _open_all(self, orders: Sequence[Order]) -> dict[str, Follower]:
        """All are open and have been told what their orders are like."""
        address = urlsplit(self._at.stack.stack_file.api_url)
        host, loop = address.hostname or "", asyncio.get_running_loop()
        free, followers = asyncio.Semaphore(OPENED_AT_ONCE), dict[str, Follower]()

        async def follow(order: Order) -> None:
            async with free:
                _, follower = await loop.create_connection(
                    lambda: Follower(order, host), host, address.port or 80
                )
                followers[order.order_id] = follower
                await follower.arrived

        async with asyncio.timeout(OPEN_SECONDS_AT_MOST):
            await asyncio.gather(*map(follow, orders))
        return followers

    async def _change(
        self,
        name: str,
        orders: Sequence[Order],
        followers: dict[str, Follower],
        database: Database,
    ) -> Waits:
        arrivals = [followers[order.order_id].expect() for order in orders]

        async def change(order: Order, _due: float = 0.0) -> None:
            async with database.transaction() as connection:
                await Orders(connection).record(order.order_id, EventKind.RECHECK_ASKED, SYSTEM)

        if name == AT_A_RATE:
            await offer(orders, self._plan.rate, change)
        else:
            await asyncio.gather(*map(change, orders))
        done, late = await asyncio.wait(arrivals, timeout=ARRIVAL_SECONDS_AT_MOST)
        lost = [ARRIVAL_SECONDS_AT_MOST] * len(late)
        return waits(name, [arrival.result() for arrival in done] + lost, unanswered=len(late))


def _may_open(streams: int) -> None:
    """Raises ValueError where this process may not have so many files."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = streams + OTHER_FILES
    if most != resource.RLIM_INFINITY and most < wanted:
        raise ValueError(f"{streams} streams need `ulimit -n {wanted}`")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
