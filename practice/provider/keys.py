"""The practice provider's identity and keys: files both sides read, as after a real sign-up."""

import json
import os
import re
import secrets
from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from practice.provider.certificate import PlatformCertificate, new_certificate

PLATFORM_PUBLIC = "wechatpay_platform"
PLATFORM_PRIVATE = "wechatpay_platform_private"
# Not in the merchant's folder of keys: who wants to verify by it fetches it, or puts it there.
CERTIFICATE, CERTIFICATE_KEY = "wechatpay_certificate.pem", "wechatpay_certificate_private.pem"
API_V3_KEY_LENGTH = 32
OWN_SERIAL = re.compile(r"PUB_KEY_ID_\d{28}")


@dataclass(frozen=True)
class Accounts:
    """`accounts.json`: who the merchant is at each provider, and WeChat Pay's current key."""

    app_id: str
    seller_id: str
    appid: str
    mchid: str
    merchant_serial: str
    platform_serial: str


def sign(key: RSAPrivateKey, message: bytes) -> str:
    """SHA256 with RSA (PKCS#1 v1.5) in base64, as both providers sign."""
    return b64encode(key.sign(message, PKCS1v15(), SHA256())).decode()


def verifies(key: RSAPublicKey, message: bytes, signature: str) -> bool:
    try:
        key.verify(b64decode(signature, validate=True), message, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


class Keys:
    """Keys of a folder, made on first use: the provider's private halves, the merchant's public
    ones. Everything is in memory; only `rotate` writes again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        _prepare(folder)
        self.accounts = Accounts(**json.loads((folder / "accounts.json").read_text()))
        self.alipay_provider = _private(folder / "alipay_provider_private.pem")
        self.alipay_app = _public(folder / "alipay_app_public.pem")
        self.wechatpay_merchant = _public(folder / "wechatpay_merchant_public.pem")
        self.api_v3_key = (folder / "wechatpay_api_v3_key.txt").read_bytes()
        self.platform = self._platform_key()
        self.certificate = PlatformCertificate.read(
            folder / CERTIFICATE, _private(folder / CERTIFICATE_KEY)
        )

    def platform_key(self, serial: str) -> RSAPrivateKey | None:
        """What signs under a serial of WeChat Pay: the certificate's, or that of a public key,
        the current one or an earlier one; None for a serial that was never given out."""
        if serial == self.certificate.serial:
            return self.certificate.key
        # The serial comes with a request: only what we made ourselves is a file's name.
        path = self._folder / PLATFORM_PRIVATE / f"{serial}.pem"
        known = OWN_SERIAL.fullmatch(serial) and path.exists()
        return _private(path) if known else None

    def rotate(self) -> str:
        """Make a new current WeChat Pay key and return its serial. The old public key stays in
        the merchant's folder, so that what was signed with it still verifies."""
        serial = _make_platform_key(self._folder)
        self.accounts = replace(self.accounts, platform_serial=serial)
        _write_accounts(self._folder, self.accounts)
        self.platform = self._platform_key()
        return serial

    def _platform_key(self) -> RSAPrivateKey:
        return _private(self._folder / PLATFORM_PRIVATE / f"{self.accounts.platform_serial}.pem")


def _prepare(folder: Path) -> None:
    for path in (folder, folder / PLATFORM_PUBLIC, folder / PLATFORM_PRIVATE):
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o700)
    for name in ("alipay_provider", "alipay_app", "wechatpay_merchant"):
        _make_pair(folder / f"{name}_private.pem", folder / f"{name}_public.pem")
    if not (folder / CERTIFICATE).exists():
        key = _new_private(folder / CERTIFICATE_KEY)
        _write(folder / CERTIFICATE, new_certificate(key), 0o644)
    secret = folder / "wechatpay_api_v3_key.txt"
    if not secret.exists():
        _write(secret, secrets.token_hex(API_V3_KEY_LENGTH // 2).encode(), 0o600)
    if not (folder / "accounts.json").exists():
        # Made up, but of the shape that real ones have.
        accounts = Accounts(
            app_id=f"2021{_digits(12)}",
            seller_id=f"2088{_digits(12)}",
            appid=f"wx{secrets.token_hex(8)}",
            mchid=f"19{_digits(8)}",
            merchant_serial=secrets.token_hex(20).upper(),
            platform_serial=_make_platform_key(folder),
        )
        _write_accounts(folder, accounts)


def _make_platform_key(folder: Path) -> str:
    serial = f"PUB_KEY_ID_01{_digits(26)}"
    _make_pair(
        folder / PLATFORM_PRIVATE / f"{serial}.pem", folder / PLATFORM_PUBLIC / f"{serial}.pem"
    )
    return serial


def _make_pair(private: Path, public: Path) -> None:
    if private.exists() and public.exists():
        return
    key = _new_private(private).public_key()
    _write(public, key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), 0o644)


def _new_private(path: Path) -> RSAPrivateKey:
    key = generate_private_key(public_exponent=65537, key_size=2048)
    _write(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    return key


def _write_accounts(folder: Path, accounts: Accounts) -> None:
    _write(folder / "accounts.json", json.dumps(asdict(accounts), indent=2).encode(), 0o644)


def _write(path: Path, content: bytes, mode: int) -> None:
    # Beside and renamed: a merchant that reads the folder meanwhile never sees half a key.
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
    draft.replace(path)


def _digits(length: int) -> str:
    return "".join(secrets.choice("0123456789") for _ in range(length))


def _private(path: Path) -> RSAPrivateKey:
    key = _loaded(path.read_bytes())
    if not isinstance(key, RSAPrivateKey):
        raise TypeError(f"no RSA key: {path.name}")
    return key


# Loading proves the key's primes, 50 ms of CPU: once is enough for each key.
@lru_cache(maxsize=8)
def _loaded(pem: bytes) -> object:
    return load_pem_private_key(pem, password=None)


def _public(path: Path) -> RSAPublicKey:
    key = load_pem_public_key(path.read_bytes())
    if not isinstance(key, RSAPublicKey):
        raise TypeError(f"no RSA key: {path.name}")
    return key
