"""Calls that are answered badly on purpose, or not at all."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.support.merchant import AlipayMerchant, WechatPayMerchant, charge


async def switch(provider: httpx.AsyncClient, **switches: Any) -> None:
    (await provider.put("/control", json=switches)).raise_for_status()


async def test_a_failing_call_answers_500_and_may_have_worked_all_the_same(
    provider: httpx.AsyncClient, alipay: AlipayMerchant
) -> None:
    await switch(provider, fail_calls=1.0, seed=7)
    form = alipay.signed("alipay.trade.precreate", charge("FAIL-0"))
    answers = []
    for number in range(20):
        form = alipay.signed("alipay.trade.precreate", charge(f"FAIL-{number}"))
        answers.append(await provider.post("/alipay/gateway.do", data=form))
    book = (await provider.get("/book")).json()["trades"]
    assert {answer.status_code for answer in answers} == {500}
    assert 0 < len(book) < 20


async def test_a_failing_call_hits_wechat_pay_as_well(
    provider: httpx.AsyncClient, wechatpay: WechatPayMerchant
) -> None:
    await provider.put("/trades/FAIL-WX/control", json={"fail_calls": 1.0})
    target = f"/wechatpay/v3/pay/transactions/out-trade-no/FAIL-WX?mchid={wechatpay.mchid}"
    assert (await wechatpay.send("GET", target)).status_code == 500
    assert (await wechatpay.query("other-one")).status_code == 404


async def test_a_hanging_call_gives_no_answer_and_does_not_block_the_others(
    provider: httpx.AsyncClient, alipay: AlipayMerchant
) -> None:
    await provider.put("/trades/HANG-1/control", json={"hang_calls": 1.0})
    form = alipay.signed("alipay.trade.query", {"out_trade_no": "HANG-1"})
    hanging = asyncio.create_task(
        provider.post("/alipay/gateway.do", data=form, timeout=httpx.Timeout(1.0))
    )
    other = await alipay.call("trade.query", {"out_trade_no": "HANG-2"})
    with pytest.raises(httpx.ReadTimeout):
        await hanging
    assert other["sub_code"] == "ACQ.TRADE_NOT_EXIST"
