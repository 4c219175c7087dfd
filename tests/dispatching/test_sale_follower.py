"""A worker makes sure of what an operator said, though nobody says it again."""

import asyncio
from functools import partial

import pytest

from dispatching.dispatcher import Dispatcher
from domain.errors import Refusal
from domain.reservation import GateVerdict
from infra.postgres.sale_commands import SaleCommands
from tests.support.polling import until
from tests.support.sale_commanding import Commanded
from tests.support.shop import Shop


@pytest.fixture
def sale(shop_without_worker: Shop) -> Commanded:
    return Commanded(shop_without_worker)


async def test_a_worker_goes_on_with_what_broke_off(sale: Commanded) -> None:
    """A pause that is not on record, a restock that did not reach the gate, and a restock that
    reached it and was never committed."""
    sale.at_gate.breaks = True
    with pytest.raises(Refusal, match="on record"):
        await sale.say("restock 3")
    sale.database.breaks = "before"
    with pytest.raises(OSError, match="before the commit"):
        await sale.say("restock -1")
    sale.database.breaks = "before"
    with pytest.raises(Refusal, match="the gate is stopped"):
        await sale.say("pause")
    assert len(await sale.findings()) > 1

    dispatcher = Dispatcher(sale.shop.redis, sale.shop.database)
    async with dispatcher.placing(asyncio.Event()):
        await until(partial(_is_sound, sale), "the worker to follow")

    assert (await sale.shop.click("ada")).verdict is GateVerdict.PAUSED
    assert (await sale.shop.counts())[0] == 8


async def test_only_sales_that_the_gate_may_know_are_followed(sale: Commanded) -> None:
    async def versions() -> dict[str, int]:
        async with sale.shop.database.transaction() as connection:
            return await SaleCommands(connection).versions()

    assert list(await versions()) == [sale.shop.sale.sale_id]
    await sale.say("close")
    assert list(await versions()) == [sale.shop.sale.sale_id]
    async with sale.shop.database.transaction() as connection:
        await connection.exec_driver_sql("UPDATE sales SET ends_at = ends_at - interval '2 h'")
    assert await versions() == {}


async def _is_sound(sale: Commanded) -> bool:
    return await sale.findings() == []
