"""Alipay's language: signed parameters in, signed JSON and signed forms out."""

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from practice.provider.book import BEIJING, Refund, Trade, TradeStatus, beijing, to_yuan
from practice.provider.keys import Accounts, sign, verifies
from practice.provider.notice_queue import Event, NoticeKind

Fields = dict[str, Any]

# A refunded trade is TRADE_CLOSED like one that timed out: only a notice's refund fields differ.
_STATUS = {
    TradeStatus.WAITING: "WAIT_BUYER_PAY",
    TradeStatus.PAID: "TRADE_SUCCESS",
    TradeStatus.FINISHED: "TRADE_FINISHED",
    TradeStatus.CLOSED: "TRADE_CLOSED",
    TradeStatus.REFUNDED: "TRADE_CLOSED",
}
# Of `timeout_express`, in seconds.
_UNITS = {"m": 60, "h": 3600, "d": 86_400}
LONGEST_SECONDS = 15 * 86_400


class BadRequest(Exception):
    """A business parameter is missing or makes no sense; the message names it."""


def signed_content(parameters: Mapping[str, str], charset: str = "utf-8") -> bytes:
    """What is signed: non-empty parameters but `sign`, sorted, as k=v joined by &. Requests sign
    their `sign_type` as well; notices and return parameters get theirs afterwards (Alipay's own
    two rules)."""
    kept = sorted((k, v) for k, v in parameters.items() if v and k != "sign")
    return "&".join(f"{k}={v}" for k, v in kept).encode(charset, "replace")


def charset_of(parameters: Mapping[str, str]) -> str:
    """GBK where it was asked for, else UTF-8: requests are read and answered in it."""
    gbk = parameters.get("charset", "").lower() in ("gbk", "gb2312")
    return "gbk" if gbk else "utf-8"


def is_signed(parameters: Mapping[str, str], app: RSAPublicKey) -> bool:
    return verifies(
        app, signed_content(parameters, charset_of(parameters)), parameters.get("sign", "")
    )


