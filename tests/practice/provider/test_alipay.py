"""Alipay's one address: who may call it, and how it answers."""

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
    answer = alipay.opened(text, "alipay_trade_precreate_response")
    assert answer["sub_code"] == "isv.invalid-signature"
    assert page.status_code == 400
    assert (await provider.get("/book")).json()["trades"] == []


async def test_another_application_is_refused(
    alipay: AlipayMerchant, provider: httpx.AsyncClient
) -> None:
    form = alipay.signed("alipay.trade.query", {"out_trade_no": "X"}, app_id="2021000000000000")
    text = (await provider.post("/alipay/gateway.do", data=form)).text
    assert alipay.opened(text, "alipay_trade_query_response")["sub_code"] == "isv.invalid-app-id"


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
