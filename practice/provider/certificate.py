"""WeChat Pay's platform certificate: how answers were signed before there were public keys, and
still are for merchants that have not asked for the other."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import (
    Certificate,
    CertificateBuilder,
    Name,
    NameAttribute,
    load_pem_x509_certificate,
    random_serial_number,
)
from cryptography.x509.oid import NameOID

LIFETIME = timedelta(days=5 * 365)


@dataclass(frozen=True)
class PlatformCertificate:
    key: RSAPrivateKey
    certificate: Certificate

    @classmethod
    def read(cls, path: Path, key: RSAPrivateKey) -> "PlatformCertificate":
        """Raises ValueError for what is no certificate in PEM."""
        return cls(key, load_pem_x509_certificate(path.read_bytes()))

    @property
    def serial(self) -> str:
        return f"{self.certificate.serial_number:X}"

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def lifetime(self) -> tuple[float, float]:
        """From and until when it is good, in epoch seconds."""
        certificate = self.certificate
        return (
            certificate.not_valid_before_utc.timestamp(),
            certificate.not_valid_after_utc.timestamp(),
        )


def new_certificate(key: RSAPrivateKey) -> bytes:
    """A certificate in PEM that vouches for itself: no merchant asks who signed it."""
    name = Name([NameAttribute(NameOID.COMMON_NAME, "Practice platform")])
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    built = (
        CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(random_serial_number())
        .not_valid_before(today)
        .not_valid_after(today + LIFETIME)
    )
    return built.sign(key, SHA256()).public_bytes(Encoding.PEM)
