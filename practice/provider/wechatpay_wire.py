"""WeChat Pay's API v3 language: signed headers both ways, encrypted notices."""

import json
import re
import secrets
from base64 import b64encode
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from practice.provider.book import BEIJING, Refund, RefundStatus, Trade, TradeStatus
from practice.provider.certificate import PlatformCertificate
from practice.provider.keys import Accounts, Keys, sign, verifies
from practice.provider.notice_queue import Event

Fields = dict[str, Any]

SCHEME = "WECHATPAY2-SHA256-RSA2048"
CLOCK_SKEW_SECONDS = 300
# A signature WeChat Pay spoils on purpose, to see whether a merchant verifies at all.
PROBE_PREFIX = "WECHATPAY/SIGNTEST/"
_PAIR = re.compile(r'(\w+)="([^"]*)"')
_STATE = {
    TradeStatus.WAITING: ("NOTPAY", "订单未支付"),
    TradeStatus.PAID: ("SUCCESS", "支付成功"),
    TradeStatus.CLOSED: ("CLOSED", "订单已关闭"),
}
_REFUND_SUMMARY = {
    RefundStatus.SUCCESS: "退款成功",
    RefundStatus.ABNORMAL: "退款异常",
    RefundStatus.CLOSED: "退款关闭",
}


class Failure(Exception):
    """An answer of the kind {code, message}."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message

    def fields(self) -> Fields:
        return {"code": self.code, "message": self.message}


UNKNOWN_CALLER = Failure(401, "SIGN_ERROR", "签名错误")


def check_authorization(
    header: str, method: str, url: str, body: bytes, *, accounts: Accounts,
    merchant: RSAPublicKey, now: float,
) -> None:  # fmt: skip
    """`url` is path and query as they came. Raises Failure(SIGN_ERROR)."""
    scheme, _, rest = header.partition(" ")
    given = dict(_PAIR.findall(rest))
    stamp, nonce = given.get("timestamp", ""), given.get("nonce_str", "")
    message = f"{method}\n{url}\n{stamp}\n{nonce}\n".encode() + body + b"\n"
    right = (
        scheme == SCHEME
        and given.get("mchid") == accounts.mchid
        and given.get("serial_no") == accounts.merchant_serial
        and stamp.isdigit()
        and abs(now - int(stamp)) < CLOCK_SKEW_SECONDS
        and verifies(merchant, message, given.get("signature", ""))
    )
    if not right:
        raise UNKNOWN_CALLER


def signature_headers(
    keys: Keys, body: bytes, now: float, *, serial: str = "", forged: bool = False,
    probe: bool = False,
) -> dict[str, str]:  # fmt: skip
    """The headers of an answer or a notice, by the key of `serial` (the current public key's,
    if none is named or no such key was given out); a probe is a signature that must fail."""
    key = keys.platform_key(serial)
    if key is None:
        serial, key = keys.accounts.platform_serial, keys.platform
    stamp, nonce = str(int(now)), secrets.token_hex(16)
    message = b"forged" if forged else f"{stamp}\n{nonce}\n".encode() + body + b"\n"
    signature = sign(key, message)
    if probe:
        signature = PROBE_PREFIX + b64encode(secrets.token_bytes(220)).decode()
    return {
        "Wechatpay-Serial": serial,
        "Wechatpay-Timestamp": stamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature": signature,
        "Wechatpay-Signature-Type": SCHEME,
    }


def compact(fields: Fields) -> bytes:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, BEIJING).isoformat(timespec="seconds")


def from_rfc3339(text: object) -> float:
    """Raises Failure(PARAM_ERROR) for what is no time with a zone."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise Failure(400, "PARAM_ERROR", "time_expire 格式错误") from error
    if at.tzinfo is None:
        raise Failure(400, "PARAM_ERROR", "time_expire 缺少时区")
    return at.timestamp()


