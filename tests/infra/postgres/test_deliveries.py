import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from domain.delivery import DeliveryKind
from domain.order import Order
from domain.states import DeliveryStatus, OrderStatus
from infra.postgres.deliveries import Deliveries
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.tables.deliveries import archived_deliveries
from tests.support.ledger import open_item
from tests.support.values import an_order

PENDING, DONE, FAILED, SKIPPED = (
    DeliveryStatus.PENDING,
    DeliveryStatus.DONE,
    DeliveryStatus.FAILED,
    DeliveryStatus.SKIPPED,
)


async def _owed(database: Database, status: OrderStatus = OrderStatus.PAID) -> Order:
    order = an_order(await open_item(database), status=status)
    async with database.transaction() as connection:
        await Orders(connection).insert(order)
        await Deliveries(connection).owe(order.order_id, DeliveryKind)
    return order


async def test_what_is_owed_again_stays_as_it_is(database: Database) -> None:
    order = await _owed(database)
    async with database.transaction() as connection:
        deliveries = Deliveries(connection)
        await deliveries.change_status(
            order.order_id, DeliveryKind.POINTS, {PENDING}, DONE, "88 points"
        )
        await deliveries.owe(order.order_id, DeliveryKind)
        await deliveries.owe(order.order_id, [])
        owed = {
            row.kind: (row.status, row.detail) for row in await deliveries.of_order(order.order_id)
        }
    assert owed == {
        DeliveryKind.POINTS: (DONE, "88 points"),
        DeliveryKind.ENTITLEMENT: (PENDING, ""),
        DeliveryKind.MESSAGE: (PENDING, ""),
    }


async def test_a_delivery_changes_status_only_from_an_expected_one(database: Database) -> None:
    order = await _owed(database)
    async with database.transaction() as connection:
        change = Deliveries(connection).change_status
        message = (order.order_id, DeliveryKind.MESSAGE)
        assert await change(*message, {FAILED}, SKIPPED) is False
        assert await change(*message, {PENDING, FAILED}, FAILED, "no such address") is True
        assert await change(*message, {PENDING, FAILED}, SKIPPED, "by carol") is True
        assert await change(*message, {PENDING, FAILED}, DONE) is False
        assert await change("nobody's", DeliveryKind.MESSAGE, {PENDING}, DONE) is False


async def test_attempts_are_counted_with_their_last_error(database: Database) -> None:
    order = await _owed(database)
    async with database.transaction() as connection:
        deliveries = Deliveries(connection)
        assert await deliveries.count_attempt(order.order_id, DeliveryKind.POINTS, "away") == 1
        assert await deliveries.count_attempt(order.order_id, DeliveryKind.POINTS, "busy") == 2
        points = next(
            row
            for row in await deliveries.of_order(order.order_id)
            if row.kind is DeliveryKind.POINTS
        )
        with pytest.raises(LookupError):
            await deliveries.count_attempt("nobody's", DeliveryKind.POINTS, "away")
    assert (points.attempts, points.detail, points.status) == (2, "busy", PENDING)


async def test_attempts_counted_at_once_are_all_counted(database: Database) -> None:
    order = await _owed(database)

    async def count() -> int:
        async with database.transaction() as connection:
            return await Deliveries(connection).count_attempt(
                order.order_id, DeliveryKind.POINTS, "away"
            )

    counted = await asyncio.gather(*(count() for _ in range(6)))
    assert sorted(counted) == [1, 2, 3, 4, 5, 6]


async def test_only_what_is_over_for_orders_that_ended_long_ago_is_archived(
    database: Database,
) -> None:
    paid, fulfilled = await _owed(database), await _owed(database)
    now = datetime.now(UTC)
    async with database.transaction() as connection:
        deliveries = Deliveries(connection)
        await Orders(connection).change_status(
            fulfilled.order_id, OrderStatus.PAID, OrderStatus.FULFILLED
        )
        for order in (paid, fulfilled):
            await deliveries.change_status(order.order_id, DeliveryKind.POINTS, {PENDING}, DONE)
            await deliveries.change_status(order.order_id, DeliveryKind.MESSAGE, {PENDING}, SKIPPED)
    async with database.transaction() as connection:
        deliveries = Deliveries(connection)
        assert await deliveries.archive(now - timedelta(days=1), 10) == 0
        assert await deliveries.archive(now + timedelta(days=1), 1) == 1
        assert await deliveries.archive(now + timedelta(days=1), 10) == 1
        assert await deliveries.archive(now + timedelta(days=1), 10) == 0
        kept = (await connection.execute(select(archived_deliveries))).mappings().all()
        left = await deliveries.of_order(fulfilled.order_id)
        untouched = await deliveries.of_order(paid.order_id)
    assert [row.kind for row in left] == [DeliveryKind.ENTITLEMENT]
    assert len(untouched) == 3
    assert {(row["order_id"], row["kind"], row["status"]) for row in kept} == {
        (fulfilled.order_id, DeliveryKind.POINTS, DONE),
        (fulfilled.order_id, DeliveryKind.MESSAGE, SKIPPED),
    }
