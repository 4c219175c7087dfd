"""An item leaves Redis when nothing of it is open any more, and stays away."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis
from sqlalchemy import text
from temporalio.client import Client

from activities.retirement import Retired
from domain.ids import new_order_id
from domain.reservation import GateVerdict, StockReturn
from domain.states import OrderStatus, SaleStatus
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.retirement import Retirement
from infra.postgres.sale_cancellations import SaleCancellations
from infra.redis.intents import Intents
from infra.redis.keys import ItemKeys
from tests.support.cancelling import cancel_sale
from tests.support.gate import stop_command
from tests.support.intent_groups import bury_one, start_all
from tests.support.retiring import keys_of_items, over, retire
from tests.support.shop import Shop, open_shop
from tests.support.values import an_order


@pytest.fixture
async def shop(database: Database, redis: Redis, temporal_client: Client) -> AsyncIterator[Shop]:
    async with open_shop(database, redis, temporal_client) as opened:
        yield opened


async def ordered(shop: Shop, redis: Redis, status: OrderStatus) -> str:
    """An order of Postgres, accepted at the gate and handed on."""
    intent = await shop.intent("ada")
    placed = an_order(shop.item, "ada", status=status)
    order = placed.model_copy(update={"order_id": intent.order_id})
    async with shop.database.transaction() as connection:
        await Orders(connection).insert(order)
    await start_all(redis)
    return intent.order_id


async def test_an_item_that_is_over_leaves_nothing_in_redis(shop: Shop, redis: Redis) -> None:
    sold = shop.intent_for(await ordered(shop, redis, OrderStatus.FULFILLED), "ada")
    await shop.gate.sell(sold)
    await over(shop)
    assert await keys_of_items(redis) != []

    assert await retire(shop) == Retired(items=1, forgotten=1)

    assert await keys_of_items(redis) == []
    assert await shop.gate.items() == {}
    assert await retire(shop) == Retired()


@pytest.mark.parametrize(
    "status", [OrderStatus.PENDING_PAYMENT, OrderStatus.PAID, OrderStatus.REFUNDING]
)
async def test_an_open_order_keeps_its_item(shop: Shop, redis: Redis, status: OrderStatus) -> None:
    await shop.gate.sell(shop.intent_for(await ordered(shop, redis, status), "ada"))
    await over(shop)
    assert await retire(shop) == Retired()


async def test_a_sale_that_is_on_or_was_over_just_now_keeps_its_items(shop: Shop) -> None:
    assert await retire(shop) == Retired()
    await over(shop)
    assert await retire(shop, ended_before=timedelta(hours=2)) == Retired()


async def test_what_redis_alone_knows_keeps_its_item(shop: Shop, redis: Redis) -> None:
    intent = await shop.intent("ada")
    await over(shop)
    assert await retire(shop) == Retired()
    # Buried: a person may revive it.
    await bury_one(redis, "no good")
    assert await retire(shop) == Retired()
    # Taken over by a workflow that has not come to Postgres yet.
    await redis.delete(ItemKeys.of(shop.item.ref).dead)
    assert await retire(shop) == Retired()
    # Sold, by an order whose row was lost.
    await shop.gate.sell(intent)
    assert await retire(shop) == Retired()
    await shop.gate.release(shop.item.ref, intent.order_id, StockReturn.RESTOCK)
    assert await retire(shop) == Retired(items=1, forgotten=1)


async def test_a_refund_on_its_way_keeps_its_item(shop: Shop, redis: Redis) -> None:
    order_id = await ordered(shop, redis, OrderStatus.FULFILLED)
    await shop.gate.sell(shop.intent_for(order_id, "ada"))
    await over(shop)
    async with shop.database.transaction() as connection:
        await Orders(connection).show_change(order_id)
        await connection.execute(
            text(
                "INSERT INTO refunds (refund_id, order_id, payment_id, method, trade_no, amount,"
                " currency, reason, note, status, requested_by)"
                " VALUES ('R', :order, 'P', 'alipay', 'T', 1, 'CNY', 'buyer', '', 'failed', 'x')"
            ),
            {"order": order_id},
        )
    assert await retire(shop) == Retired()


async def test_no_step_that_comes_later_brings_a_key_back(shop: Shop, redis: Redis) -> None:
    order_id = await ordered(shop, redis, OrderStatus.FULFILLED)
    await shop.gate.sell(late := shop.intent_for(order_id, "ada"))
    await over(shop)
    await retire(shop)

    for how in StockReturn:
        assert await shop.gate.release(shop.item.ref, order_id, how) is None
    assert await shop.gate.sell(late) is None
    assert await shop.gate.reclaim(late) is False
    assert (await shop.click("bob")).verdict is GateVerdict.NOT_FOUND
    assert await shop.gate.commands.stop(shop.item.ref, stop_command()) is None

    assert await keys_of_items(redis) == []


async def test_an_old_copy_of_redis_is_cleared_again_once_nothing_waits_in_it(
    shop: Shop, redis: Redis
) -> None:
    await over(shop)
    await retire(shop)
    await shop.gate.preheat(shop.sale.terms_of(shop.item), 5)
    intents = Intents(redis)
    await redis.xadd(ItemKeys.of(shop.item.ref).intents, {"order_id": "x"})
    await intents.list_again()
    assert await retire(shop) == Retired()

    await start_all(redis)

    assert await retire(shop) == Retired(forgotten=1)
    assert await keys_of_items(redis) == []


async def test_a_window_that_is_open_at_the_gate_is_never_forgotten(shop: Shop) -> None:
    """Postgres may be wrong about it, or somebody wrote in one store alone."""
    async with shop.database.transaction() as connection:
        await connection.execute(text("UPDATE sale_items SET retired_at = now()"))
    assert await retire(shop) == Retired()
    assert (await shop.click("ada")).verdict is GateVerdict.RESERVED


async def test_one_item_is_retired_once(shop: Shop) -> None:
    await over(shop)
    async with shop.database.transaction() as connection:
        retirement = Retirement(connection)
        assert await retirement.retire(shop.item.ref, datetime.now(UTC))
        assert not await retirement.retire(shop.item.ref, datetime.now(UTC))
        assert await retirement.retired([shop.item.item_number, 999]) == {shop.item.item_number}
        assert not await retirement.knows_all([new_order_id(1, 1)])


async def test_a_cancelled_sale_keeps_its_items_until_it_is_undone(shop: Shop) -> None:
    await cancel_sale(shop, tell=False)
    await over(shop, status=SaleStatus.CANCELLED)
    assert await retire(shop) == Retired()

    async with shop.database.transaction() as connection:
        await SaleCancellations(connection).finish(shop.sale.sale_id)

    assert await retire(shop) == Retired(items=1, forgotten=1)


async def test_a_sale_that_is_closed_and_not_settled_keeps_its_items(shop: Shop) -> None:
    await over(shop, status=SaleStatus.CLOSED)

    assert await retire(shop) == Retired()
