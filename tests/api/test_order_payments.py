"""How a buyer begins to pay an order, and when it cannot be paid."""

import httpx
import pytest

from api.app import create_app
from infra.settings import Settings
from tests.api.conftest import ADA, OPERATOR, served
from tests.support.buyers import assert_problem, eventually, order_id, placed, status
from tests.support.shop import PRICE, Shop


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
    assert payment["action"] == {"type": "qr", "code_url": f"practice://{payment['payment_id']}"}
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
    begun = await api.post(path, json={"method": "alipay"}, headers=ADA)
    staffed.alipay.pay(begun.json()["payment_id"])
    rechecked = await api.post(f"/v1/operator/orders/{accepted}/recheck", headers=OPERATOR)
    assert rechecked.status_code == 200, rechecked.text
    await eventually(lambda: status(api, accepted), "fulfilled")

    for path, body in (("payments", {"method": "alipay"}), ("cancel", {"reason": "no"})):
        answer = await api.post(f"/v1/orders/{accepted}/{path}", json=body, headers=ADA)
        assert assert_problem(answer, 409, "INVALID_STATE")["order_status"] == "fulfilled"
    view = (await api.get(f"/v1/orders/{accepted}", headers=ADA)).json()
    assert view["payment"]["status"] == "paid"
    assert view["payment"]["trade_no"] and view["payment"]["paid_at"]


async def test_a_queued_order_cannot_be_paid_before_its_workflow_runs(
    api: httpx.AsyncClient, shop: Shop
) -> None:
    accepted = await order_id(api, shop)

    answer = await api.post(
        f"/v1/orders/{accepted}/payments", json={"method": "alipay"}, headers=ADA
    )

    assert assert_problem(answer, 409, "INVALID_STATE")["order_status"] == "queued"
