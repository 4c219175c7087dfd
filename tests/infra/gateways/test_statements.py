import io
import zipfile
from datetime import UTC, datetime

import pytest

from domain.bill import BillLine
from domain.payment import FlowKind
from infra.gateways.alipay import bill as alipay_bill
from infra.gateways.wechatpay import bill as wechatpay_bill

ALIPAY = """#支付宝业务明细查询
#账号：[20880000000000010156]
支付宝交易号,商户订单号,业务类型,商品名称,完成时间,订单金额（元）,退款批次号/请求号,备注
2026001\t,01JDA1\t,交易,"手机, 红色",2026-11-20 10:00:05,88.00,,
2026001\t,01JDA1\t,退款,"手机, 红色",2026-11-20 11:00:05,-88.00,R-1\t,
#交易合计：1笔
"""
SUMMARY = "#支付宝业务汇总查询\n门店编号,交易订单总笔数\n合计,1\n"
WECHATPAY = (
    "\ufeff交易时间,微信订单号,商户订单号,交易状态,商户退款单号,商品名称,订单金额,申请退款金额\r\n"
    "`2026-11-20 10:00:05,`4200001,`01JDW1,`SUCCESS,`0,`手机, 红色\u2028,`88.00,`0.00\r\n"
    "`2026-11-20 11:00:05,`4200001,`01JDW1,`REFUND,`R-1,`手机, 红色,`0.00,`88.00\r\n"
    "总交易单数,应结订单总金额\r\n"
    "`2,`88.00\r\n"
)


def zipped(**files: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text.encode("gb18030"))
    return packed.getvalue()


def paid_and_refunded(payment_id: str, trade_no: str) -> tuple[BillLine, BillLine]:
    paid = BillLine(
        kind=FlowKind.RECEIVED,
        payment_id=payment_id,
        trade_no=trade_no,
        refund_id=None,
        amount=8800,
        at=datetime(2026, 11, 20, 2, 0, 5, tzinfo=UTC),
    )
    at = datetime(2026, 11, 20, 3, 0, 5, tzinfo=UTC)
    back = paid.model_copy(update={"kind": FlowKind.REFUNDED, "refund_id": "R-1", "at": at})
    return paid, back


def test_alipays_zip_holds_details_and_a_summary_to_pass_over() -> None:
    file = zipped(details=ALIPAY, summary=SUMMARY)
    assert alipay_bill.read_bill(file) == paid_and_refunded("01JDA1", "2026001")


def test_a_plain_table_is_read_as_well() -> None:
    assert alipay_bill.read_bill(ALIPAY.encode()) == paid_and_refunded("01JDA1", "2026001")


def test_wechat_pays_names_of_goods_may_hold_commas_and_odd_line_ends() -> None:
    lines = wechatpay_bill.read_bill(WECHATPAY.encode())
    assert lines == paid_and_refunded("01JDW1", "4200001")


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
def test_what_is_no_statement_of_alipay_is_not_an_empty_one(file: bytes) -> None:
    with pytest.raises(ValueError):
        alipay_bill.read_bill(file)


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
def test_what_is_no_statement_of_wechat_pay_is_not_an_empty_one(file: bytes) -> None:
    with pytest.raises(ValueError):
        wechatpay_bill.read_bill(file)
