"""A day's bill of WeChat Pay lists refunds by when they were asked for."""

from datetime import datetime

import httpx

from practice.provider.wechatpay_bill import BillType
from tests.support.letterbox import Letterbox
from tests.support.merchant import CHINA, Clock, WechatPayMerchant

Row = dict[str, str]


async def bill(
    merchant: WechatPayMerchant, at: datetime, kind: BillType = BillType.ALL
) -> list[Row]:
    path = f"/bill/tradebill?bill_date={at.date()}&bill_type={kind}"
    answer = (await merchant.call("GET", path)).json()
    if "download_url" not in answer:
        assert answer["code"] == "NO_STATEMENT_EXIST"
        return []
    target = httpx.URL(answer["download_url"]).raw_path.decode()
    file = (await merchant.send("GET", target)).content
    titles, *rows, _, _ = file.decode("utf-8-sig").splitlines()
    columns = titles.split(",")
    assert tuple(columns) == kind.columns
    return [dict(zip(columns, row.removeprefix("`").split(",`"), strict=True)) for row in rows]


async def test_a_refund_is_of_the_day_it_was_asked_for_and_may_not_be_done(
    wechatpay: WechatPayMerchant, provider: httpx.AsyncClient, clock: Clock
) -> None:
    today = datetime.now(CHINA)
    await provider.put("/trades/asked-1/control", json={"refund_seconds": 200})
    await wechatpay.paid("asked-1")
    await wechatpay.refund("asked-1", "asked-r", 800)
    _, asked = await bill(wechatpay, today)
    clock.ahead = 201
    await provider.get("/book")
    _, done = await bill(wechatpay, today)
    assert (asked["退款状态"], asked["申请退款金额"]) == ("PROCESSING", "8.00")
    assert (done["退款状态"], done["交易时间"]) == ("SUCCESS", asked["交易时间"])


async def test_a_refund_that_came_to_nothing_is_listed_as_failed(
    wechatpay: WechatPayMerchant, provider: httpx.AsyncClient, letterbox: Letterbox
) -> None:
    await provider.put("/trades/failed-1/control", json={"refund_abnormal": 1.0})
    await wechatpay.paid("failed-1")
    await wechatpay.refund("failed-1", "failed-r", 8800)
    await letterbox.arrived(2)
    rows = await bill(wechatpay, datetime.now(CHINA))
    assert [row["退款状态"] for row in rows] == ["", "FAIL"]


async def test_payments_and_refunds_can_be_had_apart(
    wechatpay: WechatPayMerchant, provider: httpx.AsyncClient, letterbox: Letterbox
) -> None:
    await wechatpay.create("apart-1", attach="cart-7")
    await provider.post("/trades/apart-1/pay")
    await wechatpay.refund("apart-1", "apart-r", 800)
    await letterbox.arrived(2)
    today = datetime.now(CHINA)
    (payment,) = await bill(wechatpay, today, BillType.SUCCESS)
    (refund,) = await bill(wechatpay, today, BillType.REFUND)
    whole = await bill(wechatpay, today)
    assert (payment["商户订单号"], payment["商户数据包"]) == ("apart-1", "cart-7")
    assert "商户退款单号" not in payment
    assert refund["商户退款单号"] == "apart-r"
    assert refund["退款成功时间"] >= refund["退款申请时间"] > ""
    assert [row["交易状态"] for row in whole] == ["SUCCESS", "REFUND"]
