"""Who signs notices in tests: the provider's side of the keys, and what an honest notice is."""

import json
import secrets
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from domain.notice import Verdict
from infra.gateways.rsa import load_private_key

FORM_HEADERS = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
PAYMENT_ID = "01JD0000000001ABCDEFGHJKMNA1"


@dataclass(frozen=True)
class Forgery:
    """A notice to be refused (or kept without effect). `expected`: the gateway's verdict."""

    name: str
    body: bytes
    headers: dict[str, str]
    expected: Verdict

    @property
    def sendable(self) -> bool:
        """Whether an HTTP client can send such headers at all."""
        return all(value.isascii() and value.isprintable() for value in self.headers.values())


def new_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


def signature(key: RSAPrivateKey, message: bytes) -> str:
    return b64encode(key.sign(message, PKCS1v15(), SHA256())).decode()


def private_pem(key: RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(key: RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def beijing_now() -> datetime:
    return datetime.now(ZoneInfo("Asia/Shanghai"))


@dataclass(frozen=True)
class AlipaySide:
    """Alipay's own key, and who the merchant is to it."""

    key: RSAPrivateKey
    app_id: str = "2021000000000001"
    seller_id: str = "2088000000000001"

    @classmethod
    def of_folder(cls, folder: Path) -> "AlipaySide":
        """From the practice provider's folder of keys."""
        accounts = json.loads((folder / "accounts.json").read_text())
        key = load_private_key(folder / "alipay_provider_private.pem")
        return cls(key, accounts["app_id"], accounts["seller_id"])

    def paid(self, payment_id: str = PAYMENT_ID, amount: str = "88.00") -> dict[str, str]:
        """The fields of an honest notice of a payment, unsigned."""
        now = beijing_now().strftime("%Y-%m-%d %H:%M:%S")
        return {
            "notify_time": now,
            "notify_type": "trade_status_sync",
            "notify_id": secrets.token_hex(16),
            "app_id": self.app_id,
            "charset": "utf-8",
            "version": "1.0",
            "trade_no": f"2026112122001{secrets.randbelow(10**15):015d}",
            "out_trade_no": payment_id,
            "seller_id": self.seller_id,
            "trade_status": "TRADE_SUCCESS",
            "total_amount": amount,
            "receipt_amount": amount,
            "subject": "秒杀 a+b=c & 100%",
            "gmt_create": now,
            "gmt_payment": now,
        }

    def seal(self, fields: Mapping[str, str], charset: str = "utf-8") -> dict[str, str]:
        """The fields with their signature."""
        text = "&".join(f"{name}={value}" for name, value in sorted(fields.items()))
        sealed = signature(self.key, text.encode(charset))
        return {**fields, "sign_type": "RSA2", "sign": sealed}

    def body(self, fields: Mapping[str, str], charset: str = "utf-8") -> bytes:
        """A signed notice as it is sent."""
        return urlencode(self.seal(fields, charset), encoding=charset).encode()


@dataclass(frozen=True)
class WechatPaySide:
    """WeChat Pay's own key, the shared APIv3 key, and who the merchant is to it."""

    key: RSAPrivateKey
    serial: str = "PUB_KEY_ID_0100000000000000000001"
    api_v3_key: bytes = b"0123456789abcdef0123456789abcdef"
    appid: str = "wx0000000000000001"
    mchid: str = "1900000001"

    @classmethod
    def of_folder(cls, folder: Path) -> "WechatPaySide":
        """From the practice provider's folder of keys."""
        accounts = json.loads((folder / "accounts.json").read_text())
        serial = accounts["platform_serial"]
        return cls(
            load_private_key(folder / "wechatpay_platform_private" / f"{serial}.pem"),
            serial,
            (folder / "wechatpay_api_v3_key.txt").read_bytes().strip(),
            accounts["appid"],
            accounts["mchid"],
        )

    def paid(self, payment_id: str = PAYMENT_ID, total: int = 8800) -> dict[str, object]:
        """The resource of an honest notice of a payment, unencrypted."""
        return {
            "appid": self.appid,
            "mchid": self.mchid,
            "out_trade_no": payment_id,
            "transaction_id": f"4200{secrets.randbelow(10**24):024d}",
            "trade_type": "NATIVE",
            "trade_state": "SUCCESS",
            "trade_state_desc": "支付成功",
            "bank_type": "OTHERS",
            "attach": "",
            "success_time": beijing_now().isoformat(timespec="seconds"),
            "payer": {"openid": "o1"},
            "amount": {"total": total, "payer_total": total, "currency": "CNY"},
        }

    def refunded(
        self, refund_id: str, payment_id: str = PAYMENT_ID, *, amount: int = 8800,
        status: str = "SUCCESS",
    ) -> dict[str, object]:  # fmt: skip
        return {
            "mchid": self.mchid,
            "out_trade_no": payment_id,
            "transaction_id": "4200000000000000000000000001",
            "out_refund_no": refund_id,
            "refund_id": "50000000000000000000000001",
            "refund_status": status,
            "success_time": beijing_now().isoformat(timespec="seconds"),
            "user_received_account": "支付用户零钱",
            "amount": {"total": 8800, "refund": amount, "payer_total": 8800},
        }

    def envelope(
        self,
        resource: object,
        event_type: str = "TRANSACTION.SUCCESS",
        *,
        changes: Mapping[str, object] | None = None,
    ) -> dict[str, object]:
        """A notice's JSON around the encrypted `resource`; `changes` spoil the encryption."""
        plain = resource if isinstance(resource, bytes) else json.dumps(resource).encode()
        nonce = secrets.token_hex(6)
        sealed = AESGCM(self.api_v3_key).encrypt(nonce.encode(), plain, b"transaction")
        return {
            "id": secrets.token_hex(16),
            "create_time": beijing_now().isoformat(timespec="seconds"),
            "resource_type": "encrypt-resource",
            "event_type": event_type,
            "summary": "支付成功",
            "resource": {
                "original_type": "transaction",
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": b64encode(sealed).decode(),
                "associated_data": "transaction",
                "nonce": nonce,
                **(changes or {}),
            },
        }

    def headers(self, body: bytes, *, at: float | None = None, **changes: str) -> dict[str, str]:
        """The headers of a signed notice or answer; `changes` are made after signing."""
        stamp, nonce = str(int(time.time() if at is None else at)), secrets.token_hex(16)
        return {
            "content-type": "application/json",
            "wechatpay-serial": self.serial,
            "wechatpay-timestamp": stamp,
            "wechatpay-nonce": nonce,
            "wechatpay-signature": signature(
                self.key, f"{stamp}\n{nonce}\n".encode() + body + b"\n"
            ),
            "wechatpay-signature-type": "WECHATPAY2-SHA256-RSA2048",
            **{f"wechatpay-{name}": value for name, value in changes.items()},
        }
