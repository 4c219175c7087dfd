"""Points behind the protocol of a payment provider."""

from collections.abc import AsyncIterator

import pytest

from domain.bill import Bill
from domain.gateway_errors import (
    AlreadyClosed,
    AlreadyPaid,
    Declined,
    NotEnoughPoints,
    TradeNotFound,
)
from domain.notice import Verdict
from domain.payment import (
    Charge,
    Payment,
    PaymentMethod,
    PaymentScene,
    TradeState,
    payment_id_for,
)
from domain.refund import RefundInstruction, RefundState
from domain.states import OrderStatus, PaymentStatus
from infra.gateways.points.gateway import PointsGateway
from infra.gateways.protocol import RawNotice
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.payments import Payments
from infra.postgres.points import Points
from tests.support.ledger import begin, open_item, place
from tests.support.values import NOON, a_payment

NEEDED = 880


@pytest.fixture
def gateway(database: Database) -> PointsGateway:
    return PointsGateway(database)


@pytest.fixture
async def payment(database: Database) -> AsyncIterator[Payment]:
    """Begun by Ada, who has a thousand points."""
    order = await place(database, await open_item(database))
    async with database.transaction() as connection:
        await Points(connection).grant("ada", 1000, "a present")
    yield await begin(database, a_payment(order, PaymentMethod.POINTS, NEEDED))


def charge(payment: Payment) -> Charge:
    return Charge(
        payment_id=payment.payment_id, amount=payment.amount, currency="PTS", subject="a mug",
        expires_at=NOON, scene=PaymentScene.PAGE,
    )  # fmt: skip


def instruction(payment: Payment, amount: int = NEEDED) -> RefundInstruction:
    return RefundInstruction(
        refund_id="R", payment_id=payment.payment_id, trade_no=payment.payment_id, amount=amount,
        paid_amount=NEEDED, currency="PTS", reason="",
    )  # fmt: skip


async def balance(database: Database) -> int:
    async with database.transaction() as connection:
        return await Points(connection).balance("ada")


async def test_points_are_taken_once_and_the_trade_is_the_payment(
    database: Database, gateway: PointsGateway, payment: Payment
) -> None:
    assert (await gateway.query(payment.payment_id)).state is TradeState.WAITING
    await gateway.create(charge(payment))
    await gateway.create(charge(payment))
    found = await gateway.query(payment.payment_id)
    assert await balance(database) == 1000 - NEEDED
    assert found.state is TradeState.PAID
    assert found.receipt is not None
    assert (found.receipt.trade_no, found.receipt.amount) == (payment.payment_id, NEEDED)


async def test_too_few_points_take_nothing(
    database: Database, gateway: PointsGateway, payment: Payment
) -> None:
    async with database.transaction() as connection:
        await Points(connection).debit("another order", "ada", 500)
    with pytest.raises(NotEnoughPoints) as refused:
        await gateway.create(charge(payment))
    assert (refused.value.balance, refused.value.needed) == (500, NEEDED)
    assert await balance(database) == 500


async def test_a_closed_payment_takes_nothing(
    database: Database, gateway: PointsGateway, payment: Payment
) -> None:
    assert (await gateway.close(payment.payment_id)).receipt is None
    assert (await gateway.query(payment.payment_id)).state is TradeState.CLOSED
    with pytest.raises(AlreadyClosed):
        await gateway.create(charge(payment))
    assert await balance(database) == 1000


async def test_a_close_that_comes_after_the_debit_hears_that_it_is_paid(
    gateway: PointsGateway, payment: Payment
) -> None:
    await gateway.create(charge(payment))
    receipt = (await gateway.close(payment.payment_id)).receipt
    assert receipt is not None
    assert receipt.amount == NEEDED
    assert (await gateway.query(payment.payment_id)).state is TradeState.PAID