def transaction(trade: Trade, accounts: Accounts, *, refunding: bool = False) -> Fields:
    """A trade as queries and notices show it. Any refund turns its state to REFUND."""
    state, description = _STATE.get(TradeStatus(trade.status), ("REFUND", "转入退款"))
    if refunding:
        state, description = "REFUND", "转入退款"
    fields: Fields = {
        "appid": accounts.appid,
        "mchid": accounts.mchid,
        "out_trade_no": trade.out_trade_no,
        "trade_state": state,
        "trade_state_desc": description,
        "attach": trade.attach,
        "amount": {"total": trade.amount, "currency": "CNY"},
    }
    if trade.paid_at is None:
        return fields
    paid = {"payer_total": trade.amount, "payer_currency": "CNY"}
    return fields | {
        "transaction_id": trade.trade_no,
        "trade_type": "NATIVE",
        "bank_type": "OTHERS",
        "success_time": rfc3339(trade.paid_at),
        "payer": {"openid": f"o{trade.buyer}"},
        "amount": fields["amount"] | paid,
    }


def refund_view(refund: Refund, trade: Trade) -> Fields:
    """A refund as its calls answer it."""
    amount = {
        "total": trade.amount, "refund": refund.amount, "payer_total": trade.amount,
        "payer_refund": refund.amount, "settlement_refund": refund.amount,
        "settlement_total": trade.amount, "discount_refund": 0, "currency": "CNY",
    }  # fmt: skip
    done = refund.status == RefundStatus.SUCCESS and refund.done_at is not None
    return {
        "refund_id": refund.provider_refund_no,
        "out_refund_no": refund.refund_no,
        "transaction_id": trade.trade_no,
        "out_trade_no": trade.out_trade_no,
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "funds_account": "AVAILABLE",
        "create_time": rfc3339(refund.requested_at),
        "status": refund.status.upper(),
        "amount": amount,
    } | ({"success_time": rfc3339(refund.done_at or 0)} if done else {})


def certificates(certificate: PlatformCertificate, api_v3_key: bytes) -> Fields:
    """The answer to `/v3/certificates`: sealed like a notice's resource."""
    effective, expires = certificate.lifetime
    sealed = _sealed(certificate.pem, "certificate", api_v3_key)
    line = {
        "serial_no": certificate.serial,
        "effective_time": rfc3339(effective),
        "expire_time": rfc3339(expires),
        "encrypt_certificate": {name: sealed[name] for name in sealed if name != "original_type"},
    }
    return {"data": [line]}


def notice_body(event: Event, accounts: Accounts, api_v3_key: bytes) -> bytes:
    """The notice's JSON, its resource sealed with AEAD_AES_256_GCM under the APIv3 key."""
    if event.refund is None:
        kind, event_type, summary = "transaction", "TRANSACTION.SUCCESS", "支付成功"
        resource = transaction(event.trade, accounts)
    else:
        status = RefundStatus(event.refund.status)
        kind, event_type = "refund", f"REFUND.{status.upper()}"
        summary = _REFUND_SUMMARY[status]
        resource = _refund_resource(event.refund, event.trade, accounts)
    return compact(
        {
            "id": event.event_no,
            "create_time": rfc3339(event.at),
            "resource_type": "encrypt-resource",
            "event_type": event_type,
            "summary": summary,
            "resource": _sealed(compact(resource), kind, api_v3_key),
        }
    )


def _refund_resource(refund: Refund, trade: Trade, accounts: Accounts) -> Fields:
    view = refund_view(refund, trade)
    kept = ("transaction_id", "out_trade_no", "refund_id", "out_refund_no", "success_time",
            "user_received_account")  # fmt: skip
    amount = {
        name: view["amount"][name] for name in ("total", "refund", "payer_total", "payer_refund")
    }
    return {name: view[name] for name in kept if name in view} | {
        "mchid": accounts.mchid,
        "refund_status": view["status"],
        "amount": amount,
    }


def _sealed(plain: bytes, kind: str, key: bytes) -> Fields:
    nonce = secrets.token_hex(6)
    ciphertext = AESGCM(key).encrypt(nonce.encode(), plain, kind.encode())
    return {
        "original_type": kind,
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": b64encode(ciphertext).decode(),
        "associated_data": kind,
        "nonce": nonce,
    }
