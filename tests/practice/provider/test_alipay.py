"""Alipay's one address: who may call it, and how it answers."""

import json
from urllib.parse import urlencode

import httpx
import pytest

from tests.support.merchant import AlipayMerchant, charge


async def test_a_request_changed_after_signing_is_refused(
    alipay: AlipayMerchant, provider: httpx.AsyncClient
) -> None:
    form = alipay.signed("alipay.trade.precreate", charge("FORGED-1"))
    form["biz_content"] = form["biz_content"].replace("88.00", "0.01")
    text = (await provider.post("/alipay/gateway.do", data=form)).text
    page = await provider.get(
        "/alipay/gateway.do", params=form | {"method": "alipay.trade.page.pay"}
    )
    assert refusal(text, "alipay_trade_precreate_response") == "isv.invalid-signature"
    assert page.status_code == 400
    assert (await provider.get("/book")).json()["trades"] == []


async def test_another_application_is_refused(
    alipay: AlipayMerchant, provider: httpx.AsyncClient
) -> None:
    form = alipay.signed("alipay.trade.query", {"out_trade_no": "X"}, app_id="2021000000000000")
    text = (await provider.post("/alipay/gateway.do", data=form)).text
    assert refusal(text, "alipay_trade_query_response") == "isv.invalid-app-id"


async def test_a_known_caller_can_be_refused_like_an_unknown_one(
    alipay: AlipayMerchant, provider: httpx.AsyncClient
) -> None:
    form = alipay.signed("alipay.trade.precreate", charge("UNKNOWN-1"))
    await provider.put("/trades/UNKNOWN-1/control", json={"unknown_caller": 1.0})
    text = (await provider.post("/alipay/gateway.do", data=form)).text
    assert refusal(text, "alipay_trade_precreate_response") == "isv.invalid-app-id"
    assert (await provider.get("/book")).json()["trades"] == []


async def test_who_writes_gbk_is_read_and_answered_in_it(
    alipay: AlipayMerchant, provider: httpx.AsyncClient
) -> None:
    content = charge("GBK-1", subject="纸扇")
    form = alipay.signed("alipay.trade.precreate", content, charset="GBK")
    body = urlencode(form, encoding="gbk").encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded;charset=GBK"}
    answer = await provider.post("/alipay/gateway.do", content=body, headers=headers)
    refused = await provider.post("/alipay/gateway.do", data=form)
    assert "UTF" not in answer.headers["content-type"].upper()
    assert json.loads(answer.content.decode("gbk"))["sign"]
    assert (await provider.get("/trades/GBK-1")).json()["subject"] == "纸扇"
    assert "验签出错" in refused.content.decode("gbk")


def refusal(text: str, node: str) -> str:
    """Its code: an answer without a signature, as whom the gateway does not know gets it."""
    answer = json.loads(text)
    assert set(answer) == {node}
    code: str = answer[node]["sub_code"]
    return code


async def test_one_number_is_one_charge(alipay: AlipayMerchant) -> None:
    await alipay.open_page("SAME-1")
    dearer = await alipay.open_page("SAME-1", total_amount="89.00")
    coded = await alipay.call("trade.precreate", charge("SAME-1", total_amount="89.00"))
    assert dearer.status_code == 400
    assert coded["sub_code"] == "ACQ.CONTEXT_INCONSISTENT"


@pytest.mark.parametrize("amount", ["0.00", "-1.00", "1.001", "many", ""])
async def test_an_amount_that_is_no_money_is_refused(alipay: AlipayMerchant, amount: str) -> None:
    answer = await alipay.call("trade.precreate", charge("AMOUNT-1", total_amount=amount))
    assert answer["sub_code"] == "ACQ.INVALID_PARAMETER"
