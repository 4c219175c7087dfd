"""Keys from files, and the signature both providers use."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as new_ec_key
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from infra.gateways.rsa import UnusableKey, load_private_key, load_public_key, sign, verifies
from tests.support.notice_keys import new_key, private_pem, public_pem


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return new_key()


def certificate(key: RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Tenpay")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
        .sign(key, SHA256())
    )  # fmt: skip
    return signed.public_bytes(Encoding.PEM)


def test_what_a_key_signed_verifies_with_its_public_half_and_nothing_else(
    key: RSAPrivateKey,
) -> None:
    signature = sign(key, b"message")
    public = key.public_key()
    assert verifies(public, b"message", signature)
    assert not verifies(public, b"massage", signature)
    assert not verifies(new_key().public_key(), b"message", signature)


@pytest.mark.parametrize("signature", ["", "*** no base64 ***", "eA==", "签名"])
def test_what_is_no_signature_does_not_verify(key: RSAPrivateKey, signature: str) -> None:
    assert not verifies(key.public_key(), b"message", signature)


def test_a_public_key_comes_as_a_key_or_as_a_certificate(
    key: RSAPrivateKey, tmp_path: Path
) -> None:
    (tmp_path / "key.pem").write_bytes(public_pem(key))
    (tmp_path / "certificate.pem").write_bytes(certificate(key))
    (tmp_path / "private.pem").write_bytes(private_pem(key))
    numbers = key.public_key().public_numbers()
    assert load_public_key(tmp_path / "key.pem").public_numbers() == numbers
    assert load_public_key(tmp_path / "certificate.pem").public_numbers() == numbers
    assert load_private_key(tmp_path / "private.pem").private_numbers() == key.private_numbers()


def test_a_file_that_holds_no_such_key_is_named_and_not_shown(tmp_path: Path) -> None:
    elliptic = new_ec_key(SECP256R1())
    (tmp_path / "text.pem").write_text("a secret of somebody")
    (tmp_path / "ec_private.pem").write_bytes(
        elliptic.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    (tmp_path / "ec_public.pem").write_bytes(
        elliptic.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    for name in ("missing.pem", "text.pem", "ec_private.pem"):
        with pytest.raises(UnusableKey, match=name) as private:
            load_private_key(tmp_path / name)
        assert "secret" not in str(private.value)
    for name in ("missing.pem", "text.pem", "ec_public.pem"):
        with pytest.raises(UnusableKey, match=name):
            load_public_key(tmp_path / name)
