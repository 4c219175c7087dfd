import asyncio
import itertools
from datetime import timedelta

import pytest

from domain.delivery import DeliveryKind
from domain.order import EventKind, Order
from domain.payment import PaymentMethod
from domain.states import FINAL, ORDER_TRANSITIONS, OrderStatus, PaymentStatus
from infra.postgres.deliveries import Deliveries
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.payments import Payments
from infra.postgres.refunds import Refunds
from tests.support.ledger import begin, open_item, place
from tests.support.values import NOON, a_payment, a_refund, an_order


async def _insert(database: Database, *orders: Order) -> list[bool]:
    async with database.transaction() as connection:
        return [await Orders(connection).insert(order) for order in orders]


async def _get(database: Database, order: Order) -> Order:
    async with database.transaction() as connection:
        found = await Orders(connection).get(order.order_id)
    assert found is not None
    return found


async def test_an_order_is_read_as_it_was_written(database: Database) -> None:
    order = an_order(await open_item(database))
    assert await _insert(database, order) == [True]
    assert await _get(database, order) == order


async def test_inserting_an_order_again_leaves_the_first(database: Database) -> None:
    order = an_order(await open_item(database))
    changed = order.model_copy(update={"user_id": "mallory", "amount": 1})
    assert await _insert(database, order, changed) == [True, False]
    assert await _get(database, order) == order


async def test_the_same_order_inserted_at_once_is_inserted_once(database: Database) -> None:
    order = an_order(await open_item(database))
    inserted = await asyncio.gather(*(_insert(database, order) for _ in range(6)))
    assert sorted(inserted) == [[False]] * 5 + [[True]]


async def test_an_order_of_an_unknown_item_can_be_rejected_with_its_reason(
    database: Database,
) -> None:
    item = await open_item(database)
    order = an_order(item, status=OrderStatus.REJECTED).model_copy(
        update={"sku_id": "none", "reason": "not_found", "pay_deadline": None}
    )
    assert await _insert(database, order) == [True]


@pytest.mark.parametrize(("expected", "to"), [*itertools.product(OrderStatus, repeat=2)])
async def test_a_status_changes_once_and_only_along_the_state_machine(
    database: Database, expected: OrderStatus, to: OrderStatus
) -> None:
    order = an_order(await open_item(database), status=expected)
    await _insert(database, order)
    async with database.transaction() as connection:
        orders = Orders(connection)
        if to not in ORDER_TRANSITIONS[expected]:
            with pytest.raises(ValueError, match="no order goes from"):
                await orders.change_status(order.order_id, expected, to)
            return
        assert await orders.change_status(order.order_id, expected, to, reason="said so") is True
        assert await orders.change_status(order.order_id, expected, to, reason="again") is False
    changed = await _get(database, order)
    assert (changed.status, changed.reason) == (to, "said so")
    assert (changed.closed_at is not None) == (to in FINAL)


async def test_paid_and_cancelled_at_once_do_not_overwrite_each_other(
    database: Database,
) -> None:
    order = an_order(await open_item(database))
    await _insert(database, order)

    async def change(to: OrderStatus) -> bool:
        async with database.transaction() as connection:
            return await Orders(connection).change_status(
                order.order_id, OrderStatus.PENDING_PAYMENT, to
            )

    ends = [OrderStatus.PAID, OrderStatus.CANCELLED, OrderStatus.TIMED_OUT] * 3
    changed = await asyncio.gather(*(change(to) for to in ends))
    assert changed.count(True) == 1
    assert (await _get(database, order)).status is ends[changed.index(True)]


async def test_a_later_change_without_reason_keeps_the_earlier_one(database: Database) -> None:
    order = an_order(await open_item(database), status=OrderStatus.PAID)
    await _insert(database, order)
    async with database.transaction() as connection:
        orders = Orders(connection)
        steps = [OrderStatus.PAID, OrderStatus.REFUNDING, OrderStatus.REFUNDED]
        await orders.change_status(order.order_id, *steps[:2], reason="broken mug")
        await orders.change_status(order.order_id, *steps[1:])
    assert (await _get(database, order)).reason == "broken mug"


async def test_a_deadline_is_extended_only_forward_and_once(database: Database) -> None:
    order = an_order(await open_item(database))
    await _insert(database, order)
    later = NOON + timedelta(hours=1)
    async with database.transaction() as connection:
        orders = Orders(connection)
        assert await orders.extend_deadline(order.order_id, later) is True
        assert await orders.extend_deadline(order.order_id, later) is False
        assert await orders.extend_deadline(order.order_id, NOON) is False
    assert (await _get(database, order)).pay_deadline == later


