"""Alipay's bill: asked for, and read."""

import io
import zipfile
from datetime import UTC, date, datetime, timedelta

import pytest

from domain.bill import Bill, UnreadRow
from domain.gateway_errors import (
    BillNotReady,
    TryLater,
)
from infra.gateways.alipay.bill import read_bill
from infra.gateways.alipay.gateway import AlipayGateway
from tests.support.bill_lines import paid_and_refunded
from tests.support.provider_doubles import AlipayDouble, done, failed

OUR_NUMBER = "01JD0000000001ABCDEFGHJKMNA1"
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
    assert read_bill(file) == Bill(lines=paid_and_refunded("01JDA1", "2026001"))


def test_a_plain_table_is_read_as_well() -> None:
    assert read_bill(ALIPAY.encode()) == Bill(lines=paid_and_refunded("01JDA1", "2026001"))


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"\xff\xff\xff",
        b"<html>expired</html>",
        zipped(summary=SUMMARY),
        zipped(details=ALIPAY)[:-30],
        ALIPAY.replace("完成时间", "某时间").encode(),
    ],
)
def test_what_is_no_bill_of_alipay_is_not_an_empty_one(file: bytes) -> None:
    with pytest.raises(ValueError):
        read_bill(file)


PAID, BACK = paid_and_refunded("01JDA1", "2026001")


@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        (ALIPAY.replace("-88.00", "-88.001"), "row 5: an amount, a time or a number is odd"),
        (ALIPAY.replace(",R-1\t,", ",R-1\t"), "row 5: it has another number of cells than titles"),
        (ALIPAY.replace("20 11:00", "20 25:00"), "row 5: an amount, a time or a number is odd"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_and_the_others_are_read(spoilt: str, why: str) -> None:
    assert read_bill(spoilt.encode()) == Bill(lines=(PAID,), unread=(UnreadRow(reference=why),))


def test_another_kind_of_business_is_counted_and_named_where_it_has_a_number_of_ours() -> None:
    other = ALIPAY.replace(",退款,", ",交易分账,")
    assert read_bill(other.encode()) == Bill(lines=(PAID,), others=1)
    ours = read_bill(other.replace("01JDA1", OUR_NUMBER).encode())
    assert ours.unread == (
        UnreadRow(reference="row 5: an unknown kind of business", payment_id=OUR_NUMBER),
    )


@pytest.mark.parametrize(
    "name",
    [
        '"旗舰 手机',
        '27" 显示器',
        "A,B",
        "A,B,C",
        "手机🎉",
        '"A" B',
        '"a ""b"", c"',
        '"手机\n红色"',
        "手机\n红色",
    ],
)
def test_odd_names_cost_nothing(name: str) -> None:
    odd = ALIPAY.replace('交易,"手机, 红色"', f"交易,{name}")
    assert read_bill(zipped(details=odd)) == Bill(lines=(PAID, BACK))


def test_a_comma_in_another_text_than_the_name_moves_no_amount() -> None:
    noted = ALIPAY.replace("-88.00,R-1\t,", "-88.00,R-1\t,gone, to 88.00,1.00")
    assert read_bill(noted.encode()) == Bill(lines=(PAID, BACK))


@pytest.mark.parametrize(
    "varied",
    [
        ALIPAY.replace(",,\n", ",,,\n"),
        ALIPAY.replace("备注\n", "备注,\n"),
        ALIPAY.replace("退款批次号/请求号", "退款批次号"),
        ALIPAY.replace("订单金额（元）", "订单金额(元)"),
        ALIPAY.replace("2026-11-20 1", "2026/11/20 1"),
        ALIPAY.replace("\n", "\r\n"),
    ],
)
def test_older_layouts_are_read(varied: str) -> None:
    assert read_bill(varied.encode()) == Bill(lines=(PAID, BACK))


def test_thousands_may_be_parted() -> None:
    (paid, _) = read_bill(ALIPAY.replace(",88.00", ',"1,088.00"').encode()).lines
    assert paid.amount == 108800


def test_of_a_layout_that_nobody_knows_the_first_rows_are_named() -> None:
    lines = ALIPAY.splitlines()
    broken = "\n".join([*lines[:3], *[lines[3].replace("88.00", "eight")] * 60])
    bill = read_bill(broken.encode())
    assert (len(bill.lines), len(bill.unread)) == (0, 51)
    assert bill.unread[-1].reference == "row 10 more, of 60 that cannot be read"


class TestDownload:
    DAY = date(2026, 11, 20)

    @pytest.mark.parametrize(("days_ago", "ready"), [(0, False), (40, True)])
    async def test_a_missing_bill_is_empty_only_once_it_was_due(
        self, gateway: AlipayGateway, alipay: AlipayDouble, days_ago: int, ready: bool
    ) -> None:
        alipay.answers[BILL] = failed("isp.bill_not_exist")
        day = datetime.now(UTC).date() - timedelta(days=days_ago)
        if ready:
            assert await gateway.download_bill(day) == Bill()
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
