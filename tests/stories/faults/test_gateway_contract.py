"""What every gateway keeps to: asked about, closed or undone, what never happened is answered."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from domain.gateway_errors import GatewayError
from domain.payment import (
    Charge,
    PaymentMethod,
    PaymentScene,
    RedirectAction,
    TradeState,
    order_id_of_payment,
)
from domain.refund import RefundInstruction, RefundState
from infra.gateways.points.gateway import PointsGateway
from infra.gateways.protocol import Gateway
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.points import Points
from tests.support.ledger import begin, open_item, place
from tests.support.merchant_shop import MerchantShop, charge_for, opened_shop, until_done
from tests.support.values import POINTS_PRICE, a_payment

ALL = pytest.mark.parametrize("method", PaymentMethod)


@dataclass
class Buyers:
    """Who buys through each gateway: at the practice provider, or with points of his own."""

    shop: MerchantShop
    database: Database

    def gateway(self, method: PaymentMethod) -> Gateway:
        return self._points if method is PaymentMethod.POINTS else self.shop.gateways[method]

    @property
    def _points(self) -> PointsGateway:
        return PointsGateway(self.database)

    async def unseen(self, method: PaymentMethod) -> Charge:
        """A charge that its gateway has not heard of."""
        charge = charge_for(method, PaymentScene.PAGE)
        if method is not PaymentMethod.POINTS:
            return charge
        item = await open_item(self.database, sale_id=charge.payment_id[:20])
        payment = a_payment(await place(self.database, item), method, POINTS_PRICE)
        return payment.charge_for("A mug")

    async def paid(self, method: PaymentMethod) -> Charge:
        charge = await self.unseen(method)
        if method is PaymentMethod.POINTS:
            await self.write(charge)
            async with self.database.transaction() as connection:
                await Points(connection).grant("ada", POINTS_PRICE, "welcome")
        action = await self.gateway(method).create(charge)
        if method is not PaymentMethod.POINTS:
            url = action.url if isinstance(action, RedirectAction) else None
            await self.shop.pay(charge.payment_id, url)
        return charge

    async def write(self, charge: Charge) -> None:
        """As a payment is written before its gateway hears of it."""
        async with self.database.transaction() as connection:
            order = await Orders(connection).get(order_id_of_payment(charge.payment_id) or "")
        assert order is not None
        await begin(self.database, a_payment(order, PaymentMethod.POINTS, charge.amount))


def all_of(charge: Charge, trade_no: str = "T1") -> RefundInstruction:
    return RefundInstruction(
        refund_id=f"R{charge.payment_id}",
        payment_id=charge.payment_id,
        trade_no=trade_no,
        amount=charge.amount,
        paid_amount=charge.amount,
        currency="CNY",
        reason="不要了",
    )


@pytest.fixture(scope="module")
async def shop(keys_dir: Path) -> AsyncIterator[MerchantShop]:
    async with opened_shop(keys_dir) as shop:
        yield shop


@pytest.fixture
def buyers(shop: MerchantShop, database: Database) -> Buyers:
    return Buyers(shop, database)


@ALL
async def test_a_payment_never_seen_is_asked_about_and_closed(
    buyers: Buyers, method: PaymentMethod
) -> None:
    gateway, charge = buyers.gateway(method), await buyers.unseen(method)
    asked = await gateway.query(charge.payment_id)
    assert (asked.state, asked.receipt, asked.returned) == (TradeState.NOT_FOUND, None, None)
    for _ in range(2):
        closed = await gateway.close(charge.payment_id)
        assert (closed.receipt, closed.returned) == (None, None)


@ALL
async def test_what_was_never_paid_cannot_be_given_back(
    buyers: Buyers, method: PaymentMethod
) -> None:
    gateway, charge = buyers.gateway(method), await buyers.unseen(method)
    assert (await gateway.query_refund(all_of(charge))).state is RefundState.NOT_FOUND
    with pytest.raises(GatewayError):
        await gateway.refund(all_of(charge))
    await gateway.close(charge.payment_id)
    assert (await gateway.query_refund(all_of(charge))).state is RefundState.NOT_FOUND
    with pytest.raises(GatewayError):
        await gateway.refund(all_of(charge))


@ALL
async def test_a_paid_payment_says_so_however_it_is_asked(
    buyers: Buyers, method: PaymentMethod
) -> None:
    gateway, charge = buyers.gateway(method), await buyers.paid(method)
    asked, closed = await gateway.query(charge.payment_id), await gateway.close(charge.payment_id)
    assert asked.state is TradeState.PAID
    assert asked.receipt is not None
    assert asked.receipt == closed.receipt
    assert asked.receipt.amount == charge.amount
    assert (await gateway.query_refund(all_of(charge))).state is RefundState.NOT_FOUND


@ALL
async def test_money_that_went_back_is_no_receipt(buyers: Buyers, method: PaymentMethod) -> None:
    gateway, charge = buyers.gateway(method), await buyers.paid(method)
    receipt = (await gateway.query(charge.payment_id)).receipt
    assert receipt is not None
    order = all_of(charge, receipt.trade_no)
    await gateway.refund(order)
    assert (await until_done(lambda: gateway.query_refund(order))).state is RefundState.DONE
    assert (await gateway.refund(order)).state is RefundState.DONE

    asked, closed = await gateway.query(charge.payment_id), await gateway.close(charge.payment_id)
    assert (asked.state, asked.receipt, closed.receipt) == (TradeState.CLOSED, None, None)
    assert asked.returned == closed.returned == receipt
