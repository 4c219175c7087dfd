"""Commands to a running sale meet clicks, repairs, outages and each other: what Postgres says and
what the gate does agree in the end, and nothing was sold twice."""

import asyncio
from functools import partial

import pytest
from sqlalchemy import text

from audit.item_rebuild import rebuild_item
from domain.errors import Refusal
from domain.reservation import GateVerdict
from domain.states import SaleStatus
from infra.postgres.sales import Sales
from infra.postgres.stock import Stock
from infra.redis.keys import ItemKeys
from infra.redis.stock_gate import StockGate
from tests.support.placing import place_all
from tests.support.sale_commanding import Commanded
from tests.support.shop import Shop

COMMANDS = ("pause", "resume", "restock 3", "restock -2", "limit 3", "limit 2")


@pytest.fixture
def sale(shop_without_worker: Shop) -> Commanded:
    """Of five units, two for a buyer."""
    return Commanded(shop_without_worker)


async def status_of(sale: Commanded) -> SaleStatus:
    async with sale.shop.database.transaction() as connection:
        found = await Sales(connection).get(sale.shop.sale.sale_id)
    assert found is not None
    return found.status


async def spoil(sale: Commanded) -> None:
    """As if Redis had forgotten a unit."""
    await sale.shop.redis.hincrby(ItemKeys.of(sale.shop.item.ref).item, "stock", -1)


@pytest.mark.parametrize("command", [*COMMANDS, "close"])
async def test_a_repair_undoes_no_command_that_is_said_meanwhile(
    sale: Commanded, command: str
) -> None:
    await spoil(sale)
    if command == "resume":
        await sale.say("pause")
    sale.gate.meanwhile = partial(sale.say, command)

    assert await rebuild_item(sale.sources, sale.shop.item.ref)

    assert await sale.findings() == []
    verdict = {"pause": GateVerdict.PAUSED, "close": GateVerdict.ENDED}.get(command)
    assert (await sale.shop.click("ada")).verdict is (verdict or GateVerdict.RESERVED)


async def test_one_repair_of_an_item_runs_at_a_time(sale: Commanded) -> None:
    ref = sale.shop.item.ref
    name = f"repair {ref.sale_id}:{ref.sku_id}"
    is_free = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")
    seen: list[bool] = []

    async def look() -> None:
        async with sale.shop.database.transaction() as connection:
            seen.append((await connection.execute(is_free, {"name": name})).scalar_one())

    sale.gate.meanwhile = look
    await asyncio.gather(*(rebuild_item(sale.sources, ref) for _ in range(3)))
    await look()

    assert seen == [False, True]
    assert await sale.findings() == []
    async with sale.shop.database.transaction() as connection:
        await Stock(connection).take_repair_turn(ref)


async def test_a_repair_that_breaks_off_leaves_a_pause_that_was_said_meanwhile(
    sale: Commanded,
) -> None:
    async def pause_and_break() -> None:
        await sale.say("pause")
        raise OSError("killed")

    sale.gate.meanwhile = pause_and_break
    with pytest.raises(OSError, match="killed"):
        await rebuild_item(sale.sources, sale.shop.item.ref)

    assert (await sale.shop.click("ada")).verdict is GateVerdict.PAUSED
    assert await sale.findings() == []
    await sale.say("resume")
    assert (await sale.shop.click("ada")).verdict is GateVerdict.RESERVED


@pytest.mark.parametrize("breaks", ["before", "after", "at the gate"])
async def test_each_command_that_broke_off_is_done_once_when_it_is_said_again(
    sale: Commanded, breaks: str
) -> None:
    stock = 5
    for command in (*COMMANDS, "close"):
        sale.at_gate.breaks = breaks == "at the gate"
        sale.database.breaks = None if sale.at_gate.breaks else breaks
        with pytest.raises((OSError, Refusal)):
            await sale.say(command, key=command)
        sale.at_gate.breaks = False
        await sale.at_gate.bring(sale.shop.sale.sale_id)
        assert await sale.findings() == [], command

        await sale.say(command, key=command)
        await sale.say(command, key=command)

        stock += {"restock 3": 3, "restock -2": -2}.get(command, 0)
        assert await sale.findings() == [], command
        assert (await sale.shop.counts())[0] == stock
        expected = {"pause": SaleStatus.PAUSED, "close": SaleStatus.CLOSED}
        assert await status_of(sale) is expected.get(command, SaleStatus.PUBLISHED)


