"""Alipay's and WeChat Pay's gateways both keep the protocol: at the practice provider, on a live
port, with keys it made itself."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from domain.bill import SHANGHAI, Bill, BilledRefund
from domain.gateway_errors import BuyerIsPaying, Declined, TryLater
from domain.notice import NoticeKind, Verdict
from domain.payment import (
    FlowKind,
    PaymentMethod,
    PaymentScene,
    QrAction,
    RedirectAction,
    TradeState,
)
from domain.refund import RefundState
from infra.gateways.alipay.gateway import AlipayGateway
from tests.support.merchant_shop import (
    MerchantShop,
    charge_for,
    opened_shop,
    paid,
    refund_of,
    until_done,
)
from tests.support.polling import until

BOTH = pytest.mark.parametrize("method", [PaymentMethod.ALIPAY, PaymentMethod.WECHATPAY])


@pytest.fixture(scope="module")
async def shop(keys_dir: Path) -> AsyncIterator[MerchantShop]:
    async with opened_shop(keys_dir) as shop:
        yield shop


@BOTH
async def test_a_trade_is_unknown_before_and_waits_or_hides_after_creation(
    shop: MerchantShop, method: PaymentMethod
) -> None:
    gateway, charge = shop.gateways[method], charge_for(method)
    assert (await gateway.query(charge.payment_id)).state is TradeState.NOT_FOUND
    action = await gateway.create(charge)
    assert isinstance(action, QrAction)
    assert await gateway.create(charge) == action
    # Alipay does not know a trade whose code nobody has scanned.
    hidden = method is PaymentMethod.ALIPAY
    state = TradeState.NOT_FOUND if hidden else TradeState.WAITING
    assert (await gateway.query(charge.payment_id)).state is state


@BOTH
async def test_a_payment_is_told_by_notice_and_by_query_alike(
    shop: MerchantShop, method: PaymentMethod
) -> None:
    charge = await paid(shop, method)
    notice = await shop.notice(NoticeKind.PAYMENT, charge.payment_id)
    assert notice.verdict is Verdict.ACCEPTED
    asked = await shop.gateways[method].query(charge.payment_id)
    assert asked.state is TradeState.PAID
    assert asked.receipt == notice.receipt
    assert asked.receipt is not None
    assert asked.receipt.amount == charge.amount
    assert abs(datetime.now(UTC) - asked.receipt.paid_at) < timedelta(minutes=1)


@BOTH
async def test_a_refund_is_done_once_however_often_it_is_asked_for(
    shop: MerchantShop, method: PaymentMethod
) -> None:
    gateway = shop.gateways[method]
    charge = await paid(shop, method)
    order = await refund_of(shop, charge, method)
    assert (await gateway.query_refund(order)).state is RefundState.NOT_FOUND
    first = await gateway.refund(order)
    assert first.state in (RefundState.DONE, RefundState.PROCESSING)
    done = await until_done(lambda: gateway.query_refund(order))
    assert done.state is RefundState.DONE
    assert (await gateway.refund(order)).state is RefundState.DONE
    notice = await shop.notice(NoticeKind.REFUND, charge.payment_id)
    assert notice.verdict is Verdict.ACCEPTED
    assert notice.refund is not None
    assert (notice.refund.refund_id, notice.refund.amount) == (order.refund_id, order.amount)
    (line,) = [t for t in await shop.book() if t.out_trade_no == charge.payment_id]
    assert (line.provider, line.paid, line.refunded) == (method, charge.amount, charge.amount)


@BOTH
async def test_a_closed_trade_can_be_closed_again_and_not_be_paid(
    shop: MerchantShop, method: PaymentMethod
) -> None:
    gateway, charge = shop.gateways[method], charge_for(method, PaymentScene.PAGE)
    action = await gateway.create(charge)
    if isinstance(action, RedirectAction):
        (await shop.client.get(action.url)).raise_for_status()
    assert (await gateway.query(charge.payment_id)).state is TradeState.WAITING
    assert (await gateway.close(charge.payment_id)).receipt is None
    assert (await gateway.close(charge.payment_id)).receipt is None
    assert (await gateway.query(charge.payment_id)).state is TradeState.CLOSED
    refused = await shop.client.post(f"/trades/{charge.payment_id}/pay")
    assert refused.status_code == 409


@BOTH
async def test_a_buyer_who_pays_while_we_close_has_paid(
    shop: MerchantShop, method: PaymentMethod
) -> None:
    gateway, charge = shop.gateways[method], charge_for(method, PaymentScene.PAGE)
    action = await gateway.create(charge)
    if isinstance(action, RedirectAction):
        (await shop.client.get(action.url)).raise_for_status()
    await shop.misbehave(charge.payment_id, pay_on_close=1.0)
    closed = await gateway.close(charge.payment_id)
    assert closed.receipt is not None
    assert closed.receipt.amount == charge.amount


@BOTH
async def test_an_unknown_trade_counts_as_closed(shop: MerchantShop, method: PaymentMethod) -> None:
    closed = await shop.gateways[method].close(charge_for(method).payment_id)
    assert closed.receipt is None


@BOTH
async def test_the_bill_lists_what_moved(shop: MerchantShop, method: PaymentMethod) -> None:
    gateway = shop.gateways[method]
    charge = await paid(shop, method)
    order = await refund_of(shop, charge, method)
    await gateway.refund(order)
    await until_done(lambda: gateway.query_refund(order))
    lines = (await gateway.download_bill(datetime.now(SHANGHAI).date())).lines
    ours = {line.kind: line for line in lines if line.payment_id == charge.payment_id}
    assert {kind: line.amount for kind, line in ours.items()} == {
        FlowKind.RECEIVED: charge.amount,
        FlowKind.REFUNDED: charge.amount,
    }
    assert ours[FlowKind.REFUNDED].refund_id == order.refund_id
    assert {line.trade_no for line in ours.values()} == {order.trade_no}


@BOTH
async def test_a_day_without_trades_has_an_empty_statement(
    shop: MerchantShop, method: PaymentMethod
) -> None:
    long_ago = datetime.now(SHANGHAI).date() - timedelta(days=30)
    assert await shop.gateways[method].download_bill(long_ago) == Bill()


@BOTH
async def test_a_failing_call_leaves_the_outcome_open_and_can_be_asked_for_again(
    shop: MerchantShop, method: PaymentMethod
) -> None:
    gateway = shop.gateways[method]
    charge = await paid(shop, method)
    order = await refund_of(shop, charge, method)
    await shop.misbehave(charge.payment_id, fail_calls=1.0)
    with pytest.raises(TryLater):
        await gateway.refund(order)
    with pytest.raises(TryLater):
        await gateway.query(charge.payment_id)
    await shop.misbehave(charge.payment_id)
    await gateway.refund(order)
    assert (await until_done(lambda: gateway.query_refund(order))).state is RefundState.DONE
    (line,) = [t for t in await shop.book() if t.out_trade_no == charge.payment_id]
    assert line.refunded == charge.amount


@BOTH
@pytest.mark.parametrize(
    ("switch", "verdict"),
    [("tamper_app", Verdict.FOREIGN_APP), ("bad_signature", Verdict.BAD_SIGNATURE)],
)
async def test_a_provider_that_lies_is_not_believed(
    shop: MerchantShop, method: PaymentMethod, switch: str, verdict: Verdict
) -> None:
    charge = charge_for(method)
    await shop.gateways[method].create(charge)
    await shop.misbehave(charge.payment_id, **{switch: 1.0})
    before = len(shop.notices)
    await shop.pay(charge.payment_id)
    await until(lambda: any(n.verdict is verdict for n in shop.notices[before:]))
    assert all(n.receipt is None for n in shop.told(NoticeKind.PAYMENT, charge.payment_id))


async def test_alipay_brings_the_buyer_back_with_a_page_we_can_verify(shop: MerchantShop) -> None:
    alipay = shop.gateways[PaymentMethod.ALIPAY]
    assert isinstance(alipay, AlipayGateway)
    charge = charge_for(PaymentMethod.ALIPAY, PaymentScene.PAGE)
    action = await alipay.create(charge)
    assert isinstance(action, RedirectAction)
    cashier = await shop.client.get(action.url, follow_redirects=True)
    code = cashier.text.split("/cashier/")[1].split("/pay")[0]
    back = await shop.client.post(f"/cashier/{code}/pay", follow_redirects=False)
    returned = httpx.URL(back.headers["location"])
    assert returned.path == "/v1/payments/alipay/return"
    assert alipay.verify_return(dict(returned.params)) == charge.payment_id


async def test_wechat_pays_keys_may_be_rotated_while_we_run(
    keys_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.gateways.wechatpay.wire._REREAD_SECONDS", 0.0)
    async with opened_shop(keys_dir) as shop:
        method = PaymentMethod.WECHATPAY
        before = await paid(shop, method)
        (await shop.client.post("/keys/rotate")).raise_for_status()
        after = await paid(shop, method)
        for charge in (before, after):
            notice = await shop.notice(NoticeKind.PAYMENT, charge.payment_id)
            assert notice.verdict is Verdict.ACCEPTED
            found = await shop.gateways[method].query(charge.payment_id)
            assert found.state is TradeState.PAID


async def test_wechat_pay_closes_nothing_while_the_buyer_types_his_password(
    shop: MerchantShop,
) -> None:
    gateway = shop.gateways[PaymentMethod.WECHATPAY]
    charge = charge_for(PaymentMethod.WECHATPAY)
    await gateway.create(charge)
    await shop.misbehave(charge.payment_id, user_paying=1.0)
    with pytest.raises(BuyerIsPaying):
        await gateway.close(charge.payment_id)
    await shop.pay(charge.payment_id)
    await shop.misbehave(charge.payment_id)
    assert (await gateway.close(charge.payment_id)).receipt is not None


@BOTH
async def test_a_refund_the_merchant_cannot_cover_is_done_later_under_the_same_number(
    shop: MerchantShop, method: PaymentMethod
) -> None:
    gateway, charge = shop.gateways[method], await paid(shop, method)
    order = await refund_of(shop, charge, method)
    await shop.misbehave(charge.payment_id, not_enough=1.0)
    with pytest.raises(Declined, match="NOT_ENOUGH"):
        await gateway.refund(order)
    assert (await gateway.query_refund(order)).state is RefundState.NOT_FOUND
    await shop.misbehave(charge.payment_id)
    await gateway.refund(order)
    assert (await until_done(lambda: gateway.query_refund(order))).state is RefundState.DONE


@BOTH
async def test_a_refusal_without_a_signature_is_quoted(
    shop: MerchantShop, method: PaymentMethod
) -> None:
    charge = await paid(shop, method)
    await shop.misbehave(charge.payment_id, unknown_caller=1.0)
    with pytest.raises(TryLater, match=r"\(unverified: "):
        await shop.gateways[method].query(charge.payment_id)


@pytest.mark.parametrize(
    ("switches", "state"),
    [
        ({"refund_seconds": 86_400.0}, BilledRefund.ASKED),
        ({"refund_abnormal": 1.0}, BilledRefund.FAILED),
    ],
    ids=str,
)
async def test_wechat_pays_bill_has_refunds_in_the_state_they_are_in(
    shop: MerchantShop, switches: dict[str, float], state: BilledRefund
) -> None:
    method = PaymentMethod.WECHATPAY
    charge = await paid(shop, method)
    await shop.misbehave(charge.payment_id, **switches)
    order, gateway = await refund_of(shop, charge, method), shop.gateways[method]
    await gateway.refund(order)
    still = RefundState.PROCESSING if state is BilledRefund.ASKED else RefundState.FAILED
    async with asyncio.timeout(60):
        while (await gateway.query_refund(order)).state is not still:
            await asyncio.sleep(0.05)
    bill = await gateway.download_bill(datetime.now(SHANGHAI).date())
    (line,) = [line for line in bill.lines if line.refund_id == order.refund_id]
    assert (line.refund_state, bill.unread) == (state, ())
