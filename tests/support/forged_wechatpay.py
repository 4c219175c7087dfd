"""Forged, damaged and merely irrelevant WeChat Pay notices."""

import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace

from domain.notice import Verdict
from tests.support.notice_keys import Forgery, WechatPaySide, new_key, signature

Sent = tuple[bytes, dict[str, str]]


@dataclass(frozen=True)
class Forger:
    """The honest resource (`base`, unencrypted) and the tools to spoil it."""

    side: WechatPaySide
    base: dict[str, object]

    def signed(self, message: object) -> Sent:
        """Validly signed, whatever it says."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        return body, self.side.headers(body)

    def honest(self) -> bytes:
        return json.dumps(self.side.envelope(self.base)).encode()

    def says(self, **changes: object) -> Sent:
        """Validly signed and encrypted, with another resource."""
        return self.signed(self.side.envelope({**self.base, **changes}))

    def without(self, name: str) -> Sent:
        resource = {k: v for k, v in self.base.items() if k != name}
        return self.signed(self.side.envelope(resource))

    def plain(self, plain: bytes) -> Sent:
        return self.signed(self.side.envelope(plain))

    def amount(self, total: object) -> Sent:
        return self.says(amount={"total": total, "currency": "CNY"})

    def resource(self, **changes: object) -> Sent:
        """Validly signed, with a spoilt encryption."""
        return self.signed(self.side.envelope(self.base, changes=changes))

    def headed(self, *, at: float | None = None, **changes: str) -> Sent:
        body = self.honest()
        return body, self.side.headers(body, at=at, **changes)

    def headless(self, name: str) -> Sent:
        body, headers = self.headed()
        return body, {k: v for k, v in headers.items() if k != f"wechatpay-{name}"}

    def event(self, event_type: object) -> Sent:
        return self.signed({**self.side.envelope(self.base), "event_type": event_type})

    def refund(self, **changes: object) -> Sent:
        resource = {**self.side.refunded("R1"), **changes}
        return self.signed(self.side.envelope(resource, "REFUND.SUCCESS"))

    def envelope_without(self, name: str) -> Sent:
        return self.signed({k: v for k, v in self.side.envelope(self.base).items() if k != name})


def _altered(forger: Forger, change: Callable[[bytes], bytes]) -> Sent:
    body, headers = forger.headed()
    return change(body), headers


def _probe_of_right(forger: Forger) -> Sent:
    body, headers = forger.headed()
    probe = "WECHATPAY/SIGNTEST/" + headers["wechatpay-signature"]
    return body, {**headers, "wechatpay-signature": probe}


def _of_foreign_key(forger: Forger) -> Sent:
    body = forger.honest()
    return body, replace(forger.side, key=new_key()).headers(body)


def _signed_without_newline(forger: Forger) -> Sent:
    body = forger.honest()
    headers = forger.side.headers(body)
    head = f"{headers['wechatpay-timestamp']}\n{headers['wechatpay-nonce']}\n".encode()
    return body, {**headers, "wechatpay-signature": signature(forger.side.key, head + body)}


def _nonce_swallows_body(forger: Forger) -> Sent:
    """The signed text is the same, cut at another newline."""
    body, headers = forger.headed()
    nonce = headers["wechatpay-nonce"]
    message = f"{headers['wechatpay-timestamp']}\n{nonce}\nX\n".encode() + body + b"\n"
    spoilt = {**headers, "wechatpay-nonce": f"{nonce}\nX"}
    return body, {**spoilt, "wechatpay-signature": signature(forger.side.key, message)}


def _timestamp_of(forger: Forger, stamp: str) -> Sent:
    """Signed together with this timestamp."""
    body, headers = forger.headed()
    message = f"{stamp}\n{headers['wechatpay-nonce']}\n".encode() + body + b"\n"
    return body, {
        **headers,
        "wechatpay-timestamp": stamp,
        "wechatpay-signature": signature(forger.side.key, message),
    }


def _wrong_aead_key(forger: Forger) -> Sent:
    return forger.signed(replace(forger.side, api_v3_key=b"f" * 32).envelope(forger.base))


def _cut_ciphertext(forger: Forger, keep: int) -> Sent:
    envelope = forger.side.envelope(forger.base)
    resource = envelope["resource"]
    assert isinstance(resource, dict)
    sealed = b64decode(str(resource["ciphertext"]))[:keep]
    cut = {**resource, "ciphertext": b64encode(sealed).decode()}
    return forger.signed({**envelope, "resource": cut})


_BAD_SIGNATURE: list[tuple[str, Callable[[Forger], Sent]]] = [
    ("no headers at all", lambda b: (b.honest(), {})),
    ("no signature", lambda b: b.headless("signature")),
    ("no timestamp", lambda b: b.headless("timestamp")),
    ("no nonce", lambda b: b.headless("nonce")),
    ("no serial", lambda b: b.headless("serial")),
    ("an empty signature", lambda b: b.headed(signature="")),
    ("a signature that is no base64", lambda b: b.headed(signature="*** not base64 ***")),
    ("a signature of random bytes", lambda b: b.headed(signature=b64encode(b"x" * 256).decode())),
    ("a signature of non-ASCII letters", lambda b: b.headed(signature="签" * 40)),
    ("a probe", lambda b: b.headed(signature="WECHATPAY/SIGNTEST/" + "A" * 300)),
    ("a probe before a right signature", _probe_of_right),
    ("an unknown serial", lambda b: b.headed(serial="PUB_KEY_ID_0199999999999999999999")),
    ("a serial that is a path", lambda b: b.headed(serial="../merchant_private")),
    ("a serial with a NUL", lambda b: b.headed(serial=b.side.serial + "\0")),
    ("an empty serial", lambda b: b.headed(serial="")),
    ("signed by a foreign key", _of_foreign_key),
    ("signed without the last newline", _signed_without_newline),
    ("another timestamp than signed", lambda b: b.headed(timestamp=str(int(time.time()) + 1))),
    ("another nonce than signed", lambda b: b.headed(nonce="0" * 32)),
    ("a nonce that swallows a line", _nonce_swallows_body),
    ("a timestamp that is no number", lambda b: _timestamp_of(b, "now")),
    ("a negative timestamp", lambda b: _timestamp_of(b, "-1")),
    ("a timestamp with decimals", lambda b: _timestamp_of(b, f"{time.time():.3f}")),
    ("an endless timestamp", lambda b: _timestamp_of(b, "9" * 5000)),
    ("a timestamp of full-width digits", lambda b: _timestamp_of(b, "１７００００００００")),
    ("a blank after the body", lambda b: _altered(b, lambda body: body + b" ")),
    ("the body written anew",
     lambda b: _altered(b, lambda body: json.dumps(json.loads(body), indent=1).encode())),
    ("the body cut short", lambda b: _altered(b, lambda body: body[:-10])),
    ("an empty body under another's signature", lambda b: _altered(b, lambda _: b"")),
]  # fmt: skip
_STALE: list[tuple[str, Callable[[Forger], Sent]]] = [
    ("five minutes old", lambda b: b.headed(at=time.time() - 301)),
    ("a day old", lambda b: b.headed(at=time.time() - 86_400)),
    ("five minutes ahead", lambda b: b.headed(at=time.time() + 302)),
    ("of the year 1970", lambda b: b.headed(at=0)),
    ("of the far future", lambda b: b.headed(at=999_999_999_999)),
]
_FOREIGN_APP: list[tuple[str, Callable[[Forger], Sent]]] = [
    ("a foreign appid, validly signed", lambda b: b.says(appid="wx9999999999999999")),
    ("an empty appid, validly signed", lambda b: b.says(appid="")),
    ("our appid in capitals, validly signed", lambda b: b.says(appid=b.side.appid.upper())),
]
_FOREIGN_SELLER: list[tuple[str, Callable[[Forger], Sent]]] = [
    ("a foreign mchid, validly signed", lambda b: b.says(mchid="1999999999")),
    ("an empty mchid, validly signed", lambda b: b.says(mchid="")),
    ("a refund of a foreign mchid", lambda b: b.refund(mchid="1999999999")),
]
_NOT_PAID: list[tuple[str, Callable[[Forger], Sent]]] = [
    ("a trade that waits", lambda b: b.says(trade_state="NOTPAY")),
    ("a trade that is closed", lambda b: b.says(trade_state="CLOSED")),
    ("a payment that failed", lambda b: b.says(trade_state="PAYERROR")),
    ("an unknown state", lambda b: b.says(trade_state="DREAMT")),
    ("an event of another product", lambda b: b.event("COUPON.USE")),
    ("a refund still in work", lambda b: b.refund(refund_status="PROCESSING")),
]
_WRONG_AMOUNT: list[tuple[str, Callable[[Forger], Sent]]] = [
    ("another currency", lambda b: b.says(amount={"total": 8800, "currency": "JPY"})),
]
_MALFORMED: list[tuple[str, Callable[[Forger], Sent]]] = [
    ("an empty body, signed", lambda b: b.signed(b"")),
    ("no JSON", lambda b: b.signed(b"<xml/>")),
    ("a form", lambda b: b.signed(b"id=1&event_type=TRANSACTION.SUCCESS")),
    ("JSON that is a list", lambda b: b.signed([])),
    ("JSON that is null", lambda b: b.signed(b"null")),
    ("JSON nested without end", lambda b: b.signed(b"[" * 60_000)),
    ("bytes that are no UTF-8", lambda b: b.signed(b'{"id":"\xff\xfe"}')),
    ("a lone surrogate", lambda b: b.signed(b'{"id":"\\ud800","event_type":"X","resource":{}}')),
    ("a huge body", lambda b: b.signed(b" " * 200_000 + b.honest())),
    ("no id", lambda b: b.envelope_without("id")),
    ("no resource", lambda b: b.envelope_without("resource")),
    ("no event_type", lambda b: b.envelope_without("event_type")),
    ("an event_type that is a number", lambda b: b.event(1)),
    ("another cipher", lambda b: b.resource(algorithm="AES_128_ECB")),
    ("the wrong APIv3 key", _wrong_aead_key),
    ("a ciphertext cut short", lambda b: _cut_ciphertext(b, -1)),
    ("a ciphertext shorter than its tag", lambda b: _cut_ciphertext(b, 7)),
    ("an empty ciphertext", lambda b: b.resource(ciphertext="")),
    ("a ciphertext that is no base64", lambda b: b.resource(ciphertext="***")),
    ("other associated data", lambda b: b.resource(associated_data="refund")),
    ("no associated data", lambda b: b.resource(associated_data="")),
    ("another nonce", lambda b: b.resource(nonce="000000000000")),
    ("an empty nonce", lambda b: b.resource(nonce="")),
    ("an endless nonce", lambda b: b.resource(nonce="0" * 500)),
    ("a resource that is no JSON", lambda b: b.plain(b"\x00\xff")),
    ("a resource that is a number", lambda b: b.plain(b"1")),
    ("an amount of NaN", lambda b: b.amount(float("nan"))),
    ("a negative amount", lambda b: b.amount(-8800)),
    ("an amount of zero", lambda b: b.amount(0)),
    ("an amount with decimals", lambda b: b.amount(8800.5)),
    ("an amount with an exponent",
     lambda b: b.plain(json.dumps(b.base).replace("8800", "88e2").encode())),
    ("an amount as text", lambda b: b.amount("8800")),
    ("an amount that is true", lambda b: b.amount(True)),
    ("an enormous amount", lambda b: b.amount(10**30)),
    ("no amount", lambda b: b.without("amount")),
    ("no appid", lambda b: b.without("appid")),
    ("no mchid", lambda b: b.without("mchid")),
    ("no order's number", lambda b: b.without("out_trade_no")),
    ("no transaction's number", lambda b: b.without("transaction_id")),
    ("a NUL in the order's number", lambda b: b.says(out_trade_no="01JD\0A1")),
    ("a newline after the order's number", lambda b: b.says(out_trade_no="01JDA1\n")),
    ("an order's number that is a list", lambda b: b.says(out_trade_no=["01JDA1"])),
    ("an endless transaction's number", lambda b: b.says(transaction_id="4" * 5000)),
    ("no time", lambda b: b.without("success_time")),
    ("a time without a zone", lambda b: b.says(success_time="2026-11-21T10:00:00")),
    ("a time before time", lambda b: b.says(success_time="0001-01-01T00:00:00+08:00")),
    ("a time that is none", lambda b: b.says(success_time="yesterday")),
    ("a refund without an amount", lambda b: b.refund(amount={})),
    ("a refund of a negative amount", lambda b: b.refund(amount={"refund": -1})),
    ("a refund under a number with a newline", lambda b: b.refund(out_refund_no="R\n1")),
]  # fmt: skip

TABLE = [
    *((name, forge, Verdict.BAD_SIGNATURE) for name, forge in _BAD_SIGNATURE),
    *((name, forge, Verdict.STALE) for name, forge in _STALE),
    *((name, forge, Verdict.FOREIGN_APP) for name, forge in _FOREIGN_APP),
    *((name, forge, Verdict.FOREIGN_SELLER) for name, forge in _FOREIGN_SELLER),
    *((name, forge, Verdict.NOT_PAID) for name, forge in _NOT_PAID),
    *((name, forge, Verdict.WRONG_AMOUNT) for name, forge in _WRONG_AMOUNT),
    *((name, forge, Verdict.MALFORMED) for name, forge in _MALFORMED),
]
WECHATPAY_NAMES = [name for name, _, _ in TABLE]


def wechatpay_forgery(name: str, side: WechatPaySide, base: dict[str, object]) -> Forgery:
    """One of the table. `base`: the resource of an honest notice (`WechatPaySide.paid`)."""
    forge, expected = next((forge, verdict) for named, forge, verdict in TABLE if named == name)
    body, headers = forge(Forger(side, base))
    return Forgery(name, body, headers, expected)
