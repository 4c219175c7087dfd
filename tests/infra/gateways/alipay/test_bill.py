"""Alipay's bill: asked for, and read."""

import io
import zipfile
from datetime import UTC, date, datetime, timedelta

import pytest

from domain.gateway_errors import (
    BillNotReady,
    TryLater,
)
from infra.gateways.alipay.bill import read_bill
from infra.gateways.alipay.gateway import AlipayGateway
from tests.support.bill_lines import paid_and_refunded
from tests.support.provider_doubles import AlipayDouble, done, failed

BILL = "alipay.data.dataservice.bill.downloadurl.query"
ALIPAY = """#支付宝业务明细查询
#账号：[20880000000000010156]
支付宝交易号,商户订单号,业务类型,商品名称,完成时间,订单金额（元）,退款批次号/请求号,备注
2026001\t,01JDA1\t,交易,"手机, 红色",2026-11-20 10:00:05,88.00,,
2026001\t,01JDA1\t,退款,"手机, 红色",2026-11-20 11:00:05,-88.00,R-1\t,
#交易合计：1笔
"""
SUMMARY = "#支付宝业务汇总查询\n门店编号,交易订单总笔数\n合计,1\n"


def zipped(**files: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text.encode("gb18030"))
    return packed.getvalue()


@pytest.fixture
def gateway(alipay_gateway: AlipayGateway) -> AlipayGateway:
    return alipay_gateway


def test_alipays_zip_holds_details_and_a_summary_to_pass_over() -> None:
    file = zipped(details=ALIPAY, summary=SUMMARY)
    assert read_bill(file) == paid_and_refunded("01JDA1", "2026001")


def test_a_plain_table_is_read_as_well() -> None:
    assert read_bill(ALIPAY.encode()) == paid_and_refunded("01JDA1", "2026001")


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"\xff\xff\xff",
        b"<html>expired</html>",
        zipped(summary=SUMMARY),
        zipped(details=ALIPAY)[:-30],
        ALIPAY.replace(",退款,", ",转账,").encode(),
        ALIPAY.replace("88.00", "88.001").encode(),
        ALIPAY.replace("完成时间", "某时间").encode(),
        ALIPAY.replace(",R-1\t,", ",R-1\t").encode(),
    ],
)
def test_what_is_no_bill_of_alipay_is_not_an_empty_one(file: bytes) -> None:
    with pytest.raises(ValueError):
        read_bill(file)


class TestDownload:
    DAY = date(2026, 11, 20)

    @pytest.mark.parametrize(("days_ago", "ready"), [(0, False), (40, True)])
    async def test_a_missing_bill_is_empty_only_once_it_was_due(
        self, gateway: AlipayGateway, alipay: AlipayDouble, days_ago: int, ready: bool
    ) -> None:
        alipay.answers[BILL] = failed("isp.bill_not_exist")
        day = datetime.now(UTC).date() - timedelta(days=days_ago)
        if ready:
            assert await gateway.download_bill(day) == ()
        else:
            with pytest.raises(BillNotReady):
                await gateway.download_bill(day)

    async def test_a_broken_file_means_try_later(
        self, gateway: AlipayGateway, alipay: AlipayDouble
    ) -> None:
        address = "https://files.test/bill?x=1"
        alipay.answers[BILL] = done(bill_download_url=address)
        alipay.files[address] = b"PK\x05\x06" + b"\0" * 18 + b"broken"
        with pytest.raises(TryLater, match="unreadable"):
            await gateway.download_bill(self.DAY)
        assert alipay.asked[0][1] == {"bill_type": "trade", "bill_date": "2026-11-20"}
