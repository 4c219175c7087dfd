"""WeChat Pay's bill: asked for, and read."""

import hashlib
from datetime import UTC, date, datetime, timedelta

import pytest

from domain.bill import Bill, BilledRefund
from domain.gateway_errors import (
    BillNotReady,
    TryLater,
)
from domain.payment import FlowKind
from infra.gateways.wechatpay.bill import read_bill
from infra.gateways.wechatpay.gateway import WechatPayGateway
from tests.support.bill_lines import paid_and_refunded
from tests.support.provider_doubles import (
    WechatPayDouble,
    wechatpay_error,
)

OURS, OUR_NUMBER = "wx-ours", "01JD0000000001ABCDEFGHJKMNW1"
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
    bill = read_bill(WECHATPAY.encode(), OURS)
    assert bill == Bill(lines=paid_and_refunded("01JDW1", "4200001"))


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"\xff\xff\xff",
        b"<html>expired</html>",
        WECHATPAY.replace("交易状态", "某状态").encode(),
    ],
)
def test_what_is_no_bill_of_wechat_pay_is_not_an_empty_one(file: bytes) -> None:
    with pytest.raises(ValueError):
        read_bill(file, OURS)


@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        (WECHATPAY.replace("`REFUND", "`DREAMT"), "row 3: an unknown state of the trade"),
        (
            WECHATPAY.replace("`0.00,`88.00\r", "`0.00,`NaN\r"),
            "row 3: an amount, a time or a number",
        ),
        (WECHATPAY.replace(",`R-1", ""), "row 3: it has another number of cells"),
        (WECHATPAY.replace("11:00:05,`4200001", "11:00:05,`42\0"), "row 3: a number with odd"),
        (WECHATPAY.replace("20 11:00", "20 25:00"), "row 3: an amount, a time"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_and_the_others_are_read(spoilt: str, why: str) -> None:
    bill = read_bill(spoilt.encode(), OURS)
    assert bill.lines == paid_and_refunded("01JDW1", "4200001")[:1]
    assert [row.reference[: len(why)] for row in bill.unread] == [why]


def test_a_row_that_cannot_be_read_is_known_by_its_number_of_ours() -> None:
    bill = read_bill(
        WECHATPAY.replace("`REFUND", "`NEW").replace("01JDW1", OUR_NUMBER).encode(), OURS
    )
    assert [row.payment_id for row in bill.unread] == [OUR_NUMBER]


FULL = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,"
    "货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,"
    "商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)


def row(**changed: str) -> str:
    """A row of today's layout: a payment of ours, with some cells changed."""
    cells = dict.fromkeys(FULL.split(","), "")
    cells |= {"交易时间": "2026-11-20 10:00:05", "公众账号ID": OURS, "微信订单号": "42"}
    cells |= {
        "商户订单号": OUR_NUMBER,
        "交易类型": "NATIVE",
        "交易状态": "SUCCESS",
        "货币种类": "CNY",
    }
    cells |= {"应结订单金额": "80.00", "商户退款单号": "0", "退款金额": "0.00", "商品名称": "手机"}
    cells |= {"手续费": "0.53", "费率": "0.60%", "订单金额": "88.00", "申请退款金额": "0.00"}
    return ",".join("`" + cell for cell in (cells | changed).values())


def full(*rows: str) -> Bill:
    return read_bill("\n".join([FULL, *rows, "总交易单数,", "`1,"]).encode(), OURS)


@pytest.mark.parametrize(
    "other",
    [
        {"公众账号ID": "wx-mall", "交易类型": "JSAPI"},
        {
            "公众账号ID": "wx-till",
            "商户订单号": "TILL-7",
            "交易类型": "MICROPAY",
            "交易状态": "REVOKED",
        },
        {"商户订单号": "TILL-8", "交易类型": "MICROPAY"},
        {"商户订单号": "TILL-9", "交易类型": "MICROPAY", "交易状态": "REVOKED"},
        {"商户订单号": "FACE-1", "交易类型": "FACEPAY", "交易状态": "SOMETHING_NEW"},
    ],
    ids=str,
)
def test_rows_of_other_applications_and_other_trades_are_counted_and_not_compared(
    other: dict[str, str],
) -> None:
    bill = full(row(), row(**other), row(微信订单号="44"))
    assert [line.trade_no for line in bill.lines] == ["42", "44"]
    assert (bill.others, bill.unread) == (1, ())


def test_a_number_of_ours_is_looked_at_whatever_kind_of_trade_it_is_said_to_be() -> None:
    revoked = {"交易类型": "MICROPAY", "交易状态": "REVOKED", "申请退款金额": "88.00"}
    (line,) = full(row(**revoked)).lines
    assert (line.kind, line.refund_id, line.reference) == (FlowKind.REFUNDED, None, "42")
    assert line.amount == 8800


def test_money_of_our_own_application_that_has_no_number_of_ours_is_compared() -> None:
    (line,) = full(row(商户订单号="BY-HAND-1")).lines
    assert line.payment_id == "BY-HAND-1"


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("SUCCESS", BilledRefund.DONE),
        ("PROCESSING", BilledRefund.ASKED),
        ("NOTSURE", BilledRefund.ASKED),
        ("FAIL", BilledRefund.FAILED),
        ("CHANGE", BilledRefund.FAILED),
        ("", BilledRefund.DONE),
    ],
)
def test_a_refund_has_the_state_it_had_when_it_was_asked_for(
    said: str, state: BilledRefund
) -> None:
    refund = {
        "交易状态": "REFUND",
        "商户退款单号": "RW42",
        "申请退款金额": "88.00",
        "退款状态": said,
    }
    (line,) = full(row(**refund)).lines
    assert (line.refund_state, line.amount, line.refund_id) == (state, 8800, "RW42")


