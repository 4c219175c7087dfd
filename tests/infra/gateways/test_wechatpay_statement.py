import hashlib
from datetime import UTC, date, datetime, timedelta

import pytest

from domain.gateway_errors import BillNotReady, TryLater
from infra.gateways.wechatpay.gateway import WechatPayGateway
from tests.support.provider_doubles import WechatPayDouble, wechatpay_error

BILL = "GET /v3/bill/tradebill"


@pytest.fixture
def gateway(wechatpay_gateway: WechatPayGateway) -> WechatPayGateway:
    return wechatpay_gateway


class TestStatement:
    DAY = date(2026, 11, 20)
    ADDRESS = "https://wechatpay.test/prefix/v3/billdownload/file?token=a%2Fb"

    def offered(self, wechatpay: WechatPayDouble, file: bytes, digest: str) -> None:
        wechatpay.files[self.ADDRESS] = file
        answer = {"hash_type": "SHA1", "hash_value": digest, "download_url": self.ADDRESS}
        wechatpay.answers[BILL] = 200, answer

    async def test_a_statement_whose_sha1_differs_is_not_read(
        self, gateway: WechatPayGateway, wechatpay: WechatPayDouble
    ) -> None:
        self.offered(wechatpay, b"anything", "0" * 40)
        with pytest.raises(TryLater, match="SHA1"):
            await gateway.download_bill(self.DAY)

    async def test_a_statement_that_is_whole_is_read(
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
    async def test_a_missing_statement_is_empty_only_once_it_was_due(
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
