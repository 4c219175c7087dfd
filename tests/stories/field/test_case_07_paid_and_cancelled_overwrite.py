"""One writes "paid" and one "cancelled", and the later overwrites the earlier."""

import asyncio
from datetime import UTC, datetime

from activities.orders import CancelOrder, OrderActivities
from activities.settlements import SettlementActivities, SettlePayment
from domain.payment import PaymentMethod, Receipt
from domain.reservation import Intent
from domain.states import OrderStatus
from tests.support.field_cases import (
    LONG,
    begun,
    happened,
    item_of,
    paid_unnoticed,
    row_of,
    times_up,
)
from tests.support.ledger import money_of
from tests.support.quiet import rest_and_audit
from tests.support.town import PRICE, Town

ORDERS = 6


async def test_of_two_who_settle_and_cancel_at_once_one_wins_wholly(town: Town) -> None:
    """Two workers that both believe an order theirs, as after a split of the network; then the
    right one comes back and finds what they left."""
    sale_id = await town.sale(stock=ORDERS, pay_window=LONG)
    receipts = await asyncio.gather(*(_paid_unnoticed(town, sale_id, n) for n in range(ORDERS)))
    await town.worker.stop()

    for order_id, receipt in receipts:
        await asyncio.gather(
            SettlementActivities(town.database).settle_payment(
                SettlePayment(order_id=order_id, receipt=receipt)
            ),
            _cancel(town, sale_id, order_id),
        )

    statuses = [await _settled_end(town, order_id) for order_id, _ in receipts]
    sold = statuses.count(OrderStatus.PAID)
    item = await item_of(town, sale_id)
    assert (item.available, item.held, item.sold) == (ORDERS - sold, 0, sold)

    town.worker.start()
    await asyncio.gather(*(times_up(order_id) for order_id, _ in receipts))
    await rest_and_audit(town)
    for status, (order_id, _) in zip(statuses, receipts, strict=True):
        end = {OrderStatus.PAID: "fulfilled"}.get(status, "cancelled")
        assert (await town.order(order_id))["status"] == end


async def _paid_unnoticed(town: Town, sale_id: str, n: int) -> tuple[str, Receipt]:
    order_id = await town.ordered(sale_id, f"split-{n}")
    payment = await begun(town, order_id, f"split-{n}")
    line = await paid_unnoticed(town, payment)
    receipt = Receipt(
        method=PaymentMethod.WECHATPAY,
        payment_id=payment["payment_id"],
        trade_no=line["trade_no"],
        amount=line["paid"],
        paid_at=datetime.now(UTC),
    )
    return order_id, receipt


async def _cancel(town: Town, sale_id: str, order_id: str) -> None:
    order = await row_of(town, order_id)
    assert order is not None
    intent = Intent(
        order_id=order_id,
        sale_id=sale_id,
        sku_id=order.sku_id,
        user_id=order.user_id,
        quantity=order.quantity,
    )
    command = CancelOrder(intent=intent, status=OrderStatus.CANCELLED, reason="split")
    await OrderActivities(town.database).cancel_order(command)


async def _settled_end(town: Town, order_id: str) -> OrderStatus:
    """The order's status, which its story and its money must bear out."""
    order = await row_of(town, order_id)
    assert order is not None
    won = order.status is OrderStatus.PAID
    view = await town.order(order_id)
    assert (happened(view, "paid"), happened(view, "cancelled")) == (won, not won)
    assert await money_of(town.database, order_id) == (PRICE if won else 0, 0)
    return order.status