async def test_points_come_back_once_and_asking_moves_none(
    database: Database, gateway: PointsGateway, payment: Payment
) -> None:
    await gateway.create(charge(payment))
    assert (await gateway.query_refund(instruction(payment))).state is RefundState.NOT_FOUND
    assert await balance(database) == 1000 - NEEDED
    for _ in range(2):
        assert (await gateway.refund(instruction(payment))).state is RefundState.DONE
    assert (await gateway.query_refund(instruction(payment))).state is RefundState.DONE
    assert await balance(database) == 1000


async def test_no_more_points_come_back_than_were_paid(
    database: Database, gateway: PointsGateway, payment: Payment
) -> None:
    await gateway.create(charge(payment))
    with pytest.raises(Declined, match="880 points were paid, 881 asked back"):
        await gateway.refund(instruction(payment, NEEDED + 1))
    assert await balance(database) == 1000 - NEEDED


async def test_a_payment_nobody_began_is_not_found(gateway: PointsGateway) -> None:
    assert (await gateway.query("nothing")).state is TradeState.NOT_FOUND
    with pytest.raises(TradeNotFound, match="no payment nothing"):
        await gateway.create(
            Charge(
                payment_id="nothing",
                amount=NEEDED,
                currency="PTS",
                subject="a mug",
                expires_at=NOON,
                scene=PaymentScene.PAGE,
            )
        )


async def test_a_notice_about_points_is_forged_and_their_bill_is_empty(
    gateway: PointsGateway,
) -> None:
    notice = await gateway.verify_notice(RawNotice(b"{}", {}))
    assert notice.verdict is Verdict.BAD_SIGNATURE
    assert await gateway.download_bill(NOON.date()) == Bill()


def attempt(payment: Payment, number: int) -> Payment:
    payment_id = payment_id_for(payment.order_id, PaymentMethod.POINTS, number)
    return payment.model_copy(update={"payment_id": payment_id})


async def test_a_beginning_that_comes_after_the_close_takes_nothing(
    database: Database, gateway: PointsGateway, payment: Payment
) -> None:
    """Its worker stood still: nobody had heard of the payment when it was closed."""
    unseen = attempt(payment, 2)
    await gateway.close(unseen.payment_id)

    standing = await begin(database, unseen)
    with pytest.raises(AlreadyClosed):
        await gateway.create(charge(standing))

    assert standing.status is PaymentStatus.CLOSED
    assert (await gateway.query(unseen.payment_id)).state is TradeState.CLOSED
    assert await balance(database) == 1000


async def test_an_order_that_is_over_takes_no_points(
    database: Database, gateway: PointsGateway, payment: Payment
) -> None:
    async with database.transaction() as connection:
        await Orders(connection).change_status(
            payment.order_id, OrderStatus.PENDING_PAYMENT, OrderStatus.CANCELLED
        )
    with pytest.raises(AlreadyClosed):
        await gateway.create(charge(payment))
    assert await balance(database) == 1000


async def test_a_payment_of_no_order_is_closed_and_leaves_no_trace(
    database: Database, gateway: PointsGateway
) -> None:
    assert (await gateway.close("no-such-payment")).receipt is None
    async with database.transaction() as connection:
        assert await Payments(connection).get("no-such-payment") is None


async def test_one_debit_is_one_payments(
    database: Database, gateway: PointsGateway, payment: Payment
) -> None:
    second = await begin(database, attempt(payment, 2))
    await gateway.create(charge(second))

    with pytest.raises(AlreadyPaid):
        await gateway.create(charge(payment))
    await gateway.create(charge(second))

    assert (await gateway.query(second.payment_id)).state is TradeState.PAID
    assert (await gateway.query(payment.payment_id)).state is TradeState.WAITING
    with pytest.raises(Declined):
        await gateway.refund(instruction(payment))
    assert await balance(database) == 1000 - NEEDED


async def test_a_debit_from_before_debits_named_their_payment_is_the_first_ones(
    database: Database, gateway: PointsGateway, payment: Payment
) -> None:
    second = await begin(database, attempt(payment, 2))
    async with database.transaction() as connection:
        await Points(connection).debit(payment.order_id, "ada", NEEDED)

    assert (await gateway.query(payment.payment_id)).state is TradeState.PAID
    assert (await gateway.query(second.payment_id)).state is TradeState.WAITING
