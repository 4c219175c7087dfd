"""A merchant that speaks to the practice provider with signatures of its own making."""

import json
import secrets
import time
from base64 import b64decode, b64encode
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from tests.support.letterbox import Letter

CHINA = timezone(timedelta(hours=8))


class Clock:
    """The provider's clock: real time, and as far ahead as a test wants."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class AlipayMerchant:
    def __init__(self, provider: httpx.AsyncClient, keys_dir: Path, notify_url: str) -> None:
        accounts = json.loads((keys_dir / "accounts.json").read_text())
        self.app_id, self.seller_id = accounts["app_id"], accounts["seller_id"]
        self._provider = provider
        self._notify_url = notify_url
        self._app_key = private_key(keys_dir / "alipay_app_private.pem")
        self._provider_key = public_key(keys_dir / "alipay_provider_public.pem")

    def signed(self, method: str, content: dict[str, Any], **more: str) -> dict[str, str]:
        parameters = {
            "app_id": self.app_id,
            "method": method,
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": datetime.now(CHINA).strftime("%Y-%m-%d %H:%M:%S"),
            "version": "1.0",
            "notify_url": self._notify_url,
            "biz_content": json.dumps(content, ensure_ascii=False),
        } | more
        return parameters | {"sign": sign(self._app_key, _sorted(parameters))}

    async def call(self, method: str, content: dict[str, Any], **more: str) -> dict[str, Any]:
        """The verified answer."""
        form = self.signed(f"alipay.{method}", content, **more)
        response = await self._provider.post("/alipay/gateway.do", data=form)
        response.raise_for_status()
        return self.opened(response.text, f"alipay_{method.replace('.', '_')}_response")

    def opened(self, text: str, node: str) -> dict[str, Any]:
        start = text.index(f'"{node}":') + len(node) + 3
        _, length = json.JSONDecoder().raw_decode(text[start:])
        exact = text[start : start + length]
        assert verifies(self._provider_key, exact.encode(), json.loads(text)["sign"])
        answer: dict[str, Any] = json.loads(exact)
        return answer

    def page_url(self, out_trade_no: str, **changes: Any) -> str:
        form = self.signed(
            "alipay.trade.page.pay",
            charge(out_trade_no, **changes),
            return_url="http://shop.example/back",
        )
        return f"{self._provider.base_url}/alipay/gateway.do?{urlencode(form)}"

    async def open_page(self, out_trade_no: str, **changes: Any) -> httpx.Response:
        return await self._provider.get(self.page_url(out_trade_no, **changes))

    async def paid(self, out_trade_no: str) -> None:
        """The buyer opens the page and presses the button."""
        await self.open_page(out_trade_no)
        (await self._provider.post(f"/trades/{out_trade_no}/pay")).raise_for_status()

    async def refund(self, out_trade_no: str, refund_no: str, yuan: str) -> dict[str, Any]:
        return await self.call(
            "trade.refund",
            {"out_trade_no": out_trade_no, "out_request_no": refund_no, "refund_amount": yuan},
        )

    def authentic(self, form: dict[str, str]) -> bool:
        rest = {name: value for name, value in form.items() if name not in ("sign", "sign_type")}
        return verifies(self._provider_key, _sorted(rest), form["sign"])


class WechatPayMerchant:
    def __init__(self, provider: httpx.AsyncClient, keys_dir: Path, notify_url: str) -> None:
        accounts = json.loads((keys_dir / "accounts.json").read_text())
        self.appid, self.mchid = accounts["appid"], accounts["mchid"]
        self._serial = accounts["merchant_serial"]
        self._provider = provider
        self._notify_url = notify_url
        self._platform = keys_dir / "wechatpay_platform"
        self._key = private_key(keys_dir / "wechatpay_merchant_private.pem")
        self._api_v3_key = (keys_dir / "wechatpay_api_v3_key.txt").read_bytes()

    async def call(
        self, verb: str, path: str, said: dict[str, Any] | None = None
    ) -> httpx.Response:
        """The answer, its signature verified."""
        response = await self.send(verb, f"/wechatpay/v3{path}", said)
        assert self.authentic(dict(response.headers), response.content)
        return response

    async def send(
        self,
        verb: str,
        target: str,
        said: dict[str, Any] | None = None,
        *,
        skew: int = 0,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        body = json.dumps(said).encode() if said is not None else b""
        stamp, nonce = str(int(time.time()) + skew), secrets.token_hex(16)
        message = f"{verb}\n{target}\n{stamp}\n{nonce}\n".encode() + body + b"\n"
        authorization = (
            f'WECHATPAY2-SHA256-RSA2048 mchid="{self.mchid}",nonce_str="{nonce}",'
            f'signature="{sign(self._key, message)}",timestamp="{stamp}",'
            f'serial_no="{self._serial}"'
        )
        own = {"Authorization": authorization, "Content-Type": "application/json"}
        return await self._provider.request(
            verb, target, content=body, headers=own | (headers or {})
        )

    def order(self, number: str, **changes: Any) -> dict[str, Any]:
        return {
            "appid": self.appid,
            "mchid": self.mchid,
            "description": "Flash lamp",
            "out_trade_no": number,
            "notify_url": self._notify_url,
            "amount": {"total": 8800, "currency": "CNY"},
        } | changes

    async def create(self, number: str, **changes: Any) -> httpx.Response:
        said = self.order(number, **changes)
        return await self.call("POST", "/pay/transactions/native", said)

    async def paid(self, number: str) -> None:
        """The buyer scans the code and pays."""
        (await self.create(number)).raise_for_status()
        (await self._provider.post(f"/trades/{number}/pay")).raise_for_status()

    async def query(self, out_trade_no: str) -> httpx.Response:
        path = f"/pay/transactions/out-trade-no/{out_trade_no}"
        return await self.call("GET", f"{path}?mchid={self.mchid}")

    async def close(self, out_trade_no: str) -> httpx.Response:
        path = f"/pay/transactions/out-trade-no/{out_trade_no}/close"
        return await self.call("POST", path, {"mchid": self.mchid})

    async def refund(self, out_trade_no: str, refund_no: str, fen: int) -> httpx.Response:
        said = {
            "out_trade_no": out_trade_no,
            "out_refund_no": refund_no,
            "reason": "returned",
            "amount": {"refund": fen, "total": 8800, "currency": "CNY"},
        }
        return await self.call("POST", "/refund/domestic/refunds", said)

    def authentic(self, headers: dict[str, str], body: bytes) -> bool:
        key = public_key(self._platform / f"{headers['wechatpay-serial']}.pem")
        head = f"{headers['wechatpay-timestamp']}\n{headers['wechatpay-nonce']}\n".encode()
        return verifies(key, head + body + b"\n", headers["wechatpay-signature"])

    def resource(self, letter: Letter) -> dict[str, Any]:
        sealed = json.loads(letter.body)["resource"]
        plain = AESGCM(self._api_v3_key).decrypt(
            sealed["nonce"].encode(),
            b64decode(sealed["ciphertext"]),
            sealed["associated_data"].encode(),
        )
        resource: dict[str, Any] = json.loads(plain)
        return resource


def charge(out_trade_no: str, **changes: Any) -> dict[str, Any]:
    said = {
        "out_trade_no": out_trade_no,
        "subject": "闪购台灯 <b>lamp</b>",
        "total_amount": "88.00",
        "product_code": "FAST_INSTANT_TRADE_PAY",
    }
    return said | changes


@lru_cache
def private_key(path: Path) -> RSAPrivateKey:
    key = load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, RSAPrivateKey)
    return key


def public_key(path: Path) -> RSAPublicKey:
    key = load_pem_public_key(path.read_bytes())
    assert isinstance(key, RSAPublicKey)
    return key


def sign(key: RSAPrivateKey, message: bytes) -> str:
    return b64encode(key.sign(message, PKCS1v15(), SHA256())).decode()


def verifies(key: RSAPublicKey, message: bytes, signature: str) -> bool:
    try:
        key.verify(b64decode(signature, validate=True), message, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def _sorted(parameters: dict[str, str]) -> bytes:
    text = "&".join(f"{name}={parameters[name]}" for name in sorted(parameters))
    return text.encode("gbk" if parameters.get("charset") == "GBK" else "utf-8")
