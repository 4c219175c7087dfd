"""What providers tell us is judged, kept and answered; what is wrong or forged moves nothing."""

import time

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from api.app import create_app
from domain.attention import AttentionKind
from domain.notice import Verdict
from domain.payment import PaymentMethod
from domain.states import PaymentStatus
from infra.postgres.notices import Notices
from infra.postgres.payments import Payments
from infra.settings import Settings
from tests.support.buyers import assert_problem, order_id, status
from tests.support.callers import ADA, served
from tests.support.kept_notices import attention, begun, kept
from tests.support.polling import eventually
from tests.support.provider_notices import (
    ALIPAY,
    FORM,
    WECHATPAY,
    alipay_notice,
    wechatpay_headers,
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


async def test_money_of_an_order_in_hand_pays_it_though_no_workflow_runs(
    api: httpx.AsyncClient, shop: Shop, provider_key: rsa.RSAPrivateKey
) -> None:
    payment = await begun(shop)

    answer = await api.post(
        ALIPAY, content=alipay_notice(provider_key, payment.payment_id, PRICE), headers=FORM
    )

    assert answer.content == b"success"

    async def order_status() -> str:
        return (await shop.dossier(payment.order_id)).order.status

    await eventually(order_status, "paid")
    # Its workflow has been started for it and has yet to hear, so the notice stays open.
    assert (await kept(shop))[0].handled_at is None
    assert await attention(shop) == []


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


BAD_ALIPAY: dict[str, tuple[dict[str, str], Verdict]] = {
    "another amount": ({"total_amount": "0.01"}, Verdict.WRONG_AMOUNT),
    "another app": ({"app_id": "2021999999999999"}, Verdict.FOREIGN_APP),
    "another seller": ({"seller_id": "2088999999999999"}, Verdict.FOREIGN_SELLER),
    "an unknown payment": ({"out_trade_no": "0" * 26 + "A1"}, Verdict.UNKNOWN_PAYMENT),
    "what is no number": ({"out_trade_no": "'; --"}, Verdict.MALFORMED),
}


@pytest.mark.parametrize(("changes", "verdict"), BAD_ALIPAY.values(), ids=BAD_ALIPAY)
async def test_a_rightly_signed_but_wrong_notice_moves_nothing(
    api: httpx.AsyncClient,
    shop: Shop,
    provider_key: rsa.RSAPrivateKey,
    changes: dict[str, str],
    verdict: Verdict,
) -> None:
    payment = await begun(shop)
    notice = alipay_notice(provider_key, payment.payment_id, PRICE, **changes)

    answer = await api.post(ALIPAY, content=notice, headers=FORM)

    assert answer.status_code == 400
    assert answer.content == b"fail"
    assert [notice.verdict for notice in await kept(shop)] == [verdict]


async def test_a_wrong_amount_asks_for_a_person(
    api: httpx.AsyncClient, shop: Shop, provider_key: rsa.RSAPrivateKey
) -> None:
    payment = await begun(shop)

    await api.post(ALIPAY, content=alipay_notice(provider_key, payment.payment_id, 1), headers=FORM)

    assert await attention(shop) == [(AttentionKind.SURPLUS_MONEY, payment.order_id)]


async def test_a_wrong_amount_of_money_that_was_settled_long_ago_asks_for_nobody(
    api: httpx.AsyncClient, shop: Shop, provider_key: rsa.RSAPrivateKey
) -> None:
    payment = await begun(shop)
    trade_no = f"T-alipay-{payment.payment_id}"
    async with shop.database.transaction() as connection:
        await Payments(connection).change_status(
            payment.payment_id, PaymentStatus.CREATED, PaymentStatus.PAID, trade_no=trade_no
        )

    await api.post(ALIPAY, content=alipay_notice(provider_key, payment.payment_id, 1), headers=FORM)

    assert await attention(shop) == []
    assert [notice.handled_as for notice in await kept(shop)] == ["duplicate"]


async def test_a_payment_of_one_method_is_not_paid_through_the_other(
    api: httpx.AsyncClient, shop: Shop, provider_key: rsa.RSAPrivateKey
) -> None:
    payment = await begun(shop, PaymentMethod.WECHATPAY)
    notice = alipay_notice(provider_key, payment.payment_id, PRICE)

    assert (await api.post(ALIPAY, content=notice, headers=FORM)).content == b"fail"
    assert (await kept(shop))[0].verdict is Verdict.UNKNOWN_PAYMENT


async def test_forged_notices_are_kept_and_refused(
    api: httpx.AsyncClient, shop: Shop, provider_key: rsa.RSAPrivateKey
) -> None:
    payment = await begun(shop)
    forger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    secret = {**FORM, "Authorization": "Bearer secret"}
    for body in (
        alipay_notice(forger, payment.payment_id, PRICE),
        alipay_notice(provider_key, payment.payment_id, PRICE).replace(b"88.00", b"99.00"),
        b"",
        b"\xff\x00",
        b"sign=&sign_type=RSA2",
        b"a=1&a=2",
        b"x" * 60_000,
    ):
        answer = await api.post(ALIPAY, content=body, headers=secret)
        assert (answer.status_code, answer.content) == (400, b"fail")
    verdicts = {notice.verdict for notice in await kept(shop)}
    assert verdicts <= {Verdict.BAD_SIGNATURE, Verdict.MALFORMED}
    assert len(await kept(shop)) == 7
    async with shop.database.transaction() as connection:
        for notice in await kept(shop):
            raw = await Notices(connection).raw(notice.notice_id)
            assert raw is not None
            assert "authorization" not in raw.headers


async def test_wechat_pays_forgeries_are_refused_in_its_own_words(
    api: httpx.AsyncClient, shop: Shop, provider_key: rsa.RSAPrivateKey
) -> None:
    payment = await begun(shop, PaymentMethod.WECHATPAY)
    body, headers = wechatpay_notice(provider_key, payment.payment_id, PRICE)
    probe = {"Wechatpay-Signature": "WECHATPAY/SIGNTEST/" + headers["Wechatpay-Signature"]}
    for changed in (
        {**headers, "Wechatpay-Nonce": "other"},
        {**headers, "Wechatpay-Serial": "unknown"},
        {**headers, **probe},
        wechatpay_headers(provider_key, body, int(time.time()) - 301),
        {"Content-Type": "application/json"},
    ):
        answer = await api.post(WECHATPAY, content=body, headers=changed)
        assert answer.status_code == 400
        assert set(answer.json()) == {"code", "message"}
    assert await attention(shop) == []


async def test_a_forged_copy_does_not_stand_in_the_way_of_the_true_notice(
    api: httpx.AsyncClient, shop: Shop, provider_key: rsa.RSAPrivateKey
) -> None:
    payment = await begun(shop, PaymentMethod.WECHATPAY)
    body, headers = wechatpay_notice(provider_key, payment.payment_id, PRICE)
    forged = {**headers, "Wechatpay-Signature": "AAAA"}
    assert (await api.post(WECHATPAY, content=body, headers=forged)).status_code == 400

    assert (await api.post(WECHATPAY, content=body, headers=headers)).status_code == 204

    assert [notice.verdict for notice in await kept(shop)] == [Verdict.ACCEPTED]
    assert (await api.post(WECHATPAY, content=body, headers=forged)).status_code == 400


@pytest.mark.parametrize("path", [ALIPAY, WECHATPAY])
async def test_a_notice_is_no_bigger_than_64_kib(api: httpx.AsyncClient, path: str) -> None:
    assert_problem(await api.post(path, content=b"x" * 70_000), 413, "INVALID")
