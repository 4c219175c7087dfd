"""Alipay's notices and return page: is it authentic, is it ours, what does it say?"""

from collections.abc import Mapping

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from domain.notice import NoticeKind, RefundReport, Verdict, VerifiedNotice
from domain.payment import PaymentMethod, Receipt
from infra.gateways.alipay.wire import form_pairs, notice_verifies
from infra.gateways.protocol import RawNotice, refused_notice
from infra.gateways.wire import MAX_NOTICE_BYTES, Number, ShanghaiTime, WireModel, Yuan

log = structlog.get_logger()

# Never bytes.decode on a name from outside: Python knows codecs that are no charsets at all.
_CHARSETS = {"utf-8", "utf8", "gbk", "gb2312", "gb18030"}
_PAID = {"TRADE_SUCCESS", "TRADE_FINISHED"}
_KNOWN = {*_PAID, "TRADE_CLOSED", "WAIT_BUYER_PAY"}


class _Paid(WireModel):
    notify_id: Number
    out_trade_no: Number
    trade_no: Number
    total_amount: Yuan
    notify_time: ShanghaiTime
    gmt_payment: ShanghaiTime | None = None


class _Unpaid(WireModel):
    notify_id: Number
    out_trade_no: Number


class _Refunded(WireModel):
    """`refund_fee` is the sum of all refunds of the trade: equal to the one refund we make."""

    notify_id: Number
    out_trade_no: Number
    out_biz_no: Number
    refund_fee: Yuan


class _Other(WireModel):
    notify_id: Number


class _ReturnPage(WireModel):
    out_trade_no: Number


class AlipayNotices:
    def __init__(self, provider_key: RSAPublicKey, app_id: str, seller_id: str) -> None:
        self._key = provider_key
        self._app_id = app_id
        self._seller_id = seller_id

    def verify(self, raw: RawNotice) -> VerifiedNotice:
        """The notice as far as it can be judged without knowing the payment. Never raises."""
        try:
            if len(raw.body) > MAX_NOTICE_BYTES:
                return refused_notice(Verdict.MALFORMED)
            pairs = form_pairs(raw.body)
            if not notice_verifies(pairs, self._key):
                return refused_notice(Verdict.BAD_SIGNATURE)
            fields = _fields(pairs)
            notice, foreign = _classified(fields), self._foreign(fields)
            if foreign is None:
                return notice
            return notice.model_copy(update={"verdict": foreign, "receipt": None, "refund": None})
        except (ValueError, LookupError, OverflowError) as error:
            log.warning("alipay_notice_malformed", error=type(error).__name__)
            return refused_notice(Verdict.MALFORMED)

    def verify_return(self, parameters: Mapping[str, str]) -> str | None:
        """The payment_id of the page a buyer comes back to, or None if it is not authentic and
        ours. It says nothing of whether the payment arrived."""
        try:
            pairs = {name.encode(): value.encode() for name, value in parameters.items()}
            if not notice_verifies(pairs, self._key) or self._foreign(parameters):
                return None
            return _ReturnPage.model_validate(dict(parameters)).out_trade_no
        except ValueError:
            return None

    def _foreign(self, fields: Mapping[str, str]) -> Verdict | None:
        """Alipay signs every merchant's notices with one key: authentic is not yet ours."""
        if fields.get("app_id") != self._app_id:
            return Verdict.FOREIGN_APP
        if fields.get("seller_id") != self._seller_id:
            return Verdict.FOREIGN_SELLER
        return None


def _fields(pairs: Mapping[bytes, bytes]) -> dict[str, str]:
    charset = pairs.get(b"charset", b"utf-8").decode("ascii").lower()
    if charset not in _CHARSETS:
        raise ValueError("unknown charset")
    fields = {name.decode(charset): value.decode(charset) for name, value in pairs.items()}
    if any("\0" in value for value in fields.values()):
        raise ValueError("NUL in a field")
    return fields


def _classified(fields: Mapping[str, str]) -> VerifiedNotice:
    status = fields.get("trade_status")
    if status not in _KNOWN:
        return _other(fields)
    if _is_refund(fields):
        return _refund(fields) if "out_biz_no" in fields else _other(fields)
    return _payment(fields) if status in _PAID else _unpaid(fields)


def _is_refund(fields: Mapping[str, str]) -> bool:
    """A refund arrives under the trade's own status: TRADE_CLOSED when nothing is left of the
    money, TRADE_SUCCESS otherwise. Only these fields tell it from a payment or a timeout."""
    if "gmt_refund" in fields or "out_biz_no" in fields:
        return True
    return fields.get("refund_fee", "").strip("0.") != ""


def _payment(fields: Mapping[str, str]) -> VerifiedNotice:
    """TRADE_FINISHED is read as paid too: it is the first word where refunds are not agreed on,
    and a repeat of what is known after the refund window."""
    paid = _Paid.model_validate(fields)
    return VerifiedNotice(
        provider_notice_id=paid.notify_id,
        kind=NoticeKind.PAYMENT,
        verdict=Verdict.ACCEPTED,
        payment_id=paid.out_trade_no,
        receipt=Receipt(
            method=PaymentMethod.ALIPAY,
            payment_id=paid.out_trade_no,
            trade_no=paid.trade_no,
            amount=paid.total_amount,
            paid_at=paid.gmt_payment or paid.notify_time,
        ),
    )


def _unpaid(fields: Mapping[str, str]) -> VerifiedNotice:
    unpaid = _Unpaid.model_validate(fields)
    return VerifiedNotice(
        provider_notice_id=unpaid.notify_id,
        kind=NoticeKind.PAYMENT,
        verdict=Verdict.NOT_PAID,
        payment_id=unpaid.out_trade_no,
    )


def _refund(fields: Mapping[str, str]) -> VerifiedNotice:
    refunded = _Refunded.model_validate(fields)
    return VerifiedNotice(
        provider_notice_id=refunded.notify_id,
        kind=NoticeKind.REFUND,
        verdict=Verdict.ACCEPTED,
        payment_id=refunded.out_trade_no,
        refund=RefundReport(
            refund_id=refunded.out_biz_no,
            payment_id=refunded.out_trade_no,
            amount=refunded.refund_fee,
            succeeded=True,
        ),
    )


def _other(fields: Mapping[str, str]) -> VerifiedNotice:
    """Authentic, but nothing an order waits for: other products, refunds made by hand."""
    return VerifiedNotice(
        provider_notice_id=_Other.model_validate(fields).notify_id,
        kind=NoticeKind.OTHER,
        verdict=Verdict.NOT_PAID,
    )
