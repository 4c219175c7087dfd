"""WeChat Pay's bill: asked for, and read."""

import hashlib
from datetime import UTC, date, datetime, timedelta

import pytest

from domain.gateway_errors import (
    BillNotReady,
    TryLater,
)
from infra.gateways.wechatpay.bill import read_bill
from infra.gateways.wechatpay.gateway import WechatPayGateway
from tests.support.bill_lines import paid_and_refunded
from tests.support.provider_doubles import (
    WechatPayDouble,
    wechatpay_error,
)

BILL = "GET /v3/bill/tradebill"
WECHATPAY = (
    "\ufeff交易时间,微信订单号,商户订单号,交易状态,商户退款单号,商品名称,订单金额,申请退款金额\r\n"
    "`2026-11-20 10:00:05,`4200001,`01JDW1,`SUCCESS,`0,`手机, 红色\u2028,`88.00,`0.00\r\n"
    "`2026-11-20 11:00:05,`4200001,`01JDW1,`REFUND,`R-1,`手机, 红色,`0.00,`88.00\r\n"
    "总交易单数,应结订单总金额\r\n"
    "`2,`88.00\r\n"
)


@pytest.fixture
def gateway(wechatpay_gateway: WechatPayGateway) -> WechatPayGateway:
    return wechatpay_gateway


def test_wechat_pays_names_of_goods_may_hold_commas_and_odd_line_ends() -> None:
    lines = read_bill(WECHATPAY.encode())
    assert lines == paid_and_refunded("01JDW1", "4200001")


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"\xff\xff\xff",
        b"<html>expired</html>",
        WECHATPAY.replace("`REFUND", "`DREAMT").encode(),
        WECHATPAY.replace("`88.00", "`NaN").encode(),
        WECHATPAY.replace(",`R-1", "").encode(),
    ],
)
def test_what_is_no_bill_of_wechat_pay_is_not_an_empty_one(file: bytes) -> None:
    with pytest.raises(ValueError):
        read_bill(file)


class TestDownload:
    DAY = date(2026, 11, 20)
    ADDRESS = "https://wechatpay.test/prefix/v3/billdownload/file?token=a%2Fb"

    def offered(self, wechatpay: WechatPayDouble, file: bytes, digest: str) -> None:
        wechatpay.files[self.ADDRESS] = file
        answer = {"hash_type": "SHA1", "hash_value": digest, "download_url": self.ADDRESS}
        wechatpay.answers[BILL] = 200, answer

    async def test_a_bill_whose_sha1_differs_is_not_read(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble
    ) -> None:
        self.offered(wechatpay, b"anything", "0" * 40)
        with pytest.raises(TryLater, match="SHA1"):
            await gateway.download_bill(self.DAY)

    async def test_a_bill_that_is_whole_is_read(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble
    ) -> None:
        titles = "交易时间,微信订单号,商户订单号,交易状态,商户退款单号,订单金额,申请退款金额"
        file = f"{titles}\n`2026-11-20 10:00:05,`42,`01JDW1,`SUCCESS,`0,`88.00,`0.00\n".encode()
        digest = hashlib.sha1(file, usedforsecurity=False).hexdigest()
        self.offered(wechatpay, file, digest.upper())
        (line,) = await gateway.download_bill(self.DAY)
        assert (line.payment_id, line.amount) == ("01JDW1", 8800)

    @pytest.mark.parametrize(
        ("code", "days_ago", "ready"),
        [("NO_STATEMENT_EXIST", 40, True), ("NO_STATEMENT_EXIST", 0, False),
         ("STATEMENT_CREATING", 40, False)],
    )  # fmt: skip
    async def test_a_missing_bill_is_empty_only_once_it_was_due(
        self,
        gateway: WechatPayGateway,
        wechatpay: WechatPayDouble,
        code: str,
        days_ago: int,
        ready: bool,
    ) -> None:
        wechatpay.answers[BILL] = wechatpay_error(code)
        day = datetime.now(UTC).date() - timedelta(days=days_ago)
        if ready:
            assert await gateway.download_bill(day) == ()
        else:
            with pytest.raises(BillNotReady):
                await gateway.download_bill(day)