async def test_a_stop_that_is_not_on_record_outlives_whatever_else_is_written(
    sale: Commanded,
) -> None:
    sale.database.breaks = "before"
    with pytest.raises(Refusal, match="the gate is stopped"):
        await sale.say("pause")
    assert await status_of(sale) is SaleStatus.PUBLISHED

    assert await rebuild_item(sale.sources, sale.shop.item.ref)

    assert await status_of(sale) is SaleStatus.PAUSED
    assert (await sale.shop.click("ada")).verdict is GateVerdict.PAUSED
    await sale.say("resume")
    assert (await sale.shop.click("ada")).verdict is GateVerdict.RESERVED


async def test_what_is_restocked_while_all_click_is_sold_once(sale: Commanded) -> None:
    async def all_click() -> int:
        answers = await asyncio.gather(*(sale.shop.click(f"u{n}") for n in range(40)))
        return sum(answer.verdict is GateVerdict.RESERVED for answer in answers)

    sold, *_ = await asyncio.gather(
        all_click(), *(sale.say("restock 4", key=key) for key in "aab"), _try(sale, "restock -2")
    )
    sold += await all_click()

    async with sale.shop.database.transaction() as connection:
        item = await Stock(connection).item(sale.shop.item.ref)
    assert item is not None
    assert sold == item.total in (11, 13)
    assert await sale.findings() == []


@pytest.mark.parametrize("command", ["pause", "close", "limit 1"])
async def test_the_last_click_is_before_a_command_or_after_it(
    sale: Commanded, command: str
) -> None:
    """And what was accepted before stands."""
    clicks = [sale.shop.click(f"u{n}") for n in range(3)]
    answers, _ = await asyncio.gather(asyncio.gather(*clicks), sale.say(command))
    accepted = [answer for answer in answers if answer.verdict is GateVerdict.RESERVED]

    late = await sale.shop.click("late", 2)

    assert late.verdict in (GateVerdict.PAUSED, GateVerdict.ENDED, GateVerdict.LIMIT_REACHED)
    intents = [
        sale.shop.intent_for(answer.order_id, f"u{n}")
        for n, answer in enumerate(answers)
        if answer in accepted
    ]
    assert len([one for one in await place_all(sale.shop.database, intents) if one]) == len(intents)
    assert (await sale.shop.counts())[1] == len(accepted)
    assert await sale.findings() == []


async def test_nothing_is_taken_away_where_the_gate_has_lost_the_item(sale: Commanded) -> None:
    """Nobody knows there what buyers have."""
    await sale.shop.redis.flushall()

    for command in ("limit 1", "restock -1"):
        with pytest.raises(Refusal, match="does not follow"):
            await sale.say(command)

    await rebuild_item(sale.sources, sale.shop.item.ref)
    await sale.say("limit 1")
    assert await sale.findings() == []


async def test_commands_of_many_operators_at_once_leave_one_sale(sale: Commanded) -> None:
    others = [Commanded(sale.shop) for _ in range(2)]
    said = [_try(one, command) for one in (sale, *others) for command in COMMANDS]

    await asyncio.gather(*said, *(sale.shop.click(f"u{n}") for n in range(4)))
    await sale.at_gate.bring(sale.shop.sale.sale_id)

    assert await sale.findings() == []
    gate = StockGate(sale.shop.redis)
    terms = await gate.terms(sale.shop.item.ref)
    assert terms is not None
    assert terms.paused == (await status_of(sale) is SaleStatus.PAUSED)


async def _try(sale: Commanded, command: str) -> None:
    try:
        await sale.say(command)
    except Refusal as refusal:
        assert refusal.code in ("INVALID_STATE", "UNAVAILABLE"), refusal