def response(method: str, node: Fields, key: RSAPrivateKey | None, charset: str) -> bytes:
    """The answer's JSON, in the charset that was asked for. The signature covers the node's
    text as it stands here, slashes escaped as the real gateway does: who re-serialises it
    cannot verify it. Without a key there is none."""
    text = json.dumps(node, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")
    name = method.replace(".", "_") + "_response" if method else "error_response"
    encoded = text.encode(charset, "replace")
    signature = b',"sign":"%s"' % sign(key, encoded).encode() if key else b""
    return b'{"%s":%s%s}' % (name.encode(), encoded, signature)


def success(**fields: Any) -> Fields:
    return {"code": "10000", "msg": "Success", **fields}


def business_failed(sub_code: str, sub_msg: str) -> Fields:
    return {"code": "40004", "msg": "Business Failed", "sub_code": sub_code, "sub_msg": sub_msg}


def invalid(sub_code: str, sub_msg: str) -> Fields:
    return {"code": "40002", "msg": "Invalid Arguments", "sub_code": sub_code, "sub_msg": sub_msg}


def to_fen(text: object) -> int:
    """ "88.00" -> 8800. Raises BadRequest."""
    try:
        fen = Decimal(str(text)) * 100
        whole = int(fen)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise BadRequest("total_amount") from error
    if whole <= 0 or whole != fen:
        raise BadRequest("total_amount")
    return whole


def expiry(content: Mapping[str, Any], now: float) -> float:
    """`time_expire` (China's time) or `timeout_express` ("30m") as epoch seconds."""
    if absolute := content.get("time_expire"):
        try:
            local = datetime.strptime(str(absolute), "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007
        except ValueError as error:
            raise BadRequest("time_expire") from error
        return local.replace(tzinfo=BEIJING).timestamp()
    relative = str(content.get("timeout_express") or "15d")
    if not relative[:-1].isdigit() or relative[-1] not in _UNITS:
        raise BadRequest("timeout_express")
    return now + min(int(relative[:-1]) * _UNITS[relative[-1]], LONGEST_SECONDS)


def trade_fields(trade: Trade) -> Fields:
    """The answer to a query."""
    received = to_yuan(trade.amount if trade.paid_at else 0)
    fields = {
        "buyer_logon_id": "pra***@example.com",
        "buyer_pay_amount": received,
        "buyer_user_id": trade.buyer,
        "invoice_amount": received,
        "out_trade_no": trade.out_trade_no,
        "point_amount": "0.00",
        "receipt_amount": received,
        "total_amount": to_yuan(trade.amount),
        "trade_no": trade.trade_no,
        "trade_status": _STATUS[TradeStatus(trade.status)],
    }
    return fields | ({"send_pay_date": beijing(trade.paid_at)} if trade.paid_at else {})


def refund_fields(trade: Trade, refund: Refund) -> Fields:
    """The answer to a query of a refund that is done."""
    return {
        "gmt_refund_pay": beijing(refund.done_at or refund.requested_at),
        "out_request_no": refund.refund_no,
        "out_trade_no": trade.out_trade_no,
        "refund_amount": to_yuan(refund.amount),
        "refund_status": "REFUND_SUCCESS",
        "total_amount": to_yuan(trade.amount),
        "trade_no": trade.trade_no,
    }


def return_url(trade: Trade, accounts: Accounts, key: RSAPrivateKey, now: float) -> str:
    """Where the buyer's browser goes after paying: the merchant's page, signed parameters."""
    fields = {
        "app_id": accounts.app_id,
        "auth_app_id": accounts.app_id,
        "charset": "utf-8",
        "method": "alipay.trade.page.pay.return",
        "out_trade_no": trade.out_trade_no,
        "seller_id": accounts.seller_id,
        "timestamp": beijing(now),
        "total_amount": to_yuan(trade.amount),
        "trade_no": trade.trade_no,
        "version": "1.0",
    }
    glue = "&" if "?" in trade.return_url else "?"
    return trade.return_url + glue + urlencode(_sealed(fields, sign_with=key))


def notice_body(
    event: Event, accounts: Accounts, key: RSAPrivateKey, now: float, *, forged: bool
) -> bytes:
    """A notice as a form; `forged` signs something else than what is sent."""
    fields = _notice_fields(event, accounts, now)
    signature = sign(key, b"forged") if forged else None
    return urlencode(_sealed(fields, sign_with=key, signature=signature)).encode()


def _sealed(
    fields: dict[str, str], *, sign_with: RSAPrivateKey, signature: str | None = None
) -> dict[str, str]:
    signature = signature or sign(sign_with, signed_content(fields))
    return fields | {"sign_type": "RSA2", "sign": signature}


def _notice_fields(event: Event, accounts: Accounts, now: float) -> dict[str, str]:
    trade = event.trade
    total = to_yuan(trade.amount)
    fields = {
        "notify_time": beijing(now),
        "notify_type": "trade_status_sync",
        "notify_id": event.event_no,
        "app_id": accounts.app_id,
        "auth_app_id": accounts.app_id,
        "charset": "utf-8",
        "version": "1.0",
        "trade_no": trade.trade_no,
        "out_trade_no": trade.out_trade_no,
        "buyer_id": trade.buyer,
        "seller_id": accounts.seller_id,
        "trade_status": _STATUS[TradeStatus(trade.status)],
        "total_amount": total,
        "subject": trade.subject,
        "gmt_create": beijing(trade.created_at),
    }
    # The merchant's own words come back as he wrote them; what is empty is left out.
    own = {"passback_params": trade.attach, "body": trade.body}
    fields |= {name: words for name, words in own.items() if words}
    if trade.paid_at:
        fields |= _payment_fields(total, trade.paid_at)
    if event.refund:
        fields |= {
            # The sum given back so far, not this refund's part.
            "refund_fee": to_yuan(trade.refunded),
            "gmt_refund": beijing(event.refund.done_at or event.refund.requested_at) + ".000",
            "out_biz_no": event.refund.refund_no,
        }
    if trade.closed_at or event.kind is NoticeKind.FINISHED:
        fields["gmt_close"] = beijing(trade.closed_at or event.at)
    return fields


def _payment_fields(total: str, paid_at: float) -> dict[str, str]:
    bills = json.dumps([{"amount": total, "fundChannel": "ALIPAYACCOUNT"}], separators=(",", ":"))
    return {
        "receipt_amount": total,
        "buyer_pay_amount": total,
        "invoice_amount": total,
        "point_amount": "0.00",
        "fund_bill_list": bills,
        "gmt_payment": beijing(paid_at),
    }
