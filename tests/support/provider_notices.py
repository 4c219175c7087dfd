"""Messages as payment providers send them, with real signatures."""

import json
import time
from base64 import b64encode
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from domain.money import to_yuan

ALIPAY, WECHATPAY = "/v1/webhooks/alipay", "/v1/webhooks/wechatpay"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
APP_ID, SELLER_ID = "2021000000000001", "2088000000000001"
APPID, MCHID, SERIAL = "wx0000000000000001", "1900000001", "P1"
API_V3_KEY = "0123456789abcdef0123456789abcdef"


def sign(key: RSAPrivateKey, message: bytes) -> str:
    return b64encode(key.sign(message, PKCS1v15(), SHA256())).decode()


def alipay_form(key: RSAPrivateKey, fields: dict[str, str]) -> dict[str, str]:
    text = "&".join(f"{name}={value}" for name, value in sorted(fields.items()))
    return {**fields, "sign_type": "RSA2", "sign": sign(key, text.encode())}


def alipay_notice(key: RSAPrivateKey, payment_id: str, amount: int, **changes: str) -> bytes:
    fields = {
        "notify_id": "n-1",
        "notify_time": "2026-11-21 10:00:00",
        "notify_type": "trade_status_sync",
        "app_id": APP_ID,
        "seller_id": SELLER_ID,
        "charset": "utf-8",
        "out_trade_no": payment_id,
        "trade_no": f"T-alipay-{payment_id}",
        "trade_status": "TRADE_SUCCESS",
        "total_amount": to_yuan(amount),
        "gmt_payment": "2026-11-21 09:59:58",
        **changes,
    }
    return urlencode(alipay_form(key, fields)).encode()


def wechatpay_notice(
    key: RSAPrivateKey, payment_id: str, amount: int, **changes: Any
) -> tuple[bytes, dict[str, str]]:
    """Body and headers."""
    transaction = {
        "appid": APPID,
        "mchid": MCHID,
        "out_trade_no": payment_id,
        "transaction_id": f"T-wechatpay-{payment_id}",
        "trade_state": "SUCCESS",
        "success_time": "2026-11-21T10:00:00+08:00",
        "amount": {"total": amount, "currency": "CNY"},
        **changes,
    }
    nonce, associated = "0123456789ab", "transaction"
    sealed = AESGCM(API_V3_KEY.encode()).encrypt(
        nonce.encode(), json.dumps(transaction).encode(), associated.encode()
    )
    envelope = {
        "id": "n-1",
        "event_type": "TRANSACTION.SUCCESS",
        "resource_type": "encrypt-resource",
        "resource": {
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": b64encode(sealed).decode(),
            "nonce": nonce,
            "associated_data": associated,
        },
    }
    body = json.dumps(envelope).encode()
    return body, wechatpay_headers(key, body)


def wechatpay_headers(
    key: RSAPrivateKey, body: bytes, timestamp: int | None = None
) -> dict[str, str]:
    timestamp = int(time.time()) if timestamp is None else timestamp
    nonce = "f00d"
    signature = sign(key, f"{timestamp}\n{nonce}\n".encode() + body + b"\n")
    return {
        "Content-Type": "application/json",
        "Wechatpay-Serial": SERIAL,
        "Wechatpay-Timestamp": str(timestamp),
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature": signature,
    }
