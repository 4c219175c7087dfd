"""Our adapters at a provider that does what the documents say and other people's SDKs bear: each of
these was once taken for something else."""

import shutil
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest

from domain.bill import SHANGHAI, BilledRefund
from domain.gateway_errors import BuyerIsPaying, GatewayError, TryLater
from domain.notice import NoticeKind, Verdict
from domain.payment import FlowKind, PaymentMethod, TradeState
from domain.refund import RefundState
from practice.provider.keys import CERTIFICATE, Keys
from tests.support.merchant_shop import (
    MerchantShop,
    charge_for,
    opened_shop,
    paid,
    refund_of,
    until_done,
)

WECHATPAY = PaymentMethod.WECHATPAY
BOTH = pytest.mark.parametrize("method", [PaymentMethod.ALIPAY, WECHATPAY])


@pytest.fixture
async def keys(keys_dir: Path, tmp_path: Path) -> Path:
    return shutil.copytree(keys_dir, tmp_path / "keys")


@pytest.fixture
async def shop(keys: Path, open_letterbox: object) -> AsyncIterator[MerchantShop]:
    async with opened_shop(keys) as shop:
        yield shop


async def test_an_order_whose_buyer_is_paying_is_not_closed(shop: MerchantShop) -> None:
    gateway, charge = shop.gateways[WECHATPAY], charge_for(WECHATPAY)
    await gateway.create(charge)
    await shop.misbehave(charge.payment_id, user_paying=1.0)
    with pytest.raises(BuyerIsPaying):
        await gateway.close(charge.payment_id)
    await shop.pay(charge.payment_id)
    receipt = (await gateway.close(charge.payment_id)).receipt
    assert receipt is not None
    assert receipt.amount == charge.amount


async def test_a_merchant_that_is_being_moved_is_answered_under_the_key_he_has(
    shop: MerchantShop,
) -> None:
    # Nothing of the certificate is in his folder.
    (await shop.client.put("/control", json={"sign_by_certificate": 1.0})).raise_for_status()
    charge = await paid(shop, WECHATPAY)
    assert (await shop.gateways[WECHATPAY].query(charge.payment_id)).state is TradeState.PAID


async def test_notices_under_the_certificate_are_believed_once_it_lies_beside_the_key(
    keys: Path, open_letterbox: object
) -> None:
    serial = Keys(keys).certificate.serial
    shutil.copy(keys / CERTIFICATE, keys / "wechatpay_platform" / f"{serial}.pem")
    async with opened_shop(keys) as shop:
        (await shop.client.put("/control", json={"sign_by_certificate": 1.0})).raise_for_status()
        charge = await paid(shop, WECHATPAY)
        notice = await shop.notice(NoticeKind.PAYMENT, charge.payment_id)
    assert notice.verdict is Verdict.ACCEPTED


@BOTH
async def test_a_refusal_without_a_signature_is_named_and_not_believed(
    shop: MerchantShop, method: PaymentMethod
) -> None:
    charge = await paid(shop, method)
    await shop.misbehave(charge.payment_id, unknown_caller=1.0)
    with pytest.raises(TryLater, match=r"SIGN_ERROR|isv\.invalid-app-id"):
        await shop.gateways[method].query(charge.payment_id)


@BOTH
async def test_a_refund_the_balance_did_not_cover_is_made_under_its_number_later(
    shop: MerchantShop, method: PaymentMethod
) -> None:
    gateway, charge = shop.gateways[method], await paid(shop, method)
    refund = await refund_of(shop, charge, method)
    await shop.misbehave(charge.payment_id, not_enough=1.0)
    with pytest.raises(GatewayError):
        await gateway.refund(refund)
    assert (await gateway.query_refund(refund)).state is RefundState.NOT_FOUND
    await shop.misbehave(charge.payment_id, not_enough=0.0)
    await gateway.refund(refund)
    assert (await until_done(lambda: gateway.query_refund(refund))).state is RefundState.DONE


async def test_a_refund_that_was_only_asked_for_is_so_in_the_bill(shop: MerchantShop) -> None:
    gateway, charge = shop.gateways[WECHATPAY], await paid(shop, WECHATPAY)
    await shop.misbehave(charge.payment_id, refund_seconds=600)
    await gateway.refund(await refund_of(shop, charge, WECHATPAY))
    bill = await gateway.download_bill(datetime.now(SHANGHAI).date())
    (line,) = [line for line in bill.lines if line.kind is FlowKind.REFUNDED]
    assert (line.payment_id, line.refund_state) == (charge.payment_id, BilledRefund.ASKED)
