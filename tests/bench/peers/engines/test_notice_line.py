"""Notices of money, a line each: who is acknowledged, and who has to be told again."""

import asyncio
from contextlib import suppress

import pytest

from bench.peers.engines.gate import Item, Sold
from bench.peers.engines.notice_line import serve_notices, tell_paid
from practice.stack.ports import free_port

ITEM = Item("sale", "sku")
ORDERS = [Sold(f"order{n}", ITEM) for n in range(10)]


async def tell(port: int, told: set[str]) -> None:
    """Once it listens."""
    for _ in range(100):
        with suppress(ConnectionRefusedError):
            await tell_paid(port, ORDERS, told, at_once=4)
            return
        await asyncio.sleep(0.02)


async def test_only_what_was_booked_counts_as_told(capsys: pytest.CaptureFixture[str]) -> None:
    booked: list[Sold] = []

    async def settle(notice: Sold) -> None:
        if notice.order_id == "order3":
            raise LookupError("not placed yet")
        booked.append(notice)

    port, told = free_port(), set[str]()
    serving = asyncio.create_task(serve_notices(port, settle))
    await tell(port, told)
    serving.cancel()

    assert told == {order.order_id for order in booked}
    assert {order.order_id for order in ORDERS} - told == {"order3"}
    assert "not placed yet" in capsys.readouterr().err


async def test_who_tells_learns_that_the_other_side_died() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"ok order0\n")
        writer.close()

    port, told = free_port(), set[str]()
    async with await asyncio.start_server(hang_up, "127.0.0.1", port):
        with pytest.raises(ConnectionError):
            await tell_paid(port, ORDERS, told, at_once=4)

    assert told == {"order0"}
