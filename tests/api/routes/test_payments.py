"""How a buyer pays an order, and the page a buyer comes back to."""

import asyncio
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from api.app import create_app
from domain.states import OrderStatus, PaymentStatus
from infra.postgres.orders import Orders
from infra.settings import Settings
from tests.support.buyers import assert_problem, order_id, placed, status
from tests.support.callers import ADA, BOB, OPERATOR, served
from tests.support.kept_notices import begun
from tests.support.operators import give
from tests.support.polling import eventually
from tests.support.provider_notices import APP_ID, SELLER_ID, alipay_form
from tests.support.shop import POINTS_PRICE, PRICE, Shop


async def test_a_payment_is_begun_once_per_method(api: httpx.AsyncClient, staffed: Shop) -> None:
    accepted = await placed(api, staffed)
    path = f"/v1/orders/{accepted}/payments"

    first = await api.post(path, json={"method": "alipay"}, headers=ADA)
    again = await api.post(path, json={"method": "alipay"}, headers=ADA)

    assert first.status_code == again.status_code == 200
    payment = first.json()
    assert payment == again.json()
    assert payment["method"] == "alipay"
    assert payment["status"] == "created"
    assert payment["out_trade_no"] == payment["payment_id"]
    assert payment["action"]["type"] == "redirect"
    assert payment["payment_id"] in payment["action"]["url"]
    view = (await api.get(f"/v1/orders/{accepted}", headers=ADA)).json()
    assert view["payment"]["payment_id"] == payment["payment_id"]
    assert view["payment"]["amount"] == PRICE
    assert view["payment"]["paid_at"] is view["payment"]["trade_no"] is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"method": "cash"},
        {"method": None},
        {"method": 1},
        {"method": ["alipay"]},
        {"method": "alipay", "scene": "telepathy"},
        [],
        None,
        "alipay",
    ],
)
async def test_a_method_we_do_not_have_is_invalid(
    api: httpx.AsyncClient, shop: Shop, body: object
) -> None:
    accepted = await order_id(api, shop)

    answer = await api.post(f"/v1/orders/{accepted}/payments", json=body, headers=ADA)

    assert assert_problem(answer, 422, "INVALID")["errors"]


async def test_a_provider_that_is_not_set_up_can_be_neither_used_nor_heard(
    settings: Settings, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SECKILL_WECHATPAY_GATEWAY_URL")
    async with served(create_app(settings)) as api:
        accepted = await order_id(api, shop)
        path = f"/v1/orders/{accepted}/payments"

        begun = await api.post(path, json={"method": "wechatpay"}, headers=ADA)

        assert_problem(begun, 422, "INVALID")
        assert_problem(await api.post("/v1/webhooks/wechatpay", content=b"{}"), 404, "NOT_FOUND")


async def test_a_paid_order_can_be_neither_paid_nor_cancelled(
    api: httpx.AsyncClient, staffed: Shop
) -> None:
    accepted = await placed(api, staffed)
    path = f"/v1/orders/{accepted}/payments"
    begun = await api.post(path, json={"method": "wechatpay"}, headers=ADA)
    staffed.wechatpay.pay(begun.json()["payment_id"])
    rechecked = await api.post(f"/v1/operator/orders/{accepted}/recheck", headers=OPERATOR)
    assert rechecked.status_code == 200, rechecked.text
    await eventually(lambda: status(api, accepted), "fulfilled")

    for path, body in (("payments", {"method": "alipay"}), ("cancel", {"reason": "no"})):
        answer = await api.post(f"/v1/orders/{accepted}/{path}", json=body, headers=ADA)
        assert assert_problem(answer, 409, "INVALID_STATE")["order_status"] == "fulfilled"
    view = (await api.get(f"/v1/orders/{accepted}", headers=ADA)).json()
    assert view["payment"]["status"] == "paid"
    assert view["payment"]["trade_no"] and view["payment"]["paid_at"]


@pytest.mark.parametrize(("action", "body"), [("payments", {"method": "alipay"}), ("cancel", {})])
async def test_a_queued_order_cannot_be_paid_before_its_workflow_runs(
    api: httpx.AsyncClient, shop: Shop, action: str, body: dict[str, str]
) -> None:
    accepted = await order_id(api, shop)

    answer = await api.post(f"/v1/orders/{accepted}/{action}", json=body, headers=ADA)

    # No final-sounding no: in a moment the very same will be possible.
    assert "queued" in assert_problem(answer, 503, "UNAVAILABLE")["detail"]


@pytest.mark.parametrize(
    ("action", "body", "status"),
    [("payments", {"method": "alipay"}, "created"), ("cancel", {}, "cancelled")],
)
async def test_who_pays_or_cancels_right_after_the_order_waits_for_its_workflow(
    api: httpx.AsyncClient, staffed: Shop, action: str, body: dict[str, str], status: str
) -> None:
    accepted = await order_id(api, staffed)
    path = f"/v1/orders/{accepted}/{action}"

    asked = asyncio.create_task(api.post(path, json=body, headers=ADA))
    await asyncio.sleep(0.5)
    assert not asked.done()
    await staffed.start(staffed.intent_for(accepted, "ada"))

    answer = await asked
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == status


async def test_an_order_is_paid_with_points(api: httpx.AsyncClient, staffed: Shop) -> None:
    accepted = await order_id(api, staffed, ADA)
    await staffed.start(staffed.intent_for(accepted, "ada"))
    path = f"/v1/orders/{accepted}/payments"

    async def pay(who: dict[str, str]) -> httpx.Response:
        return await api.post(path, json={"method": "points"}, headers=who)

    async def placed() -> object:
        return (await api.get(f"/v1/orders/{accepted}", headers=ADA)).json()["status"]

    await eventually(placed, "pending_payment")
    refused = await pay(ADA)
    assert_problem(refused, 409, "INSUFFICIENT_POINTS")
    assert (refused.json()["balance"], refused.json()["needed"]) == (0, POINTS_PRICE)
    assert_problem(await pay(BOB), 404, "NOT_FOUND")
    assert_problem(await pay(OPERATOR), 403, "FORBIDDEN")

    await give(api, POINTS_PRICE)
    paid = (await pay(ADA)).json()
    assert (paid["method"], paid["status"], paid["action"]) == ("points", "paid", None)


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
