"""What providers tell us is judged, kept and answered; the order hears of it."""

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from api.app import create_app
from domain.attention import AttentionKind
from domain.notice import Verdict
from domain.payment import PaymentMethod
from infra.settings import Settings
from tests.api.conftest import ADA, served
from tests.support.buyers import eventually, order_id, status
from tests.support.kept_notices import attention, begun, kept
from tests.support.provider_notices import (
    ALIPAY,
    FORM,
    WECHATPAY,
    alipay_notice,
    wechatpay_notice,
)
from tests.support.shop import PRICE, Shop


async def test_alipays_word_pays_the_order(
    api: httpx.AsyncClient, staffed: Shop, provider_key: rsa.RSAPrivateKey
) -> None:
    accepted = await order_id(api, staffed)
    await staffed.start(staffed.intent_for(accepted, "ada"))
    path = f"/v1/orders/{accepted}"
    payment = await api.post(f"{path}/payments", json={"method": "alipay"}, headers=ADA)
    notice = alipay_notice(provider_key, payment.json()["out_trade_no"], PRICE)

    answers = [await api.post(ALIPAY, content=notice, headers=FORM) for _ in range(3)]

    for answer in answers:
        assert (answer.status_code, answer.content) == (200, b"success")
        assert answer.headers["content-type"].startswith("text/plain")

    await eventually(lambda: status(api, accepted), "fulfilled")
    paid = (await api.get(path, headers=ADA)).json()["payment"]
    assert paid["status"] == "paid"
    assert paid["trade_no"] == f"T-alipay-{payment.json()['payment_id']}"
    assert len(await kept(staffed)) == 1


async def test_wechat_pays_notice_is_taken_with_204(
    api: httpx.AsyncClient, shop: Shop, provider_key: rsa.RSAPrivateKey
) -> None:
    payment = await begun(shop, PaymentMethod.WECHATPAY)
    body, headers = wechatpay_notice(provider_key, payment.payment_id, PRICE)

    answers = [await api.post(WECHATPAY, content=body, headers=headers) for _ in range(2)]

    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")] * 2
    (notice,) = await kept(shop)
    assert notice.verdict is Verdict.ACCEPTED
    assert notice.order_id == payment.order_id
    assert notice.receipt is not None
    assert notice.receipt.amount == PRICE


async def test_news_of_an_order_that_is_over_asks_for_a_person(
    api: httpx.AsyncClient, shop: Shop, provider_key: rsa.RSAPrivateKey
) -> None:
    payment = await begun(shop)

    answer = await api.post(
        ALIPAY, content=alipay_notice(provider_key, payment.payment_id, PRICE), headers=FORM
    )

    assert answer.content == b"success"
    wanted = [(AttentionKind.UNMATCHED_NOTICE, payment.order_id)]
    await eventually(lambda: attention(shop), wanted)
    assert (await kept(shop))[0].handled_at is None


@pytest.mark.parametrize("status", ["WAIT_BUYER_PAY", "TRADE_CLOSED"])
async def test_a_notice_without_money_is_taken_and_moves_nothing(
    api: httpx.AsyncClient, shop: Shop, provider_key: rsa.RSAPrivateKey, status: str
) -> None:
    payment = await begun(shop)
    notice = alipay_notice(provider_key, payment.payment_id, PRICE, trade_status=status)

    answer = await api.post(ALIPAY, content=notice, headers=FORM)

    assert answer.content == b"success"
    assert (await kept(shop))[0].verdict is Verdict.NOT_PAID
    assert await attention(shop) == []


async def test_while_postgres_is_away_providers_are_asked_to_come_back(
    settings: Settings, shop: Shop, provider_key: rsa.RSAPrivateKey
) -> None:
    away = settings.model_copy(update={"postgres_dsn": "postgresql://nobody@127.0.0.1:1/none"})
    body, headers = wechatpay_notice(provider_key, "0" * 26 + "W1", PRICE)
    async with served(create_app(away)) as api:
        alipay = await api.post(
            ALIPAY, content=alipay_notice(provider_key, "0" * 26 + "A1", PRICE), headers=FORM
        )
        wechatpay = await api.post(WECHATPAY, content=body, headers=headers)

    assert (alipay.status_code, alipay.content) == (503, b"fail")
    assert wechatpay.status_code == 503


async def test_while_temporal_is_away_the_notice_waits_in_the_inbox(
    settings: Settings,
    shop: Shop,
    provider_key: rsa.RSAPrivateKey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    payment = await begun(shop)
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    async with served(create_app(settings)) as api:
        notice = alipay_notice(provider_key, payment.payment_id, PRICE)
        assert (await api.post(ALIPAY, content=notice, headers=FORM)).content == b"success"

    (kept_notice,) = await kept(shop)
    assert kept_notice.handled_at is None
    assert await attention(shop) == []
