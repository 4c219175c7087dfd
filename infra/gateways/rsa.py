"""SHA256 with RSA (PKCS#1 v1.5) in base64: the signature both providers use."""

from base64 import b64decode, b64encode
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

from infra.settings import UnusableSetting


class UnusableKey(UnusableSetting):
    """A key file is missing or holds no such key. Names the file, never its content."""


def load_private_key(path: Path) -> RSAPrivateKey:
    try:
        key = _private_key(path.read_bytes())
    except (OSError, ValueError, TypeError) as error:
        raise UnusableKey(f"no readable private key in {path}") from error
    if not isinstance(key, RSAPrivateKey):
        raise UnusableKey(f"not an RSA private key: {path}")
    return key


# Loading proves the key's primes, 50 ms of CPU: once is enough for each key.
@lru_cache(maxsize=8)
def _private_key(pem: bytes) -> object:
    return load_pem_private_key(pem, password=None)


def load_public_key(path: Path) -> RSAPublicKey:
    """From a public key or a certificate: WeChat Pay hands out both."""
    try:
        pem = path.read_bytes()
        if b"BEGIN CERTIFICATE" in pem:
            key: object = load_pem_x509_certificate(pem).public_key()
        else:
            key = load_pem_public_key(pem)
    except (OSError, ValueError) as error:
        raise UnusableKey(f"no readable public key in {path}") from error
    if not isinstance(key, RSAPublicKey):
        raise UnusableKey(f"not an RSA public key: {path}")
    return key


def sign(key: RSAPrivateKey, message: bytes) -> str:
    return b64encode(key.sign(message, PKCS1v15(), SHA256())).decode()


def verifies(key: RSAPublicKey, message: bytes, signature: str) -> bool:
    try:
        key.verify(b64decode(signature, validate=True), message, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True
