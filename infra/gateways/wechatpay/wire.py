"""WeChat Pay's wire (API v3): signatures over raw bytes, resources under the APIv3 key.

Source: WeChat Pay merchant documentation, "signature generation", "signature verification",
"decrypting callbacks and certificates".
"""

import re
import secrets
import time
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.notice import Verdict
from infra.gateways.rsa import UnusableKey, load_public_key, sign, verifies

log = structlog.get_logger()

API_V3_KEY_BYTES = 32
FRESH_SECONDS = 300
_SCHEME = "WECHATPAY2-SHA256-RSA2048"
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_NONCE = re.compile(r"[!-~]{1,128}", re.ASCII)
# Sent by WeChat Pay on purpose, to see whether a merchant really verifies.
_PROBE = "WECHATPAY/SIGNTEST/"
_REREAD_SECONDS = 3.0
# How WeChat Pay names its public keys; certificates are named by a serial in hexadecimal.
_PUBLIC_KEY = "PUB_KEY_ID_"


@dataclass(frozen=True)
class Merchant:
    """Who signs our requests."""

    mchid: str
    serial: str
    key: RSAPrivateKey

    def authorization(self, verb: str, target: str, body: bytes, at: datetime) -> str:
        """The header for a request to `target` (path and query, exactly as sent)."""
        nonce, timestamp = secrets.token_hex(16), str(int(at.timestamp()))
        head = f"{verb}\n{target}\n{timestamp}\n{nonce}\n".encode()
        signature = sign(self.key, head + body + b"\n")
        return (
            f'{_SCHEME} mchid="{self.mchid}",nonce_str="{nonce}",signature="{signature}",'
            f'timestamp="{timestamp}",serial_no="{self.serial}"'
        )


class PlatformKeys:
    """WeChat Pay's public keys: a folder of `<serial>.pem`. A key added while we run is found
    without a restart; asking WeChat Pay for one would let any sender of notices make us call."""

    def __init__(self, folder: Path, asked_for: str = "") -> None:
        """`asked_for`: see `asked_for()`; the newest public key of the folder without it."""
        self._folder = folder
        self._asked_for = asked_for
        self._newest = ""
        self._keys: dict[str, RSAPublicKey] = {}
        self._read_at = 0.0
        self._reread()
        if not self._keys:
            raise UnusableKey(f"no WeChat Pay public key in {folder}")

    def find(self, serial: str) -> RSAPublicKey | None:
        if serial not in self._keys:
            self._reread_if_old()
        return self._keys.get(serial)

    def asked_for(self) -> str:
        """The id of the public key that WeChat Pay is asked to sign its answers with; empty where
        there are certificates alone, which it takes by itself."""
        # The one we name is the one that answers, so no unknown serial would tell us of a newer.
        if not self._asked_for:
            self._reread_if_old()
        return self._asked_for or self._newest

    def _reread_if_old(self) -> None:
        if time.monotonic() - self._read_at > _REREAD_SECONDS:
            self._reread()

    def _reread(self) -> None:
        self._read_at = time.monotonic()
        paths = sorted(self._folder.glob("[!.]*.pem"), key=_written_at)
        for path in paths:
            if path.stem in self._keys:
                continue
            try:
                self._keys[path.stem] = load_public_key(path)
            except UnusableKey as error:
                # One broken file must not take the others away.
                log.error("wechatpay_key_unusable", error=str(error))
        known = [path.stem for path in paths if path.stem in self._keys]
        public = [serial for serial in known if serial.startswith(_PUBLIC_KEY)]
        self._newest = public[-1] if public else ""


def _written_at(path: Path) -> tuple[float, str]:
    try:
        return path.stat().st_mtime, path.name
    except OSError:
        # Taken away between the look into the folder and this one.
        return 0.0, path.name


def authenticity(
    headers: Mapping[str, str], body: bytes, keys: PlatformKeys, now: datetime
) -> Verdict:
    """ACCEPTED, BAD_SIGNATURE or STALE, for a notice or an answer (header names lower-case)."""
    timestamp = headers.get("wechatpay-timestamp", "")
    nonce = headers.get("wechatpay-nonce", "")
    signature = headers.get("wechatpay-signature", "")
    if not _TIMESTAMP.fullmatch(timestamp) or not _NONCE.fullmatch(nonce):
        return Verdict.BAD_SIGNATURE
    key = keys.find(headers.get("wechatpay-serial", ""))
    if key is None or signature.startswith(_PROBE):
        return Verdict.BAD_SIGNATURE
    message = f"{timestamp}\n{nonce}\n".encode() + body + b"\n"
    if not verifies(key, message, signature):
        return Verdict.BAD_SIGNATURE
    # After the signature: a timestamp that nobody signed says nothing.
    age = abs(now.timestamp() - int(timestamp))
    return Verdict.STALE if age >= FRESH_SECONDS else Verdict.ACCEPTED


def decrypt(api_v3_key: bytes, nonce: str, associated_data: str, ciphertext: str) -> bytes:
    """AEAD_AES_256_GCM. Raises ValueError when anything of it does not fit."""
    try:
        sealed = b64decode(ciphertext, validate=True)
        return AESGCM(api_v3_key).decrypt(nonce.encode(), sealed, associated_data.encode())
    except InvalidTag:
        raise ValueError("resource does not decrypt") from None
