"""One writes "paid" and one "cancelled", and the later overwrites the earlier."""

import asyncio
from datetime import UTC, datetime

from activities.orders import EndOrder, OrderActivities
from activities.settlements import SettlementActivities, SettlePayment
from domain.payment import PaymentMethod, Receipt
from domain.reservation import Intent
from domain.states import OrderStatus
from tests.support.idle import audit_when_idle
from tests.support.ledger import money_of
from tests.support.whole_system import PRICE, WholeSystem
from tests.support.whole_system_steps import (
    LONG,
    begun,
    happened,
    item_of,
    paid_unnoticed,
    row_of,
    times_up,
)

ORDERS = 6


async def test_of_two_who_settle_and_cancel_at_once_one_wins_wholly(system: WholeSystem) -> None:
    """Two workers that both believe an order theirs, as after a split of the network; then the
    right one comes back and finds what they left."""
    sale_id = await system.sale(stock=ORDERS, pay_window=LONG)
    receipts = await asyncio.gather(*(_paid_unnoticed(system, sale_id, n) for n in range(ORDERS)))
    await system.worker.stop()

    for order_id, receipt in receipts:
        await asyncio.gather(
            SettlementActivities(system.database).settle_payment(
                SettlePayment(order_id=order_id, receipt=receipt)
            ),
            _cancel(system, sale_id, order_id),
        )

    statuses = [await _settled_end(system, order_id) for order_id, _ in receipts]
    sold = statuses.count(OrderStatus.PAID)
    item = await item_of(system, sale_id)
    assert (item.available, item.held, item.sold) == (ORDERS - sold, 0, sold)

    system.worker.start()
    await asyncio.gather(*(times_up(order_id) for order_id, _ in receipts))
    await audit_when_idle(system)
    for status, (order_id, _) in zip(statuses, receipts, strict=True):
        end = {OrderStatus.PAID: "fulfilled"}.get(status, "cancelled")
        assert (await system.order(order_id))["status"] == end


async def _paid_unnoticed(system: WholeSystem, sale_id: str, n: int) -> tuple[str, Receipt]:
    order_id = await system.ordered(sale_id, f"split-{n}")
    payment = await begun(system, order_id, f"split-{n}")
    line = await paid_unnoticed(system, payment)
    receipt = Receipt(
        method=PaymentMethod.WECHATPAY,
        payment_id=payment["payment_id"],
        trade_no=line["trade_no"],
        amount=line["paid"],
        paid_at=datetime.now(UTC),
    )
    return order_id, receipt


async def _cancel(system: WholeSystem, sale_id: str, order_id: str) -> None:
    order = await row_of(system, order_id)
    assert order is not None
    intent = Intent(
        order_id=order_id,
        sale_id=sale_id,
        sku_id=order.sku_id,
        user_id=order.user_id,
        quantity=order.quantity,
    )
    command = EndOrder(intent=intent, status=OrderStatus.CANCELLED, reason="split")
    await OrderActivities(system.database).cancel_order(command)


async def _settled_end(system: WholeSystem, order_id: str) -> OrderStatus:
    """The order's status, which its story and its money must bear out."""
    order = await row_of(system, order_id)
    assert order is not None
    won = order.status is OrderStatus.PAID
    view = await system.order(order_id)
    assert (happened(view, "paid"), happened(view, "cancelled")) == (won, not won)
    assert await money_of(system.database, order_id) == (PRICE if won else 0, 0)
    return order.status
