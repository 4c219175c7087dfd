"""The page to which Alipay sends a buyer back."""

from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from domain.states import OrderStatus, PaymentStatus
from infra.postgres.orders import Orders
from tests.support.kept_notices import begun
from tests.support.provider_notices import APP_ID, SELLER_ID, alipay_form
from tests.support.shop import Shop


async def test_the_return_page_shows_the_order_and_changes_nothing(
    api: httpx.AsyncClient, shop: Shop, provider_key: rsa.RSAPrivateKey
) -> None:
    payment = await begun(shop)
    query = alipay_form(provider_key, _return_fields(payment.payment_id))

    page = await api.get("/v1/payments/alipay/return", params=query)

    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert payment.order_id in page.text
    assert "Waiting" in page.text
    async with shop.database.transaction() as connection:
        dossier = await Orders(connection).dossier(payment.order_id)
    assert dossier is not None
    assert dossier.order.status is OrderStatus.PENDING_PAYMENT
    assert dossier.payments[0].status is PaymentStatus.CREATED


@pytest.mark.parametrize("change", [{"sign": "AAAA"}, {"out_trade_no": "<script>x</script>"}, {}])
async def test_a_return_that_is_not_signed_shows_nothing_of_it(
    api: httpx.AsyncClient, shop: Shop, provider_key: rsa.RSAPrivateKey, change: dict[str, Any]
) -> None:
    payment = await begun(shop)
    signed = alipay_form(provider_key, _return_fields(payment.payment_id))

    page = await api.get(
        "/v1/payments/alipay/return", params={**signed, **change} if change else {}
    )

    assert page.status_code == 400
    assert payment.order_id not in page.text
    assert "<script" not in page.text


def _return_fields(payment_id: str) -> dict[str, str]:
    return {
        "app_id": APP_ID,
        "seller_id": SELLER_ID,
        "method": "alipay.trade.page.pay.return",
        "charset": "utf-8",
        "out_trade_no": payment_id,
        "trade_no": "T1",
        "total_amount": "88.00",
        "timestamp": "2026-11-21 10:00:00",
        "version": "1.0",
    }
