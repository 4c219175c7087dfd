"""Forged, damaged and merely irrelevant Alipay notices."""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from domain.notice import Verdict
from tests.support.notice_keys import (
    FORM_HEADERS,
    AlipaySide,
    Forgery,
    new_key,
    signature,
)

Fields = dict[str, str]


@dataclass(frozen=True)
class Forger:
    """The honest notice (`base`, unsigned) and the tools to spoil it."""

    side: AlipaySide
    base: Mapping[str, str]

    def signed(self, **changes: str) -> bytes:
        """Validly signed, whatever it says."""
        return self.side.body({**self.base, **changes})

    def without(self, *names: str) -> bytes:
        return self.side.body({k: v for k, v in self.base.items() if k not in names})

    def altered(self, **changes: str) -> bytes:
        """Changed after it was signed."""
        return urlencode({**self.side.seal(self.base), **changes}).encode()

    def resigned(self, sealed: Callable[[bytes], str], **extra: str) -> bytes:
        text = self.text({**self.base, **extra})
        return urlencode({**self.base, **extra, "sign_type": "RSA2", "sign": sealed(text)}).encode()

    def text(self, fields: Mapping[str, str]) -> bytes:
        return "&".join(f"{name}={value}" for name, value in sorted(fields.items())).encode()

    def sign(self) -> str:
        return self.side.seal(self.base)["sign"]

    def dropped_after_signing(self, name: str) -> bytes:
        return urlencode({k: v for k, v in self.side.seal(self.base).items() if k != name}).encode()


def _foreign_key(forger: Forger) -> bytes:
    return replace(forger.side, key=new_key()).body(forger.base)


def _sha1(forger: Forger) -> bytes:
    return forger.resigned(
        lambda text: b64encode(forger.side.key.sign(text, PKCS1v15(), SHA1())).decode()  # noqa: S303
    )


def _pss(forger: Forger) -> bytes:
    padding = PSS(MGF1(SHA256()), PSS.MAX_LENGTH)
    return forger.resigned(
        lambda text: b64encode(forger.side.key.sign(text, padding, SHA256())).decode()
    )


def _signs_its_type(forger: Forger) -> bytes:
    return forger.resigned(lambda text: signature(forger.side.key, text), sign_type="RSA2")


def _signed_as_encoded(forger: Forger) -> bytes:
    encoded = urlencode(sorted(forger.base.items())).encode()
    return forger.resigned(lambda _: signature(forger.side.key, encoded))


def _of_another_notice(forger: Forger) -> bytes:
    return forger.altered(sign=forger.side.seal({**forger.base, "total_amount": "0.01"})["sign"])


def _twice(forger: Forger, name: str, value: str) -> bytes:
    return forger.signed() + f"&{name}={value}".encode()


def _gbk_called_utf8(forger: Forger) -> bytes:
    return forger.side.body({**forger.base, "subject": "秒杀商品"}, charset="gb18030")


def _full_refund(forger: Forger, **changes: str) -> bytes:
    refunded = {"trade_status": "TRADE_CLOSED", "gmt_refund": "2026-11-21 10:00:00.000"}
    return forger.signed(**{**refunded, **changes})


