"""The consumer written by hand, on real stores: it is no yardstick unless it is right."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest
from redis.asyncio import Redis

from bench.peers.engines.books import PeerBooks
from bench.peers.engines.gate import Intent, Item, PeerGate, Sold
from bench.peers.engines.plain import NotPlacedYet, PlainConsumer
from tests.support.peer_stores import own_peer_stores
from tests.support.polling import eventually

SKU = "sku1"


@dataclass
class Sale:
    """One item on sale, and a consumer that runs."""

    item: Item
    gate: PeerGate
    books: PeerBooks
    consumer: PlainConsumer
    connection: asyncpg.Connection

    def intents(self, count: int) -> list[Intent]:
        run = secrets.token_hex(4)
        return [
            Intent(f"{run}-{n}", f"buyer-{run}-{n}", 1, self.item.sale_id, SKU)
            for n in range(count)
        ]

    async def place(self, count: int) -> list[Sold]:
        intents = self.intents(count)
        assert {*await self.gate.reserve(intents)} == {"reserved"}

        async def placed() -> int:
            return (await self.books.progress(self.item))[0]

        await eventually(placed, count)
        return [Sold(intent.order_id, intent.item) for intent in intents]

    async def stock(self) -> tuple[int, int, int]:
        row = await self.connection.fetchrow("SELECT available, held, sold FROM items")
        assert row is not None
        return row["available"], row["held"], row["sold"]


@pytest.fixture
async def sale(redis: Redis, redis_url: str, postgres_dsn: str) -> AsyncIterator[Sale]:
    async with own_peer_stores(redis_url, postgres_dsn) as stores:
        gate = await PeerGate.open_(stores.redis_url, "plain")
        books = await PeerBooks.open_(stores.dsn, 4)
        connection = await asyncpg.connect(stores.dsn, timeout=5.0)
        consumer = PlainConsumer(books, gate)
        item = Item(f"sale-{secrets.token_hex(4)}", SKU)
        await books.put_on_sale(item, 30)
        await gate.put_on_sale(item, 30)
        running = asyncio.create_task(consumer.run())
        yield Sale(item, gate, books, consumer, connection)
        # One cancellation may be lost in a client that is reading an answer just then.
        while not running.done():
            running.cancel()
            await asyncio.wait({running}, timeout=0.2)
        await connection.close()
        await books.aclose()
        await gate.aclose()


async def test_all_orders_are_placed_and_all_money_is_booked_once(sale: Sale) -> None:
    orders = await sale.place(20)
    assert await sale.stock() == (10, 20, 0)

    # Each notice comes twice: providers do that.
    await asyncio.gather(*map(sale.consumer.settle, [*orders, *orders]))
    await asyncio.gather(*map(sale.consumer.settle, orders))

    assert await sale.stock() == (10, 0, 20)
    ended = await sale.books.ended_as(sale.item)
    assert ended == {"payments": 20, "points": 20, "messages": 20, "held": 0, "sold": 20}
    assert await sale.gate.reservations(sale.item) == ["sold"] * 20


async def test_money_for_an_order_that_is_not_placed_is_refused_and_holds_up_nobody(
    sale: Sale,
) -> None:
    (order,) = await sale.place(1)
    early = Sold("too-early", sale.item)

    outcomes = await asyncio.gather(
        sale.consumer.settle(early), sale.consumer.settle(order), return_exceptions=True
    )

    assert isinstance(outcomes[0], NotPlacedYet)
    assert outcomes[1] is None


async def test_what_nobody_paid_for_in_time_is_on_sale_again(sale: Sale) -> None:
    late, paid = await sale.place(2)
    await sale.consumer.settle(paid)
    await sale.connection.execute("UPDATE orders SET pay_deadline = now() - interval '1 second'")

    await sale.consumer.release_overdue()

    assert await sale.stock() == (29, 0, 1)
    assert sorted(await sale.gate.reservations(sale.item)) == ["released", "sold"]
    # Its buyer may try again, and is one of 30 once more.
    again = Intent("again", "another", 29, sale.item.sale_id, SKU)
    assert await sale.gate.reserve([again]) == ["reserved"]
    # Money that comes now finds an order that is over, and changes nothing.
    await sale.consumer.settle(late)
    assert (await sale.stock())[2] == 1


async def test_books_without_stock_refuse_a_whole_batch(sale: Sale) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await sale.books.place(sale.intents(31))

    assert await sale.stock() == (30, 0, 0)
