"""No engine at all: a consumer written by hand, as quick as its author knows how.

Intents are placed by the hundred, one statement for all. Money that arrives while a statement is
under way is booked together by the next one. A sweep releases what was not paid for in time. What
it does not do: anything that lasts longer than a statement.
"""

import asyncio
import os
import sys

import uvloop

from bench.peers.engines.books import PeerBooks
from bench.peers.engines.gate import PeerGate, Sold
from bench.peers.engines.notice_line import serve_notices
from infra.garbage import tune_garbage_collection

PEER = "plain"
AT_ONCE = 500
SWEEP_SECONDS = 1.0


class NotPlacedYet(LookupError):
    """Money for an order that is not in the books: it must come again."""


class PlainConsumer:
    def __init__(self, books: PeerBooks, gate: PeerGate) -> None:
        self._books = books
        self._gate = gate
        self._waiting: list[tuple[Sold, asyncio.Future[None]]] = []
        self._arrived = asyncio.Event()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._gate.consume(AT_ONCE, self._books.place))
            tasks.create_task(self._book_money())
            tasks.create_task(self._release_overdue())

    async def settle(self, notice: Sold) -> None:
        """Returns when the money is booked. Raises NotPlacedYet."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((notice, done))
        self._arrived.set()
        await done

    async def release_overdue(self) -> None:
        for order in await self._books.due():
            await self._books.release(order.order_id)
            await self._gate.release(order)

    async def _book_money(self) -> None:
        while True:
            await self._arrived.wait()
            batch, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
            if not self._waiting:
                self._arrived.clear()
            try:
                known = await self._books.settle([notice.order_id for notice, _ in batch])
                await self._gate.sell([notice for notice, _ in batch if notice.order_id in known])
            except Exception as error:
                for _, done in batch:
                    done.set_exception(error)
                continue
            for notice, done in batch:
                if notice.order_id in known:
                    done.set_result(None)
                else:
                    done.set_exception(NotPlacedYet(notice.order_id))

    async def _release_overdue(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            await self.release_overdue()


async def serve(port: int) -> None:
    books = await PeerBooks.open_(os.environ["PEER_DSN"])
    gate = await PeerGate.open_(os.environ["PEER_REDIS"], PEER)
    consumer = PlainConsumer(books, gate)
    tune_garbage_collection()
    await asyncio.gather(consumer.run(), serve_notices(port, consumer.settle))


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