_BAD_SIGNATURE: list[tuple[str, Callable[[Forger], bytes]]] = [
    ("no signature", lambda b: b.dropped_after_signing("sign")),
    ("an empty signature", lambda b: b.altered(sign="")),
    ("a signature that is no base64", lambda b: b.altered(sign="%%% not base64 %%%")),
    ("a signature of non-ASCII letters", lambda b: b.altered(sign="签名" * 40)),
    ("a signature of random bytes", lambda b: b.altered(sign=b64encode(b"x" * 256).decode())),
    ("half a signature", lambda b: b.altered(sign=b.sign()[:172])),
    ("the signature twice over", lambda b: b.altered(sign=b.sign() * 2)),
    ("a newline after the signature", lambda b: b.altered(sign=b.sign() + "\n")),
    ("a NUL in the signature", lambda b: b.altered(sign="\0" + b.sign()[1:])),
    ("the signature of another notice", _of_another_notice),
    ("the signature under another name", lambda b: b.dropped_after_signing("sign") + b"&Sign=eA"),
    ("no sign_type", lambda b: b.dropped_after_signing("sign_type")),
    ("sign_type RSA", lambda b: b.altered(sign_type="RSA")),
    ("sign_type none", lambda b: b.altered(sign_type="none")),
    ("signed with SHA1", _sha1),
    ("signed with PSS padding", _pss),
    ("signed over the encoded values", _signed_as_encoded),
    ("signed together with its sign_type", _signs_its_type),
    ("signed by a foreign key", _foreign_key),
    ("the amount altered after signing", lambda b: b.altered(total_amount="0.01")),
    ("the order altered after signing", lambda b: b.altered(out_trade_no="OTHER")),
    ("the trade altered after signing", lambda b: b.altered(trade_no="1")),
    ("the state altered after signing", lambda b: b.altered(trade_status="TRADE_FINISHED")),
    ("the app altered after signing", lambda b: b.altered(app_id="2021999999999999")),
    ("the seller altered after signing", lambda b: b.altered(seller_id="2088999999999999")),
    ("a field added after signing", lambda b: b.altered(refund_fee="88.00")),
    ("a field taken out after signing", lambda b: b.dropped_after_signing("gmt_create")),
    ("a blank added after signing", lambda b: b.altered(version="1.0 ")),
    ("a body cut short", lambda b: b.signed()[:-40].rpartition(b"%")[0]),
]  # fmt: skip
_FOREIGN_APP: list[tuple[str, Callable[[Forger], bytes]]] = [
    ("a foreign app_id, validly signed", lambda b: b.signed(app_id="2021999999999999")),
    ("no app_id, validly signed", lambda b: b.without("app_id")),
    ("our app_id with a blank, validly signed", lambda b: b.signed(app_id=b.side.app_id + " ")),
]
_FOREIGN_SELLER: list[tuple[str, Callable[[Forger], bytes]]] = [
    ("a foreign seller, validly signed", lambda b: b.signed(seller_id="2088999999999999")),
    ("no seller, validly signed", lambda b: b.without("seller_id")),
    ("an empty seller, validly signed", lambda b: b.signed(seller_id="")),
]
_NOT_PAID: list[tuple[str, Callable[[Forger], bytes]]] = [
    ("a trade that waits", lambda b: b.signed(trade_status="WAIT_BUYER_PAY")),
    ("a trade closed by timeout", lambda b: b.signed(trade_status="TRADE_CLOSED")),
    ("an unknown state", lambda b: b.signed(trade_status="TRADE_DREAMT")),
    ("no state", lambda b: b.without("trade_status")),
    ("a state in small letters", lambda b: b.signed(trade_status="trade_success")),
    ("a refund without a number of ours", lambda b: _full_refund(b, refund_fee="88.00")),
]
_AMOUNTS = {
    "NaN": "NaN", "infinite": "Infinity", "negative": "-88.00", "an exponent": "8.8e1",
    "three decimals": "88.001", "zero": "0.00", "a comma": "88,00", "a blank before": " 88.00",
    "a newline after": "88.00\n", "full-width digits": "８８.00", "an underscore": "8_8.00",
    "enormous": "99999999999.00", "empty": "", "hexadecimal": "0x58", "a plus": "+88.00",
}  # fmt: skip
_MALFORMED: list[tuple[str, Callable[[Forger], bytes]]] = [
    ("an empty body", lambda _: b""),
    ("JSON instead of a form", lambda b: json.dumps(dict(b.base)).encode()),
    ("XML instead of a form", lambda _: b"<xml><return_code>SUCCESS</return_code></xml>\n"),
    ("random bytes", lambda _: bytes(range(256))),
    ("a name without a value", lambda b: b.signed() + b"&lonely"),
    ("an ampersand at the end", lambda b: b.signed() + b"&"),
    ("a broken escape", lambda b: b.signed() + b"&x=%zz"),
    ("a half escape", lambda b: b.signed() + b"&x=%4"),
    ("a bare NUL byte", lambda b: b.signed() + b"&x=\0"),
    ("a bare newline", lambda b: b.signed() + b"\n"),
    ("a second amount", lambda b: _twice(b, "total_amount", "0.01")),
    ("the same parameter twice", lambda b: _twice(b, "app_id", b.side.app_id)),
    ("the same parameter twice, once escaped", lambda b: _twice(b, "%61pp_id", b.side.app_id)),
    ("a second signature", lambda b: _twice(b, "sign", "eA")),
    ("a huge body", lambda b: b.signed(body="x" * 200_000)),
    ("GBK that calls itself UTF-8", _gbk_called_utf8),
    ("a charset nobody knows", lambda b: b.signed(charset="klingon")),
    ("a charset that is a codec", lambda b: b.signed(charset="hex")),
    ("a charset of non-ASCII letters", lambda b: b.signed(charset="字符")),
    ("a NUL in the order's number", lambda b: b.signed(out_trade_no="01JD\0A1")),
    ("a NUL in the subject", lambda b: b.signed(subject="a\0b")),
    ("a newline in the order's number", lambda b: b.signed(out_trade_no="01JD\nA1")),
    ("a newline after the order's number", lambda b: b.signed(out_trade_no="01JDA1\n")),
    ("a newline in the trade's number", lambda b: b.signed(trade_no="2026\r\n1")),
    ("an empty order's number", lambda b: b.signed(out_trade_no="")),
    ("an endless order's number", lambda b: b.signed(out_trade_no="A" * 5000)),
    ("no order's number", lambda b: b.without("out_trade_no")),
    ("no trade's number", lambda b: b.without("trade_no")),
    ("no notify_id", lambda b: b.without("notify_id")),
    ("no amount", lambda b: b.without("total_amount")),
    ("a time that is none", lambda b: b.signed(gmt_payment="yesterday")),
    ("a time before time", lambda b: b.signed(gmt_payment="0001-01-01 00:00:00")),
    ("a refund without an amount", lambda b: _full_refund(b, out_biz_no="R1")),
    ("a refund of NaN", lambda b: _full_refund(b, out_biz_no="R1", refund_fee="NaN")),
    ("a refund under a number with a NUL",
     lambda b: _full_refund(b, out_biz_no="R\0", refund_fee="1.00")),
    *((f"an amount that is {n}" if n == "NaN" else f"an amount: {n}",
       lambda b, v=v: b.signed(total_amount=v)) for n, v in _AMOUNTS.items()),
]  # fmt: skip

TABLE = [
    *((name, forge, Verdict.BAD_SIGNATURE) for name, forge in _BAD_SIGNATURE),
    *((name, forge, Verdict.FOREIGN_APP) for name, forge in _FOREIGN_APP),
    *((name, forge, Verdict.FOREIGN_SELLER) for name, forge in _FOREIGN_SELLER),
    *((name, forge, Verdict.NOT_PAID) for name, forge in _NOT_PAID),
    *((name, forge, Verdict.MALFORMED) for name, forge in _MALFORMED),
]
ALIPAY_NAMES = [name for name, _, _ in TABLE]


def alipay_forgery(name: str, side: AlipaySide, base: Mapping[str, str]) -> Forgery:
    """One of the table. `base`: the fields of an honest notice, unsigned (`AlipaySide.paid`)."""
    forge, expected = next((forge, verdict) for named, forge, verdict in TABLE if named == name)
    return Forgery(name, forge(Forger(side, base)), dict(FORM_HEADERS), expected)