async def test_only_an_order_that_waits_for_its_payment_is_extended(database: Database) -> None:
    item = await open_item(database)
    waiting = {OrderStatus.PENDING_PAYMENT}
    for status in OrderStatus:
        order = an_order(item, status=status)
        await _insert(database, order)
        async with database.transaction() as connection:
            extended = await Orders(connection).extend_deadline(
                order.order_id, NOON + timedelta(hours=1)
            )
        assert extended == (status in waiting)


async def test_the_limit_counts_what_a_user_holds_or_owns_of_the_item(
    database: Database,
) -> None:
    item = await open_item(database)
    orders = [an_order(item, quantity=2, status=status) for status in OrderStatus]
    await _insert(database, *orders, an_order(item, "bob"))
    async with database.transaction() as connection:
        count = Orders(connection).quantity_of
        pending = next(o for o in orders if o.status is OrderStatus.PENDING_PAYMENT)
        assert await count(item.ref, "ada") == 8
        assert await count(item.ref, "ada", besides=pending.order_id) == 6
        assert await count(item.ref, "bob") == 1
        assert await count(item.ref, "nobody") == 0


async def test_a_dossier_tells_all_that_hangs_on_an_order(database: Database) -> None:
    order = await place(database, await open_item(database))
    payment = await begin(database, a_payment(order))
    async with database.transaction() as connection:
        orders = Orders(connection)
        await orders.record(order.order_id, EventKind.PAID, "provider:alipay", "trade 7")
        await Refunds(connection).request(a_refund(payment))
        await Deliveries(connection).owe(order.order_id, DeliveryKind)
        dossier = await orders.dossier(order.order_id)
        assert await orders.dossier(an_order(await open_item(database)).order_id) is None
    assert dossier is not None
    assert dossier.order == order
    assert [line.event for line in dossier.events] == ["placed", "paid"]
    assert (dossier.events[1].actor, dossier.events[1].detail) == ("provider:alipay", "trade 7")
    assert dossier.payments == (payment,)
    assert dossier.refunds == (a_refund(payment),)
    assert {delivery.kind for delivery in dossier.deliveries} == set(DeliveryKind)


async def test_a_users_orders_page_newest_first_while_new_ones_arrive(
    database: Database,
) -> None:
    item = await open_item(database)
    orders = [an_order(item) for _ in range(5)]
    await _insert(database, *orders, an_order(item, "bob"))
    newest_first = [order.order_id for order in reversed(orders)]
    async with database.transaction() as connection:
        first, cursor = await Orders(connection).of_user("ada", None, 2)
    await _insert(database, an_order(item))
    async with database.transaction() as connection:
        second, cursor = await Orders(connection).of_user("ada", cursor, 2)
        third, end = await Orders(connection).of_user("ada", cursor, 2)
    seen = [order.order_id for page in (first, second, third) for order in page]
    assert seen == newest_first
    assert end is None


async def test_orders_are_found_by_every_term_and_by_all_together(database: Database) -> None:
    item = await open_item(database)
    paid, other = an_order(item, "ada", status=OrderStatus.PAID), an_order(item, "bob")
    await _insert(database, paid, other)
    payment = await begin(database, a_payment(paid, PaymentMethod.WECHATPAY))
    async with database.transaction() as connection:
        await Payments(connection).change_status(
            payment.payment_id, PaymentStatus.CREATED, PaymentStatus.PAID, trade_no="4200"
        )
        search = Orders(connection).search
        for found, _ in [
            await search(user_id="ada"),
            await search(order_id=paid.order_id),
            await search(trade_no="4200"),
            await search(trade_no=payment.payment_id),
            await search(status=OrderStatus.PAID),
            await search(user_id="ada", status=OrderStatus.PAID, trade_no="4200"),
        ]:
            assert [order.order_id for order in found] == [paid.order_id]
        assert await search(user_id="bob", status=OrderStatus.PAID) == ([], None)
        everything, _ = await search()
    assert [order.order_id for order in everything] == [other.order_id, paid.order_id]


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE orders; --", "%", "\\", "\u202e名前", "x" * 10_000, ""]
)
async def test_text_from_outside_cannot_break_a_search(database: Database, text: str) -> None:
    await _insert(database, an_order(await open_item(database)))
    async with database.transaction() as connection:
        search = Orders(connection).search
        assert await search(user_id=text) == ([], None)
        assert await search(order_id=text, trade_no=text) == ([], None)
        assert len((await search())[0]) == 1
