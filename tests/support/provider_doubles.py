"""Providers inside httpx: they check our signatures, and answer in their wire format."""

import json
import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import httpx
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from tests.support.notice_keys import AlipaySide, WechatPaySide, signature

Answer = dict[str, object] | httpx.Response | Exception
_PAIR = re.compile(r'(\w+)="([^"]*)"')


def check(key: RSAPublicKey, message: bytes, sealed: str) -> None:
    """Raises InvalidSignature."""
    key.verify(b64decode(sealed), message, PKCS1v15(), SHA256())


def done(**fields: object) -> dict[str, object]:
    return {"code": "10000", "msg": "Success", **fields}


def failed(sub_code: str, code: str = "40004") -> dict[str, object]:
    return {"code": code, "msg": "Business Failed", "sub_code": sub_code, "sub_msg": "..."}


@dataclass
class AlipayDouble:
    """`answers`: by method, what comes back. `asked`: parameters of each call, and its content."""

    side: AlipaySide
    app_key: RSAPublicKey
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[dict[str, str], dict[str, str]]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def envelope(self, method: str, node: dict[str, object]) -> bytes:
        """Escaped and spaced as only the original text is: re-serialising would not verify."""
        text = json.dumps(node, ensure_ascii=False, separators=(" , ", " : ")).replace("/", "\\/")
        sealed = signature(self.side.key, text.encode())
        name = method.replace(".", "_") + "_response"
        return f'{{ "{name}" : {text}, "sign":"{sealed}"}}'.encode()

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if str(request.url) in self.files:
            return httpx.Response(200, content=self.files[str(request.url)])
        form = parse_qsl(request.content.decode(), strict_parsing=True)
        parameters = dict([*request.url.params.multi_items(), *form])
        self.check(parameters)
        self.asked.append((parameters, json.loads(parameters["biz_content"])))
        answer = self.answers[parameters["method"]]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return answer
        return httpx.Response(200, content=self.envelope(parameters["method"], answer))

    def check(self, parameters: dict[str, str]) -> None:
        text = "&".join(f"{k}={v}" for k, v in sorted(parameters.items()) if k != "sign")
        check(self.app_key, text.encode(), parameters["sign"])


@dataclass
class WechatPayDouble:
    """`answers`: by "VERB path" (without the prefix), a status and a message."""

    side: WechatPaySide
    merchant_key: RSAPublicKey
    answers: dict[str, tuple[int, object] | httpx.Response | Exception] = field(
        default_factory=dict
    )
    asked: list[tuple[str, object]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    headers: Callable[[bytes], dict[str, str]] | None = None
    requests: list[httpx.Request] = field(default_factory=list)

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self._check(request)
        self.requests.append(request)
        if str(request.url) in self.files:
            return httpx.Response(200, content=self.files[str(request.url)])
        call = f"{request.method} {request.url.path.removeprefix('/prefix')}"
        self.asked.append((call, json.loads(request.content or b"null")))
        answer = self.answers[call]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return answer
        status, message = answer
        body = b"" if message is None else json.dumps(message).encode()
        headers = (self.headers or self.side.headers)(body)
        return httpx.Response(status, content=body, headers=headers)

    def _check(self, request: httpx.Request) -> None:
        scheme, _, rest = request.headers["authorization"].partition(" ")
        said = dict(_PAIR.findall(rest))
        assert (scheme, said["mchid"]) == ("WECHATPAY2-SHA256-RSA2048", self.side.mchid)
        target = request.url.raw_path.decode()
        head = f"{request.method}\n{target}\n{said['timestamp']}\n{said['nonce_str']}\n"
        check(self.merchant_key, head.encode() + request.content + b"\n", said["signature"])


def wechatpay_error(code: str, status: int = 400) -> tuple[int, object]:
    return status, {"code": code, "message": "..."}
