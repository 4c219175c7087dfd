import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from domain.order import Order
from domain.payment import FlowKind, Payment, PaymentMethod, QrAction, RedirectAction
from domain.states import PaymentStatus
from infra.postgres.engine import Database
from infra.postgres.hot_path import HotPath
from infra.postgres.orders import Orders
from infra.postgres.payments import PaymentFlows, Payments
from tests.support.ledger import begin, damage, open_item
from tests.support.query_plans import row_by_row
from tests.support.values import NOON, a_payment, an_order


async def _order(database: Database) -> Order:
    order = an_order(await open_item(database))
    async with database.transaction() as connection:
        await Orders(connection).insert(order)
    return order


async def _offer(
    database: Database, payment: Payment, action: RedirectAction | QrAction, until: datetime
) -> None:
    async with database.driver() as driver:
        await HotPath(driver).offer_payment(payment.payment_id, action, until, "buyer:ada")


async def test_an_order_lists_its_payments_with_their_actions(database: Database) -> None:
    order = await _order(database)
    alipay, wechat = a_payment(order), a_payment(order, PaymentMethod.WECHATPAY)
    redirect, qr = RedirectAction(url="https://pay.example/1"), QrAction(code_url="weixin://1")
    later = NOON + timedelta(hours=1)
    for payment, action in ((alipay, redirect), (wechat, qr)):
        await _offer(database, await begin(database, payment), action, later)
    async with database.transaction() as connection:
        payments = Payments(connection)
        listed = await payments.of_order(order.order_id)
        assert await payments.get("unknown") is None
    assert [payment.action for payment in listed] == [redirect, qr]
    assert [payment.expires_at for payment in listed] == [later, later]


async def test_a_payment_changes_status_only_from_the_expected_one(database: Database) -> None:
    payment = await begin(database, a_payment(await _order(database)))
    created, paid = PaymentStatus.CREATED, PaymentStatus.PAID
    async with database.transaction() as connection:
        payments = Payments(connection)
        assert await payments.change_status(
            payment.payment_id, created, paid, trade_no="T1", paid_at=NOON
        )
        assert not await payments.change_status(payment.payment_id, created, paid, trade_no="T2")
        assert await payments.change_status(payment.payment_id, paid, PaymentStatus.REFUNDED)
        standing = await payments.get(payment.payment_id)
    assert standing is not None
    assert (standing.status, standing.trade_no, standing.paid_at) == (
        PaymentStatus.REFUNDED,
        "T1",
        NOON,
    )


async def test_money_is_written_down_once_per_trade_and_once_per_refund(
    database: Database,
) -> None:
    order = await _order(database)
    payment = a_payment(order)
    flow = (order.order_id, payment.payment_id, PaymentMethod.ALIPAY)
    async with database.transaction() as connection:
        flows = PaymentFlows(connection)
        assert await flows.sums_of_payment(payment.payment_id) == (0, 0)
        assert await flows.record(*flow, FlowKind.RECEIVED, "T1", 8800) is True
        assert await flows.record(*flow, FlowKind.RECEIVED, "T1", 8800) is False
        assert await flows.record(*flow, FlowKind.RECEIVED, "T2", 100) is True
        assert await flows.record(*flow, FlowKind.REFUNDED, "R1", 100) is True
        assert await flows.record(*flow, FlowKind.REFUNDED, "R1", 100) is False
        assert await flows.sums_of_payment(payment.payment_id) == (8900, 100)


async def test_the_same_trade_number_at_two_providers_is_two_receipts(
    database: Database,
) -> None:
    order = await _order(database)
    async with database.transaction() as connection:
        flows = PaymentFlows(connection)
        for method in (PaymentMethod.ALIPAY, PaymentMethod.WECHATPAY):
            assert await flows.record(order.order_id, "P", method, FlowKind.RECEIVED, "T1", 5)


async def test_one_receipt_written_down_by_many_at_once_stands_once(database: Database) -> None:
    order = await _order(database)

    async def record() -> bool:
        async with database.transaction() as connection:
            return await PaymentFlows(connection).record(
                order.order_id, "P", PaymentMethod.ALIPAY, FlowKind.RECEIVED, "T1", 8800
            )

    assert (await asyncio.gather(*(record() for _ in range(8)))).count(True) == 1


@pytest.mark.parametrize(("kind", "amount"), [("received", 0), ("received", -1), ("borrowed", 1)])
async def test_the_database_itself_refuses_a_flow_that_makes_no_sense(
    database: Database, kind: str, amount: int
) -> None:
    with pytest.raises(IntegrityError):
        await damage(
            database,
            "INSERT INTO payment_flows (order_id, payment_id, method, kind, reference, amount)"
            " VALUES ('O', 'P', 'alipay', :kind, 'T', :amount)",
            kind=kind,
            amount=amount,
        )


async def test_no_plan_of_the_database_claims_more_payments_than_the_limit(
    database: Database,
) -> None:
    item = await open_item(database)
    for minute in range(5):
        order = an_order(item)
        async with database.transaction() as connection:
            await Orders(connection).insert(order)
            ask_at = NOON + timedelta(minutes=minute)
            assert await Payments(connection).insert(a_payment(order), ask_at=ask_at)
    async with database.transaction() as connection:
        await row_by_row(connection)
        claimed = await Payments(connection).claim_unanswered(NOON + timedelta(hours=1), 2)

    assert len(claimed) == 2