def test_a_refund_in_a_state_that_nobody_knows_is_named() -> None:
    refund = {"交易状态": "REFUND", "商户退款单号": "RW42", "退款状态": "DREAMT"}
    bill = full(row(**refund), row())
    assert len(bill.lines) == len(bill.unread) == 1
    assert "state of the refund" in bill.unread[0].reference


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("商品名称", "纸扇,`A,`B"),
        ("商品名称", "纸扇\n`"),
        ("商品名称", "纸扇\n红色"),
        ("商品名称", '"纸扇, 27"'),
        ("商户数据包", "cart,`7"),
        ("费率备注", "a,`b,`c"),
    ],
)
def test_odd_texts_cost_nothing(column: str, text: str) -> None:
    bill = full(row(**{column: text}), row(微信订单号="43", 订单金额="1.00"))
    assert {line.trade_no: line.amount for line in bill.lines if line.trade_no == "43"} == {
        "43": 100
    }
    if text != "纸扇\n`":
        assert [line.amount for line in bill.lines] == [8800, 100]
        assert bill.unread == ()


def test_a_refunds_amount_is_not_moved_by_its_goods_name() -> None:
    back = {
        "交易状态": "REFUND",
        "商户退款单号": "RW42",
        "订单金额": "0.00",
        "申请退款金额": "88.00",
    }
    (line,) = full(row(**back, 商品名称="纸扇,`A")).lines
    assert line.amount == 8800


def test_another_currency_is_not_taken_for_yuan() -> None:
    bill = full(row(货币种类="HKD"), row())
    assert [len(bill.lines), len(bill.unread)] == [1, 1]


def test_the_layout_of_before_2018_is_read() -> None:
    titles = (
        "交易时间,公众账号ID,商户号,子商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,"
        "付款银行,货币种类,总金额,企业红包金额,微信退款单号,商户退款单号,退款金额,企业红包退款金额,"
        "退款类型,退款状态,商品名称,商户数据包,手续费,费率"
    )
    paid = (
        f"`2026-11-20 10:00:05,`{OURS},`10,`0,`,`42,`{OUR_NUMBER},`o1,`NATIVE,`SUCCESS,`CFT,`CNY,"
        "`88.00,`0.00,`0,`0,`0,`0,`,`,`扇子,`,`0.00020,`2.00%"
    )
    back = (
        f"`2026-11-20 11:00:05,`{OURS},`10,`0,`,`42,`{OUR_NUMBER},`o1,`NATIVE,`REFUND,`CFT,`CNY,"
        "`0.00,`0.00,`50,`RW42,`88.00,`0.00,`ORIGINAL,`SUCCESS,`扇子,`,`-0.00020,`2.00%"
    )
    totals = "总交易单数,总交易额,总退款金额,总企业红包退款金额,手续费总金额\n`2,`88,`88,`0.00,`0"
    bill = read_bill(f"{titles}\n{paid}\n{back}\n{totals}".encode(), OURS)
    assert [(line.kind, line.amount, line.refund_id) for line in bill.lines] == [
        (FlowKind.RECEIVED, 8800, None),
        (FlowKind.REFUNDED, 8800, "RW42"),
    ]


def test_rows_without_backticks_are_read_and_never_joined() -> None:
    bill = full(row().replace("`", ""), row(微信订单号="43").replace("`", ""))
    assert [line.trade_no for line in bill.lines] == ["42", "43"]


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
        (line,) = (await gateway.download_bill(self.DAY)).lines
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
            assert await gateway.download_bill(day) == Bill()
        else:
            with pytest.raises(BillNotReady):
                await gateway.download_bill(day)
