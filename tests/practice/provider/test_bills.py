"""Bills list what happened, in the providers' own formats."""

import csv
import gzip
import hashlib
import io
import zipfile
from datetime import datetime, timedelta

import httpx

from tests.support.letterbox import Letterbox
from tests.support.merchant import CHINA, AlipayMerchant, Clock, WechatPayMerchant

BILL = "data.dataservice.bill.downloadurl.query"


def today() -> str:
    return datetime.now(CHINA).date().isoformat()


async def test_alipays_bill_lists_payments_and_refunds_and_its_address_dies_soon(
    provider: httpx.AsyncClient, alipay: AlipayMerchant, clock: Clock
) -> None:
    for number in ("BILL-1", "BILL-2"):
        await alipay.open_page(number)
    await provider.post("/trades/BILL-1/pay")
    said = {"out_trade_no": "BILL-1", "out_request_no": "R1", "refund_amount": "8.00"}
    await alipay.call("trade.refund", said)
    answer = await alipay.call(BILL, {"bill_type": "trade", "bill_date": today()})
    file = (await provider.get(answer["bill_download_url"])).content
    clock.ahead = 31
    late = await provider.get(answer["bill_download_url"])
    lines = _unzipped(file).splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert [
        (row["商户订单号"].strip(), row["业务类型"], row["订单金额（元）"]) for row in rows
    ] == [
        ("BILL-1", "交易", "88.00"),
        ("BILL-1", "退款", "-8.00"),
    ]
    assert [row["退款批次号/请求号"].strip() for row in rows] == ["", "R1"]
    assert "#交易合计：1笔，商家实收共88.00元，商家优惠共0.00元" in lines
    assert late.status_code == 403


async def test_alipay_has_no_bill_of_a_day_without_trades_or_to_come(
    alipay: AlipayMerchant,
) -> None:
    tomorrow = (datetime.now(CHINA) + timedelta(days=1)).date().isoformat()
    for day in (today(), tomorrow, "someday"):
        answer = await alipay.call(BILL, {"bill_type": "trade", "bill_date": day})
        assert answer["sub_code"] == "isp.bill_not_exist"


async def test_wechat_pays_bill_lists_payments_and_refunds_under_its_hash(
    provider: httpx.AsyncClient, wechatpay: WechatPayMerchant, letterbox: Letterbox
) -> None:
    await wechatpay.create("bill-no-1", description="Lamp, red")
    await provider.post("/trades/bill-no-1/pay")
    await wechatpay.refund("bill-no-1", "bill-r1", 800)
    await letterbox.arrived(2)
    answer = (await wechatpay.call("GET", f"/bill/tradebill?bill_date={today()}")).json()
    target = httpx.URL(answer["download_url"]).raw_path.decode()
    file = (await wechatpay.send("GET", target)).content
    unsigned = await provider.get(target)
    titles, payment, refund, _, totals = file.decode("utf-8-sig").splitlines()
    columns = titles.split(",")
    first, second = (
        dict(zip(columns, row.removeprefix("`").split(",`"), strict=True))
        for row in (payment, refund)
    )
    assert _sha1(file) == answer["hash_value"]
    assert (first["商户订单号"], first["交易状态"], first["订单金额"]) == (
        "bill-no-1",
        "SUCCESS",
        "88.00",
    )
    assert first["商品名称"] == "Lamp, red"
    assert (second["商户退款单号"], second["交易状态"], second["申请退款金额"]) == (
        "bill-r1",
        "REFUND",
        "8.00",
    )
    assert totals.startswith("`2,`88.00,`8.00")
    assert unsigned.status_code == 401


async def test_wechat_pays_bill_can_be_packed_while_its_hash_is_of_the_plain_file(
    provider: httpx.AsyncClient, wechatpay: WechatPayMerchant
) -> None:
    await wechatpay.create("bill-no-2")
    await provider.post("/trades/bill-no-2/pay")
    path = f"/bill/tradebill?bill_date={today()}&tar_type=GZIP"
    answer = (await wechatpay.call("GET", path)).json()
    target = httpx.URL(answer["download_url"]).raw_path.decode()
    plain = gzip.decompress((await wechatpay.send("GET", target)).content)
    assert _sha1(plain) == answer["hash_value"]


async def test_wechat_pay_has_no_bill_of_an_empty_day(wechatpay: WechatPayMerchant) -> None:
    empty = await wechatpay.call("GET", f"/bill/tradebill?bill_date={today()}")
    nonsense = await wechatpay.call("GET", "/bill/tradebill?bill_date=someday")
    assert (empty.status_code, empty.json()["code"]) == (400, "NO_STATEMENT_EXIST")
    assert (nonsense.status_code, nonsense.json()["code"]) == (400, "PARAM_ERROR")


def _unzipped(file: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        return archive.read(archive.namelist()[0]).decode("gb18030")


def _sha1(file: bytes) -> str:
    return hashlib.sha1(file, usedforsecurity=False).hexdigest()
