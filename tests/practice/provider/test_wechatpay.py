"""WeChat Pay over HTTP: who may call, and what is signed."""

import httpx
import pytest

from tests.support.merchant import WechatPayMerchant


async def test_a_request_of_another_key_body_or_hour_is_refused(
    wechatpay: WechatPayMerchant, provider: httpx.AsyncClient
) -> None:
    target = f"/wechatpay/v3/pay/transactions/out-trade-no/sign-1?mchid={wechatpay.mchid}"
    right = await wechatpay.send("GET", target)
    stale = await wechatpay.send("GET", target, skew=-301)
    header = {"Authorization": right.request.headers["authorization"]}
    elsewhere = await provider.get(f"{target}&more=1", headers=header)
    with_body = await provider.request("GET", target, headers=header, content=b"{}")
    bare = await provider.get(target)
    assert right.status_code == 404
    for answer in (stale, elsewhere, with_body, bare):
        assert (answer.status_code, answer.json()["code"]) == (401, "SIGN_ERROR")


async def test_whom_it_does_not_know_it_signs_nothing_for(
    wechatpay: WechatPayMerchant, provider: httpx.AsyncClient
) -> None:
    target = f"/v3/pay/transactions/out-trade-no/sign-2?mchid={wechatpay.mchid}"
    stranger = await provider.get(target)
    await provider.put("/trades/sign-2/control", json={"unknown_caller": 1.0})
    refused = await wechatpay.send("GET", target)
    for answer in (stranger, refused):
        assert (answer.status_code, answer.json()["code"]) == (401, "SIGN_ERROR")
        assert not any(name.startswith("wechatpay-") for name in answer.headers)
        assert answer.headers["request-id"]


async def test_every_call_is_served_at_the_root_as_well(
    wechatpay: WechatPayMerchant, provider: httpx.AsyncClient
) -> None:
    said = wechatpay.order("root-1")
    created = await wechatpay.send("POST", "/v3/pay/transactions/native", said)
    again = await wechatpay.create("root-1")
    assert created.status_code == 200
    assert again.json() == created.json()


@pytest.mark.parametrize(
    "change",
    [
        {"out_trade_no": "short"},
        {"out_trade_no": "x" * 33},
        {"amount": {"total": 0}},
        {"amount": {"total": "8800"}},
        {"amount": {"total": 8800, "currency": "USD"}},
        {"time_expire": "tomorrow"},
        {"time_expire": "2020-01-01T00:00:00+08:00"},
        {"notify_url": "nowhere"},
        {"mchid": "1"},
    ],
)
async def test_a_parameter_that_makes_no_sense_is_named(
    wechatpay: WechatPayMerchant, change: dict[str, object]
) -> None:
    answer = await wechatpay.create("param-1", **change)
    assert (answer.status_code, answer.json()["code"]) == (400, "PARAM_ERROR")


async def test_an_unknown_order_is_said_to_be_unknown(wechatpay: WechatPayMerchant) -> None:
    for answer in (await wechatpay.query("nobody"), await wechatpay.close("nobody")):
        assert (answer.status_code, answer.json()["code"]) == (404, "ORDER_NOT_EXIST")
