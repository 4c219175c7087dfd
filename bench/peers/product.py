"""The product among the contenders: as `seckill bench` measures its orders."""

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any, Self

import asyncpg
from redis.asyncio import Redis

from bench.buyers import Buyers, Order
from bench.instruments import Instruments
from bench.peers.contender import AT_ONCE, PRODUCT, Ended, Progress
from bench.stack import BenchStack
from domain.payment import order_id_of_payment
from domain.sale import ItemRef
from infra.redis.client import connect_redis
from infra.redis.keys import ItemKeys
from infra.settings import Settings
from practice.stack.settings import EmbeddedSettings
from practice.stack.startup import start_stack

SERVERS = ("temporal", "worker", "postgres", "redis")
POLL_SECONDS = 0.02
SETTLED_WITHIN_SECONDS = 120.0
# The dispatcher looks for new sales now and then. One order goes ahead of the others, and is taken
# off all counts: that wait is no work.
AHEAD = 1

_PROGRESS = """
SELECT count(*) AS placed, count(*) FILTER (WHERE status IN ('paid', 'fulfilled')) AS paid
FROM orders WHERE sale_id = $1
"""
_ENDED_AS = """
SELECT (SELECT count(*) FROM payments p JOIN orders USING (order_id)
        WHERE sale_id = $1 AND p.status = 'paid') AS payments,
       (SELECT count(*) FROM points_entries JOIN orders USING (order_id) WHERE sale_id = $1)
         AS points,
       (SELECT count(*) FROM messages JOIN orders USING (order_id) WHERE sale_id = $1) AS messages,
       held, sold
FROM sale_items WHERE sale_id = $1
"""


class Product:
    name = PRODUCT
    times = 1

    def __init__(
        self, stack: BenchStack, instruments: Instruments, database: Any, redis: Redis
    ) -> None:
        self._stack = stack
        self._at = instruments
        self._database = database
        self._redis = redis
        self._item = ItemRef(sale_id="", sku_id="")
        self._count = 0
        self._orders: list[Order] = []
        self._payments: list[str] = []

    @classmethod
    async def open_(
        cls, stack: BenchStack, instruments: Instruments, closing: AsyncExitStack
    ) -> Self:
        redis = connect_redis(Settings(redis_url=stack.stack_file.redis_url))
        closing.push_async_callback(redis.aclose)
        database = await asyncpg.connect(stack.stack_file.postgres_dsn, timeout=10)
        closing.push_async_callback(database.close)
        return cls(stack, instruments, database, redis)

    def pids(self) -> Mapping[str, int]:
        # Not the stack file's, which names the worker that was killed.
        return {name: self._pid(name) for name in SERVERS}

    def load_pids(self) -> tuple[int, ...]:
        return ()

    async def open_sale(self, orders: int) -> None:
        # One order of it is through already, AHEAD of the others.
        self._item = await self._at.open_sale(orders)
        self._count = orders

    async def click(self) -> None:
        self._orders = await self._buyers.come(self._item, self._count)
        await self._buyers.click(self._item, self._orders)

    async def begin(self) -> None:
        self._payments = await self._buyers.begin_all(self._orders)

    async def tell_paid(self, told: set[str]) -> None:
        """The inbox takes them, whether or not a worker lives."""
        free = asyncio.Semaphore(AT_ONCE)

        async def one(payment_id: str) -> None:
            async with free:
                await self._buyers.tell(self._buyers.notice(payment_id))
            told.add(_order_of(payment_id))

        await asyncio.gather(*(one(it) for it in self._payments if _order_of(it) not in told))

    async def progress(self) -> Progress:
        row = await self._database.fetchrow(_PROGRESS, self._item.sale_id)
        return Progress(placed=row["placed"] - AHEAD, paid=row["paid"] - AHEAD)

    async def settle_down(self) -> None:
        async with asyncio.timeout(SETTLED_WITHIN_SECONDS):
            await self._at.workflows.until_none_runs()

    async def ended_as(self) -> Ended:
        row = await self._database.fetchrow(_ENDED_AS, self._item.sale_id)
        lines: Any = await self._redis.hvals(ItemKeys.of(self._item).reservations)
        return Ended(
            **{name: row[name] - AHEAD for name in ("payments", "points", "messages", "sold")},
            held=row["held"],
            reservations_held=sum(line.startswith("held") for line in lines),
        )

    async def kill_worker(self) -> None:
        worker = self._stack.home.process("worker")
        if worker:
            os.kill(worker.pid, signal.SIGKILL)
            while worker.alive:  # noqa: ASYNC110 - a dying process gives no event
                await asyncio.sleep(POLL_SECONDS)

    async def start_worker(self) -> None:
        settings = EmbeddedSettings.model_construct(home=self._stack.home.root)
        await start_stack(settings, self._stack.home, frozenset({"worker"}))

    @property
    def _buyers(self) -> Buyers:
        return self._at.buyers

    def _pid(self, name: str) -> int:
        process = self._stack.home.process(name)
        return process.pid if process else self._stack.stack_file.pids[name]


def _order_of(payment_id: str) -> str:
    return order_id_of_payment(payment_id) or payment_id
